/** A refusal in Graph's words, thrown by whatever notices it and turned into a reply in one place. */

export type GraphFailureOptions = { headers?: Record<string, string>; innerError?: Record<string, string> };

export class GraphFailure extends Error {
  override readonly name = 'GraphFailure';
  readonly status: number;
  readonly code: string;
  readonly headers: Record<string, string>;
  readonly innerError: Record<string, string>;

  constructor(status: number, code: string, message: string, options: GraphFailureOptions = {}) {
    super(message);
    this.status = status;
    this.code = code;
    this.headers = options.headers ?? {};
    this.innerError = options.innerError ?? {};
  }
}

/** The body that every failure of Graph has. */
export function failureBody(
  failure: GraphFailure,
  ids: { requestId: string; clientRequestId: string; now: number },
): { error: unknown } {
  return {
    error: {
      code: failure.code,
      message: failure.message,
      innerError: {
        ...failure.innerError,
        date: new Date(ids.now).toISOString().slice(0, 19),
        'request-id': ids.requestId,
        'client-request-id': ids.clientRequestId,
      },
    },
  };
}

export const badRequest = (message: string): GraphFailure => new GraphFailure(400, 'BadRequest', message);

/** A selection of something that a type does not have. */
export const unknownProperty = (name: string, type: string): GraphFailure =>
  new GraphFailure(400, 'RequestBroker--ParseUri', `Could not find a property named '${name}' on type '${type}'.`);

export const itemNotFound = (): GraphFailure =>
  new GraphFailure(404, 'ErrorItemNotFound', 'The specified object was not found in the store.');

export const invalidUser = (name: string): GraphFailure =>
  new GraphFailure(404, 'ErrorInvalidUser', `The requested user '${name}' is invalid.`);

export const resourceNotFound = (name: string): GraphFailure =>
  new GraphFailure(
    404,
    'Request_ResourceNotFound',
    `Resource '${name}' does not exist or one of its queried reference-property objects are not present.`,
  );

/** 429 with a decimal wait, as the documentation's sample has it (graph/throttling). */
export function throttled(code: string, message: string, waitSeconds: number): GraphFailure {
  return new GraphFailure(429, code, message, { headers: { 'Retry-After': String(Number(waitSeconds.toFixed(3))) } });
}
