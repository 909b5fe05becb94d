import { GraphError } from '@microsoft/microsoft-graph-client';
import { describe, expect, it } from 'vitest';
import {
  isDeltaExpired,
  isMailboxGone,
  parseRetryAfter,
  readFailure,
  toError,
  toFailure,
} from '../../../shared/adapters/graph/graph-failure.ts';
import { MailboxUnavailableError, PermanentError, TransientError } from '../../../shared/errors.ts';
import { answeredPayload } from '../../support/payloads.ts';

const NOW = Date.parse('Sat, 21 Nov 2026 09:30:00 GMT');

const failureIn = (name: string) => {
  const { status, headers, body } = answeredPayload(name);
  return readFailure(status, body, headers['Retry-After'], NOW);
};

describe('Retry-After', () => {
  it.each([
    ['0', 0],
    ['6', 6_000],
    ['3.417', 3_417],
    [' 12 ', 12_000],
    ['-5', 0],
    ['3600', 3_600_000],
    ['86400', 3_600_000],
    ['1e9', 3_600_000],
    ['Sat, 21 Nov 2026 09:31:30 GMT', 90_000],
    ['Sat, 21 Nov 2026 09:29:00 GMT', 0],
    ['Sat, 21 Nov 2099 09:29:00 GMT', 3_600_000],
    ['soon', undefined],
    ['NaN', undefined],
    ['Infinity', undefined],
    ['', undefined],
    [null, undefined],
    [undefined, undefined],
  ])('%o is %o ms [F35]', (value, ms) => {
    expect(parseRetryAfter(value, NOW)).toBe(ms);
  });
});

describe('a refusal', () => {
  it.each([
    ['error-403-access-denied-policy', MailboxUnavailableError, 'graph:403:ErrorAccessDenied'],
    ['error-403-access-denied-rbac', MailboxUnavailableError, 'graph:403:ErrorAccessDenied'],
    ['error-404-mailbox-not-enabled', MailboxUnavailableError, 'graph:404:MailboxNotEnabledForRESTAPI'],
    ['error-404-item-not-found', MailboxUnavailableError, 'graph:404:ErrorItemNotFound'],
    ['error-429-generic-fractional', TransientError, 'graph:429:TooManyRequests'],
    ['error-429-mailbox-concurrency', TransientError, 'graph:429:ApplicationThrottled'],
    ['error-503-backend-unknown', TransientError, undefined],
    ['error-503-mailbox-info-stale', TransientError, undefined],
    ['error-400-renew-invalid-parameter', PermanentError, 'graph:400:ErrorInvalidParameter'],
  ])('%s of a mailbox is the error that says who has to act', (name, kind, code) => {
    const error = toError(failureIn(name), 'mailbox', undefined);
    expect(error).toBeInstanceOf(kind);
    if (code) expect(error).toMatchObject({ code });
  });

  it('of the service is never the state of a mailbox', () => {
    for (const name of ['error-403-access-denied-rbac', 'error-404-mailbox-not-enabled'])
      expect(toError(failureIn(name), 'service', undefined)).toBeInstanceOf(PermanentError);
  });

  it('keeps the time to wait', () => {
    expect(toError(failureIn('error-429-generic-fractional'), 'mailbox', undefined)).toMatchObject({
      retryAfterMs: 3_417,
    });
  });

  it.each([401, 408, 409, 429, 500, 502, 503, 504, 507, -1])('with %i passes [F37, F42]', (status) => {
    const failure = { status, code: 'x', message: '', retryAfterMs: undefined };
    expect(toError(failure, 'mailbox', undefined)).toBeInstanceOf(TransientError);
  });

  it('tells a mailbox that is gone from a mail that is [F33, F34]', () => {
    expect(isMailboxGone(failureIn('error-404-mailbox-not-enabled'))).toBe(true);
    expect(isMailboxGone(failureIn('error-404-item-not-found'))).toBe(false);
    expect(isMailboxGone(failureIn('error-403-access-denied-rbac'))).toBe(false);
  });

  it('tells a delta token that was forgotten [F43]', () => {
    for (const name of ['error-410-resync-required', 'error-410-sync-state-not-found'])
      expect(isDeltaExpired(failureIn(name))).toBe(true);
    for (const name of ['error-404-item-not-found', 'error-429-generic-fractional', 'error-503-backend-unknown'])
      expect(isDeltaExpired(failureIn(name))).toBe(false);
  });

  it.each([undefined, null, '', 'text', 17, [], {}, { error: null }, { error: 'x' }, { error: { code: 5 } }])(
    'with an odd body is still a refusal: %o',
    (body) => {
      expect(readFailure(500, body, undefined, NOW)).toEqual({
        status: 500,
        code: 'unknown',
        message: '',
        retryAfterMs: undefined,
      });
    },
  );

  it('as the Graph client throws it keeps status, code and header', () => {
    const thrown = new GraphError(429, 'quotes a mail');
    thrown.code = 'TooManyRequests';
    thrown.headers = new Headers({ 'Retry-After': '2' });
    expect(toFailure(thrown, NOW)).toMatchObject({ status: 429, code: 'TooManyRequests', retryAfterMs: 2_000 });
  });

  it('never shows in its message what Graph said [T17]', () => {
    const failure = { status: 400, code: 'BadRequest', message: 'secret subject', retryAfterMs: undefined };
    for (const asked of ['mailbox', 'service'] as const)
      expect(toError(failure, asked, undefined).message).not.toContain('secret');
  });

  it('does not take an error of our own for one of Graph', () => {
    expect(() => toFailure(new TypeError('a bug'), NOW)).toThrow(TypeError);
  });
});
