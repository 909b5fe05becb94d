import type { ServerResponse } from 'node:http';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { MailboxUnavailableError, PermanentError } from '../../../shared/errors.ts';
import { INBOX, MAILBOX } from '../../support/builders.ts';
import { graphMailOver, graphMessage } from '../../support/graph-over-http.ts';
import { START } from '../../support/in-memory-ports.ts';
import { type LoopbackServer, sendJson, startLoopbackServer } from '../../support/loopback-server.ts';

const message = (changes: Record<string, unknown> = {}) => {
  const { attachments: _, ...plain } = graphMessage('mail-1', new Date(START));
  return { ...plain, hasAttachments: true, ...changes };
};

const attachment = {
  '@odata.type': '#microsoft.graph.fileAttachment',
  id: 'a1',
  name: 'order.pdf',
  contentType: 'application/pdf',
  size: 9,
  isInline: false,
};

let graph: LoopbackServer;
let answerAttachments: (response: ServerResponse) => void;
/** Whether `$expand` is answered with 400, or left out without a word. */
let refusesExpand: boolean;

const refuse = (response: ServerResponse, status: number, code: string) =>
  sendJson(response, { error: { code, message: 'quotes a mail' } }, status);

/** A Graph that never expands and gives attachments only as a list of their own. */
beforeEach(async () => {
  answerAttachments = (response) => sendJson(response, { value: [attachment] });
  refusesExpand = true;
  graph = await startLoopbackServer((asked, response) => {
    if (refusesExpand && asked.path.includes('$expand=')) refuse(response, 400, 'ErrorInvalidProperty');
    else if (asked.path.includes('/attachments')) answerAttachments(response);
    else if (asked.path.includes('/mailFolders/')) sendJson(response, { value: [message()] });
    else sendJson(response, message());
  });
});

afterEach(() => graph.close());

const { signal } = new AbortController();

describe('a Graph that refuses to expand attachments', () => {
  it('is asked for a mail without them and for their list', async () => {
    const mail = await graphMailOver(graph.url).getMail(MAILBOX, 'mail-1', signal);
    expect(mail).toMatchObject({ id: 'mail-1', attachments: [{ id: 'a1', name: 'order.pdf' }] });
  });

  it('is asked for a window without them, and its mails are read one by one', async () => {
    const start = new Date(START - 3_600_000);
    const gap = { by: 'receivedDateTime' as const, from: start, skip: 0, start };
    const page = await graphMailOver(graph.url).listSince(MAILBOX, INBOX, gap, 50, signal);
    expect(page).toMatchObject({ count: 1, entries: [{ kind: 'partial', id: 'mail-1' }] });
  });
});

describe('the list of one mail’s attachments', () => {
  beforeEach(() => {
    refusesExpand = false;
  });

  it('that is not found means that the mail is gone', async () => {
    answerAttachments = (response) => refuse(response, 404, 'ErrorItemNotFound');
    expect(await graphMailOver(graph.url).getMail(MAILBOX, 'mail-1', signal)).toBe('gone');
  });

  it('that is forbidden is the mail’s own fault and not the mailbox’s', async () => {
    answerAttachments = (response) => refuse(response, 403, 'ErrorAccessDenied');
    const failure: unknown = await graphMailOver(graph.url)
      .getMail(MAILBOX, 'mail-1', signal)
      .catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(PermanentError);
  });

  it('suspends the mailbox when Graph says that the mailbox is gone', async () => {
    answerAttachments = (response) => refuse(response, 404, 'MailboxNotEnabledForRESTAPI');
    const failure: unknown = await graphMailOver(graph.url)
      .getMail(MAILBOX, 'mail-1', signal)
      .catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(MailboxUnavailableError);
  });
});
