import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { MailboxUnavailableError, PermanentError, TransientError } from '../../../shared/errors.ts';
import { MAILBOX } from '../../support/builders.ts';
import { graphMailOver } from '../../support/graph-over-http.ts';
import { type LoopbackServer, sendJson, startLoopbackServer } from '../../support/loopback-server.ts';

let graph: LoopbackServer;
let refusal: { status: number; headers?: Record<string, string>; code: string };

beforeEach(async () => {
  graph = await startLoopbackServer((_, response) =>
    sendJson(response, { error: { code: refusal.code, message: 'quotes a mail' } }, refusal.status, refusal.headers),
  );
});

afterEach(() => graph.close());

/** What asking for content comes to. */
async function failureOf(kind: 'MIME' | 'attachment'): Promise<unknown> {
  const mail = graphMailOver(graph.url);
  const { signal } = new AbortController();
  try {
    await (kind === 'MIME'
      ? mail.openMime(MAILBOX, 'mail-1', signal)
      : mail.openAttachment(MAILBOX, 'mail-1', 'a1', signal));
  } catch (error) {
    return error;
  }
  return undefined;
}

describe.each(['MIME', 'attachment'] as const)('%s that Graph refuses', (kind) => {
  it('carries how long Graph asked us to wait, and its code [F35]', async () => {
    refusal = { status: 429, headers: { 'Retry-After': '45' }, code: 'ApplicationThrottled' };
    const error = await failureOf(kind);
    expect(error).toBeInstanceOf(TransientError);
    expect(error).toMatchObject({ retryAfterMs: 45_000, code: 'graph:429:ApplicationThrottled' });
  });

  it('carries it for an outage too', async () => {
    refusal = { status: 503, headers: { 'Retry-After': '30' }, code: 'ServiceUnavailable' };
    const error = await failureOf(kind);
    expect(error).toBeInstanceOf(TransientError);
    expect(error).toMatchObject({ retryAfterMs: 30_000 });
  });

  it.each([401, 408, 409, 500])('is temporary for %i, as everywhere', async (status) => {
    refusal = { status, code: 'Passing' };
    expect(await failureOf(kind)).toBeInstanceOf(TransientError);
  });

  it.each([400, 405, 413])('is the mail’s own fault for %i', async (status) => {
    refusal = { status, code: 'ErrorInvalidRequest' };
    expect(await failureOf(kind)).toBeInstanceOf(PermanentError);
  });

  it.each([403, 404])('does not suspend the mailbox for %i of the one mail', async (status) => {
    refusal = { status, code: status === 403 ? 'ErrorAccessDenied' : 'ErrorItemNotFound' };
    expect(await failureOf(kind)).not.toBeInstanceOf(MailboxUnavailableError);
  });
});
