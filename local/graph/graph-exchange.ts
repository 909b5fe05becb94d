/** One request to Graph and its reply, apart from any HTTP server: `$batch` parts have the same form. */

/** The app that a token speaks for. */
export type AppPrincipal = { appId: string; objectId: string; tenantId: string };

export type GraphRequest = {
  method: string;
  /** Path below the version, undecoded, for links and for fault rules. */
  path: string;
  /** Decoded segments; `mailFolders('inbox')` has become two. */
  segments: string[];
  query: ODataOptions;
  /** Lower-case names. */
  headers: Record<string, string | undefined>;
  body: Buffer;
  app: AppPrincipal;
  /** Root of links in the reply, such as `http://127.0.0.1:7072/v1.0`: the host that the client called. */
  root: string;
  /** Values of the `:name` places of the route. */
  params: Record<string, string>;
};

export type GraphReply = {
  status: number;
  headers?: Record<string, string>;
  /** JSON, raw bytes, or nothing. */
  body?: unknown;
};

/** Query options by lower-case name with their `$`. */
export type ODataOptions = ReadonlyMap<string, string>;

/** Reads the query of a URL; names match in any letter case, as Graph takes them. */
export function readODataOptions(search: string): ODataOptions {
  const options = new Map<string, string>();
  for (const [name, value] of new URLSearchParams(search)) options.set(name.toLowerCase(), value);
  return options;
}

/** Splits a path into decoded segments, with `name('key')` as two and `name()` as one. */
export function readSegments(path: string): string[] {
  const segments: string[] = [];
  for (const raw of path.split('/')) {
    if (raw === '') continue;
    const text = safelyDecode(raw);
    const keyed = /^([^(']+)\('(.*)'\)$/s.exec(text);
    const called = /^([^(]+)\(\)$/.exec(text);
    if (keyed?.[1] !== undefined && keyed[2] !== undefined) segments.push(keyed[1], keyed[2].replaceAll("''", "'"));
    else segments.push(called?.[1] ?? text);
  }
  return segments;
}

function safelyDecode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
