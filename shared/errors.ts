/**
 * The failures this app knows by name. Each says who has to act: nobody (we try again), or the administrator.
 * Expected outcomes (a mail that is gone, a delta token that expired) are return values, not errors.
 */

/** Goes away by itself: throttling, outages, timeouts, a lost race. Whoever catches it tries again later. */
export class TransientError extends Error {
  override name = 'TransientError';
  readonly code: string;
  /** What the service asked us to wait, in milliseconds. */
  readonly retryAfterMs: number | undefined;

  constructor(code: string, options: { retryAfterMs?: number | undefined; cause?: unknown } = {}) {
    super(`${code}: temporary, tried again later`, { cause: options.cause });
    this.code = code;
    this.retryAfterMs = options.retryAfterMs;
  }
}

/** Why a mailbox cannot be read at present: 403 or 404. */
export type MailboxTrouble = 'no-access' | 'not-found';

/** Why a watched folder cannot be read: its mailbox cannot, it has no such folder, or nobody answers. */
export type FolderTrouble = MailboxTrouble | 'no-folder' | 'no-answer';

/** The mailbox (or folder) refuses us until an administrator changes something; its mail is not lost, only late. */
export class MailboxUnavailableError extends Error {
  override name = 'MailboxUnavailableError';
  readonly trouble: MailboxTrouble;
  readonly code: string;

  constructor(trouble: MailboxTrouble, code: string, options: { cause?: unknown } = {}) {
    super(`mailbox unavailable (${trouble}, ${code})`, options);
    this.trouble = trouble;
    this.code = code;
  }
}

/** A request that will fail again however often it is repeated: our bug, or data we cannot read. */
export class PermanentError extends Error {
  override name = 'PermanentError';
  readonly code: string;

  constructor(code: string, options: { cause?: unknown } = {}) {
    super(`${code}: trying again does not help`, options);
    this.code = code;
  }
}

/** The lease of a mailbox passed to somebody else: drop everything, they go on. */
export class LaneLostError extends Error {
  override name = 'LaneLostError';

  constructor() {
    super('the lane of this mailbox was taken over');
  }
}

const isWord = (text: unknown): text is string => typeof text === 'string' && /^[\w.:-]{1,64}$/.test(text);

/** The code that a service gave, where it is a word; anything else may quote mail. */
export const codeWord = (code: unknown): string => (isWord(code) ? code : 'unknown');

/** A stable word for logs and reasons; never the message, which may quote what a service said about mail. */
export function errorCode(error: unknown): string {
  if (error instanceof TransientError || error instanceof MailboxUnavailableError || error instanceof PermanentError)
    return error.code;
  if (error instanceof Error && 'code' in error && isWord(error.code)) return error.code;
  return codeWord(error instanceof Error ? error.name : undefined);
}

/** A failure as the host may see it: whatever is thrown at it, it logs with message and stack. */
export class InvocationError extends Error {
  override name = 'InvocationError';

  constructor(failure: unknown) {
    super(errorCode(failure));
  }
}
