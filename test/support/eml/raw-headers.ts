// Reads the header block of a mail as it stands in the file. It exists because mail libraries tidy up what they read:
// the last of two equal headers wins, ids get brackets, dates fall back to now.

/** One header field, unfolded, otherwise as written. */
export interface RawHeader {
  readonly name: string;
  readonly value: string;
}

function headerBlock(raw: Buffer): Buffer {
  const ends = [raw.indexOf('\r\n\r\n'), raw.indexOf('\n\n')].filter((position) => position >= 0);
  const end = ends.length === 0 ? raw.length : Math.min(...ends);
  return /^\r?\n/u.test(raw.subarray(0, 2).toString('latin1')) ? Buffer.alloc(0) : raw.subarray(0, end);
}

function decoded(bytes: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return bytes.toString('latin1');
  }
}

/** The header fields of a mail in their order; lines that are no header (an mbox `From ` line) are skipped. */
export function rawHeaders(raw: Buffer): RawHeader[] {
  const unfolded = headerBlock(raw)
    .toString('latin1')
    .replaceAll(/\r?\n(?=[ \t])/gu, '')
    .split(/\r?\n/u);
  return unfolded.flatMap((line) => {
    const match = /^([^:\s]+)[ \t]*:[ \t]*(.*?)[ \t]*$/su.exec(line);
    const [, name, value] = match ?? [];
    return name === undefined || value === undefined ? [] : [{ name, value: decoded(Buffer.from(value, 'latin1')) }];
  });
}

/** The value of the first header of that name that has one. */
export function firstHeader(headers: readonly RawHeader[], name: string): string | undefined {
  return headers.find((header) => header.name.toLowerCase() === name && header.value !== '')?.value;
}
