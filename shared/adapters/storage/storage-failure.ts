import { RestError } from '@azure/data-tables';
import { codeWord, PermanentError, TransientError } from '../../errors.ts';

/** The service's own word; single calls and transactions keep it in different places (sdk-notes of data-tables 13.3). */
export function storageCode(error: unknown): string {
  if (!(error instanceof RestError)) return 'unknown';
  if (error.code && error.code !== 'REQUEST_SEND_ERROR') return error.code;
  const details: unknown = error.details;
  if (typeof details === 'object' && details !== null && 'odataError' in details) {
    const odata: unknown = details.odataError;
    if (typeof odata === 'object' && odata !== null && 'code' in odata && typeof odata.code === 'string')
      return odata.code;
  }
  return error.code ?? `http:${error.statusCode ?? 0}`;
}

export const isStatus = (error: unknown, status: number): boolean =>
  typeof error === 'object' && error !== null && 'statusCode' in error && error.statusCode === status;

/** A refused write because the row is not what we thought: 412 on an ETag, 409 on an insert, 404 on a lost row. */
export const isConflict = (error: unknown): boolean => [404, 409, 412].some((status) => isStatus(error, status));

/** Anything else as the error that says who has to act: data that the service calls bad is our bug, the rest passes. */
export function toStorageError(error: unknown): Error {
  if (error instanceof TransientError || error instanceof PermanentError) return error;
  const code = `storage:${codeWord(storageCode(error))}`;
  return isStatus(error, 400) || isStatus(error, 413)
    ? new PermanentError(code, { cause: error })
    : new TransientError(code, { cause: error });
}

/** Runs a call to storage and names its failure. */
export async function atStorage<T>(call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    throw toStorageError(error);
  }
}
