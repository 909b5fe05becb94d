// When blobs were written, by the clock that tests move: Azurite knows only the real one.
const BLOB = /<Blob><Name>([^<]*)<\/Name>.*?<\/Blob>/gs;
const TIME = /<(Creation-Time|Last-Modified)>[^<]*</g;

/** `container/name` of the blob that a request is about. */
function pathOf(url: string): string {
  const [path = ''] = url.split('?', 1);
  return decodeURIComponent(path.split('/').slice(2).join('/'));
}

export class BlobTimes {
  readonly #written = new Map<string, number>();

  /** A blob was written by the request with this URL. */
  note(url: string, at: number): void {
    this.#written.set(pathOf(url), at);
  }

  /** The answer to a list request with the times at which its blobs were written; all have the same length. */
  correct(url: string, xml: string): string {
    const container = pathOf(url);
    return xml.replaceAll(BLOB, (blob, name: string) => {
      const at = this.#written.get(`${container}/${name}`);
      return at === undefined ? blob : blob.replaceAll(TIME, `<$1>${new Date(at).toUTCString()}<`);
    });
  }
}
