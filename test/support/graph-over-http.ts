import { type GraphClientDeps, makeGraphClient } from '../../shared/adapters/graph/graph-client.ts';
import { makeGraphMail } from '../../shared/adapters/graph/graph-mail.ts';
import { TokenSource } from '../../shared/adapters/graph/token-source.ts';
import { START } from './in-memory-ports.ts';
import { aTokenAnswer } from './token-answers.ts';

/** The client of this app, pointed at a server on this machine. It never waits between its tries. */
export function graphOver(url: string, limits: Pick<GraphClientDeps, 'maxAnswerBytes'> = {}) {
  const tokens = new TokenSource(
    () => Promise.resolve(aTokenAnswer({ expiresOn: new Date(START + 3_600_000) })),
    () => START,
  );
  return makeGraphClient({
    tokens,
    baseUrl: `${url}/v1.0`,
    scope: 'https://graph.test/.default',
    now: () => START,
    random: () => 0,
    ...limits,
  });
}

/** The port for mail over that client. */
export const graphMailOver = (url: string) => makeGraphMail(graphOver(url), true);

/** A mail as Graph writes it, with what this app selects. */
export const graphMessage = (id: string, receivedAt: Date, changes: Record<string, unknown> = {}) => ({
  id,
  receivedDateTime: receivedAt.toISOString(),
  lastModifiedDateTime: receivedAt.toISOString(),
  sentDateTime: receivedAt.toISOString(),
  isDraft: false,
  parentFolderId: 'inbox-id',
  internetMessageId: `<${id}@sender.example>`,
  subject: id,
  from: { emailAddress: { name: 'Ada', address: 'ada@sender.example' } },
  toRecipients: [],
  ccRecipients: [],
  bccRecipients: [],
  replyTo: [],
  importance: 'normal',
  isRead: false,
  internetMessageHeaders: [],
  body: { contentType: 'text', content: 'Good day' },
  hasAttachments: false,
  attachments: [],
  ...changes,
});
