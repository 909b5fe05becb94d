import { GraphError } from '@microsoft/microsoft-graph-client';
import * as z from 'zod';
import { codeWord, MailboxUnavailableError, PermanentError, TransientError } from '../../errors.ts';

/** A refused Graph request, reduced to what decisions need. `message` may quote mail: never log it. */
export interface GraphFailure {
  /** -1: no answer at all. */
  status: number;
  code: string;
  message: string;
  retryAfterMs: number | undefined;
}

const bodySchema = z.looseObject({
  error: z.looseObject({ code: z.string().nullish(), message: z.string().nullish() }).optional(),
});

/** Seconds, also fractional (throttling page), or an HTTP date; in ms. At most an hour is believed. */
export function parseRetryAfter(value: string | null | undefined, now: number): number | undefined {
  if (!value) return undefined;
  const seconds = Number(value);
  const ms = Number.isFinite(seconds) ? seconds * 1000 : Date.parse(value) - now;
  return Number.isFinite(ms) ? Math.min(3_600_000, Math.max(0, ms)) : undefined;
}

/** From the status and parsed body of an answer; a part of a `$batch` has nothing else. */
export function readFailure(
  status: number,
  body: unknown,
  retryAfter: string | null | undefined,
  now: number,
): GraphFailure {
  const parsed = bodySchema.safeParse(body);
  const error = parsed.success ? parsed.data.error : undefined;
  return {
    status,
    code: codeWord(error?.code),
    message: error?.message ?? '',
    retryAfterMs: parseRetryAfter(retryAfter, now),
  };
}

/** From what the Graph client throws. */
export function toFailure(error: unknown, now: number): GraphFailure {
  if (!(error instanceof GraphError)) throw error;
  const retryAfter = error.headers?.get('Retry-After');
  return {
    status: error.statusCode,
    code: codeWord(error.code),
    message: error.message,
    retryAfterMs: parseRetryAfter(retryAfter, now),
  };
}

const MAILBOX_GONE = new Set([
  'MailboxNotEnabledForRESTAPI',
  'MailboxNotSupportedForRESTAPI',
  'ErrorInvalidUser',
  'ErrorNonExistentMailbox',
  'ResourceNotFound',
  'Request_ResourceNotFound',
]);

/** 404 of the mailbox or user itself, not of one mail or folder in it (fact sheet 13). */
export const isMailboxGone = ({ status, code }: GraphFailure): boolean => status === 404 && MAILBOX_GONE.has(code);

/** The token of a delta chain was forgotten: 410, or another 40x with one of these codes, in any letter case. */
export const isDeltaExpired = ({ status, code }: GraphFailure): boolean =>
  status === 410 || (status >= 400 && status < 500 && /^(syncstatenotfound|resyncrequired)$/i.test(code));

/**
 * The failure as the error that says who has to act. `asked` is what the request was about: a 403 or 404 for a mailbox
 * is the mailbox's state, elsewhere it is our bug or a missing permission.
 */
export function toError(failure: GraphFailure, asked: 'mailbox' | 'service', cause: unknown): Error {
  const { status, code, retryAfterMs } = failure;
  const name = `graph:${status}:${code}`;
  if (status === 403 && asked === 'mailbox') return new MailboxUnavailableError('no-access', name, { cause });
  if (status === 404 && asked === 'mailbox') return new MailboxUnavailableError('not-found', name, { cause });
  const passing = status < 400 || status >= 500 || status === 401 || status === 408 || status === 409 || status === 429;
  return passing ? new TransientError(name, { retryAfterMs, cause }) : new PermanentError(name, { cause });
}
