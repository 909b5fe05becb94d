/** A request as the identity endpoint sees it, whatever server it came through. */
export type HttpQuestion = {
  method: string;
  /** Undecoded path, without the query. */
  pathname: string;
  query: URLSearchParams;
  /** Lower-case names. */
  headers: Record<string, string | undefined>;
  body: Buffer;
};

/** A JSON answer of the identity endpoint. */
export type HttpAnswer = { status: number; body: unknown; headers?: Record<string, string> };
