import { inspect } from 'node:util';

/** The host cannot start, or a request of its operator is wrong; the message says what to change. */
export class HostError extends Error {
  override readonly name = 'HostError';
}

/** The text of anything thrown, with its stack where there is one. */
export function describeError(error: unknown): string {
  return error instanceof Error ? (error.stack ?? `${error.name}: ${error.message}`) : inspect(error);
}

/** The first line of anything thrown. */
export function errorMessage(error: unknown): string {
  if (!(error instanceof Error)) return inspect(error);
  // @azure/service-bus ends some connection failures in an AggregateError without any text of its own.
  if (error instanceof AggregateError && error.message === '') return error.errors.map(errorMessage).join('; ');
  return error.message;
}
