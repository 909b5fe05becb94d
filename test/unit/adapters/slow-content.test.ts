import type { ServerResponse } from 'node:http';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { errorCode, TransientError } from '../../../shared/errors.ts';
import { MAILBOX } from '../../support/builders.ts';
import { graphMailOver, graphOver } from '../../support/graph-over-http.ts';
import { type LoopbackServer, startLoopbackServer } from '../../support/loopback-server.ts';

const SECOND = 1_000;
let graph: LoopbackServer;
/** The answer that the server has begun. */
let begun: ServerResponse | undefined;
let contentType: string;
let status: number;

beforeEach(async () => {
  // Only what the app itself waits with: the connection goes on in real time.
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  begun = undefined;
  status = 200;
  contentType = 'application/octet-stream';
  graph = await startLoopbackServer((_, response) => {
    begun = response;
    response.writeHead(status, { 'Content-Type': contentType });
    response.write('{"part": 0');
  });
});

afterEach(async () => {
  vi.useRealTimers();
  await graph.close();
});

const { signal } = new AbortController();

async function readPart(reader: ReadableStreamDefaultReader<Uint8Array>): Promise<string> {
  const { value } = await reader.read();
  return Buffer.from(value ?? []).toString();
}

describe('content of a mail', () => {
  it.each(['application/octet-stream', 'message/rfc822', 'application/json'])(
    'may take many minutes as long as it moves: %s [F82]',
    async (type) => {
      contentType = type;
      const stream = await graphMailOver(graph.url).openAttachment(MAILBOX, 'mail-1', 'a1', signal);
      const reader = stream.getReader();
      expect(await readPart(reader)).toBe('{"part": 0');
      for (let part = 1; part <= 9; part++) {
        await vi.advanceTimersByTimeAsync(20 * SECOND);
        begun?.write(`,"${part}": ${part}`);
        expect(await readPart(reader)).toBe(`,"${part}": ${part}`);
      }
      begun?.end('}');
      expect(await readPart(reader)).toBe('}');
      expect((await reader.read()).done).toBe(true);
    },
  );

  it('ends as a temporary failure when it stops moving [F38]', async () => {
    const stream = await graphMailOver(graph.url).openMime(MAILBOX, 'mail-1', signal);
    const reader = stream.getReader();
    await readPart(reader);
    const failure = reader.read().catch((error: unknown) => error);
    await vi.advanceTimersByTimeAsync(70 * SECOND);
    expect(await failure).toBeInstanceOf(TransientError);
    // The store must not take it for a failure of its own, which would be the whole mailbox's matter.
    expect(errorCode(await failure)).toMatch(/^graph:/);
  });

  it('ends as a temporary failure when the connection breaks [F38]', async () => {
    const stream = await graphMailOver(graph.url).openMime(MAILBOX, 'mail-1', signal);
    const reader = stream.getReader();
    await readPart(reader);
    const failure = reader.read().catch((error: unknown) => error);
    begun?.destroy();
    expect(await failure).toBeInstanceOf(TransientError);
    // The store must not take it for a failure of its own, which would be the whole mailbox's matter.
    expect(errorCode(await failure)).toMatch(/^graph:/);
  });

  it('leaves no timer behind when its reader gives up', async () => {
    const stream = await graphMailOver(graph.url).openMime(MAILBOX, 'mail-1', signal);
    const before = vi.getTimerCount();
    await stream.cancel();
    expect(before).toBeGreaterThan(0);
    expect(vi.getTimerCount()).toBe(0);
  });
});

describe('an answer of Graph that stops in the middle', () => {
  it.each([
    ['application/json', 200],
    ['text/plain', 200],
    ['text/plain', 502],
    ['application/json', 500],
  ])('is given up after a minute: %s with status %i [F38]', async (type, code) => {
    contentType = type;
    status = code;
    const state = { over: false };
    const answer = graphOver(graph.url)
      .get('/users')
      .catch(() => undefined)
      .finally(() => {
        state.over = true;
      });
    await vi.waitUntil(() => begun !== undefined);
    for (let turn = 0; turn < 50 && !state.over; turn++) {
      await vi.advanceTimersByTimeAsync(5 * SECOND);
      await new Promise((resolve) => void setImmediate(resolve));
    }
    expect(state.over).toBe(true);
    await answer;
  });
});
