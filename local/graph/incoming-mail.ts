/** How mail gets into mailboxes: written by a client, sent by a user, or fed in as raw bytes. */
import { randomUUID } from 'node:crypto';
import { badRequest } from './graph-failure.ts';
import type { GraphRequest } from './graph-exchange.ts';
import type { GraphUser } from './directory.ts';
import type { GraphState } from './graph-state.ts';
import type { Mailbox } from './mailbox.ts';
import type { MailFolder } from './mail-folder.ts';
import { messageFromJson, messageInput } from './message-from-json.ts';
import type { EmailAddress, MailMessage, MessageContent } from './message-record.ts';
import { messageFromMime } from './mime/message-from-mime.ts';
import { readJson } from './request-body.ts';

/** The user as the sender of a mail. */
export function addressOf(user: GraphUser): EmailAddress {
  return { name: user.displayName ?? user.address, address: user.address };
}

/** Delivers content and counts it. */
export function deliverContent(
  state: GraphState,
  mailbox: Mailbox,
  content: MessageContent,
  place: { folder: MailFolder; receivedAt?: number | undefined },
): MailMessage {
  state.counters.mailsDelivered += 1;
  return mailbox.deliver(withMessageId(content), place);
}

/** Exchange gives an id to mail that came without one. */
function withMessageId(content: MessageContent): MessageContent {
  if (content.internetMessageId !== null || content.isDraft) return content;
  const internetMessageId = `<${randomUUID()}@exchange.local.example>`;
  const headers = [...content.headers, { name: 'Message-ID', value: internetMessageId }];
  return { ...content, internetMessageId, headers };
}

const base64Only = /^[A-Za-z0-9+/=\s]+$/;

/** MIME in a request body is base64 with Content-Type text/plain (graph/outlook-send-mime-message). */
export function readMimeBody(body: Buffer): Buffer {
  const text = body.toString('latin1').trim();
  if (text === '' || !base64Only.test(text)) {
    throw badRequest(
      'Invalid base64 string for MIME content: with Content-Type text/plain send the MIME of the message in base64.',
    );
  }
  return Buffer.from(text, 'base64');
}

/** Whether a request carries MIME instead of JSON. */
export function isMimeRequest(request: GraphRequest): boolean {
  return /^text\/plain\b/i.test(request.headers['content-type'] ?? '');
}

/** Reads a message of a request, as JSON or as MIME, and puts it into a folder. */
export function deliverInput(
  state: GraphState,
  user: GraphUser,
  mailbox: Mailbox,
  options: { request: GraphRequest; folder: MailFolder; isDraft: boolean },
): MailMessage {
  const { request, folder } = options;
  const now = state.clock.now();
  if (isMimeRequest(request)) {
    const content = messageFromMime(readMimeBody(request.body));
    return deliverContent(state, mailbox, { ...content, isDraft: options.isDraft }, { folder });
  }
  const input = readJson(request.body, messageInput, 'message');
  const isDraft = input.isDraft ?? options.isDraft;
  const defaultFrom = isDraft ? addressOf(user) : null;
  const domain = user.address.split('@')[1] ?? 'local.example';
  const content = messageFromJson(input, { now, domain, defaultFrom, isDraft });
  const receivedAt = input.receivedDateTime == null ? undefined : Date.parse(input.receivedDateTime);
  if (Number.isNaN(receivedAt)) throw badRequest(`receivedDateTime '${input.receivedDateTime}' is not a date.`);
  return deliverContent(state, mailbox, content, { folder, receivedAt });
}
