import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { TransientError } from '../../../shared/errors.ts';
import { INBOX, MAILBOX } from '../../support/builders.ts';
import { graphMailOver } from '../../support/graph-over-http.ts';
import { type LoopbackServer, startLoopbackServer } from '../../support/loopback-server.ts';

let answer: { type: string; body: string };
let graph: LoopbackServer;
beforeEach(async () => {
  graph = await startLoopbackServer((_, response) =>
    response.writeHead(200, { 'content-type': answer.type }).end(answer.body),
  );
});
afterEach(() => graph.close());

const PLACE = `/v1.0/users/${MAILBOX}/mailFolders/${INBOX}/messages/delta?$deltatoken=x`;
const { signal } = new AbortController();
const since = new Date('2026-10-12T08:00:00Z');
const window = { by: 'receivedDateTime', from: since, skip: 0, start: since } as const;

describe('an answer of 200 that is no page', () => {
  // An empty page would say that there is nothing new, and the link or the gap would move on past the mail.
  const ANSWERS: [string, string][] = [
    ['text/html', '<html>Please wait</html>'],
    ['application/json', '{}'],
    ['application/json', '[]'],
    ['application/json', '{"value":null}'],
    ['application/json', '{"value":{}}'],
    ['application/json', '{"value":[{"id":"A'],
  ];

  it.each(ANSWERS)('is a failure that passes, and never an empty page: %s %s [F39]', async (type, body) => {
    answer = { type, body };
    const mail = graphMailOver(graph.url);
    await expect(mail.openChain(MAILBOX, INBOX, since, 50, signal)).rejects.toBeInstanceOf(TransientError);
    await expect(mail.followLink(`${graph.url}${PLACE}`, 50, signal)).rejects.toBeInstanceOf(TransientError);
    await expect(mail.listSince(MAILBOX, INBOX, window, 50, signal)).rejects.toBeInstanceOf(TransientError);
  });

  it('is no delta page either where it lists mail and leads nowhere [F39]', async () => {
    answer = { type: 'application/json', body: '{"value":[]}' };
    const mail = graphMailOver(graph.url);
    await expect(mail.openChain(MAILBOX, INBOX, since, 50, signal)).rejects.toBeInstanceOf(TransientError);
    await expect(mail.followLink(`${graph.url}${PLACE}`, 50, signal)).rejects.toBeInstanceOf(TransientError);
  });
});
