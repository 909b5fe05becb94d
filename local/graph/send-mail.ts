/** `sendMail`, and sending a draft: to the inboxes of local users, and to the sender's Sent Items. */
import * as z from 'zod';
import type { GraphReply, GraphRequest } from './graph-exchange.ts';
import type { GraphUser } from './directory.ts';
import { badRequest } from './graph-failure.ts';
import { findMailbox, type GraphState, mailboxOf } from './graph-state.ts';
import { addressOf, deliverContent, isMimeRequest, readMimeBody } from './incoming-mail.ts';
import { messageFromJson, messageInput } from './message-from-json.ts';
import type { MessageContent } from './message-record.ts';
import { messageOf } from './message-routes.ts';
import { messageFromMime } from './mime/message-from-mime.ts';
import { readJson } from './request-body.ts';

const sendRequest = z.looseObject({ message: messageInput, saveToSentItems: z.boolean().nullish() });

function readSending(
  state: GraphState,
  user: GraphUser,
  request: GraphRequest,
): { content: MessageContent; keep: boolean } {
  if (isMimeRequest(request)) return { content: messageFromMime(readMimeBody(request.body)), keep: true };
  // The real service takes the property names in any case, and its own examples write both forms.
  const { message, saveToSentItems } = readJson(request.body, sendRequest, 'mail to send');
  const domain = user.address.split('@')[1] ?? 'local.example';
  const content = messageFromJson(message, {
    now: state.clock.now(),
    domain,
    defaultFrom: addressOf(user),
    isDraft: false,
  });
  return { content, keep: saveToSentItems ?? true };
}

/** Delivers to every local recipient once; what goes to others leaves the emulator's world. */
function deliverToRecipients(state: GraphState, content: MessageContent): void {
  const recipients = [...content.toRecipients, ...content.ccRecipients, ...content.bccRecipients];
  if (recipients.length === 0) throw badRequest('At least one recipient is not valid: the message names none.');
  const reached = new Set<string>();
  for (const { address } of recipients) {
    const found = findMailbox(state, address);
    if (found === undefined || reached.has(found.user.id)) continue;
    reached.add(found.user.id);
    // Nobody but the sender sees the hidden recipients.
    const arriving = { ...content, bccRecipients: [], isRead: false, isDraft: false };
    deliverContent(state, found.mailbox, arriving, { folder: found.mailbox.wellKnownFolder('inbox') });
  }
}

export function sendMail(state: GraphState, request: GraphRequest): GraphReply {
  const { user, mailbox } = mailboxOf(state, request);
  const { content, keep } = readSending(state, user, request);
  deliverToRecipients(state, content);
  if (keep)
    mailbox.deliver({ ...content, isRead: true, isDraft: false }, { folder: mailbox.wellKnownFolder('sentitems') });
  return { status: 202 };
}

/** Sends a draft: it moves to Sent Items under the same immutable id. */
export function sendDraft(state: GraphState, request: GraphRequest): GraphReply {
  const { mailbox } = mailboxOf(state, request);
  const message = messageOf(mailbox, request);
  if (!message.isDraft) throw badRequest('The message is not a draft, so it cannot be sent.');
  deliverToRecipients(state, message);
  mailbox.rewrite(message, { isDraft: false, isRead: true, sentAt: state.clock.now() });
  mailbox.move(message, mailbox.wellKnownFolder('sentitems'));
  return { status: 202 };
}
