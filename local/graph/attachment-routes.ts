/** Attachments: list, one, its bytes. */
import { badRequest, GraphFailure, itemNotFound } from './graph-failure.ts';
import type { GraphReply, GraphRequest } from './graph-exchange.ts';
import { type GraphState, mailboxOf } from './graph-state.ts';
import { attachmentIdOf } from './message-ids.ts';
import { appliedHeaders } from './message-list.ts';
import { readAttachmentSelect } from './message-query.ts';
import type { MailMessage } from './message-record.ts';
import { messageOf } from './message-routes.ts';
import { hasAttachments, showAttachment } from './message-view.ts';
import { messageFromMime } from './mime/message-from-mime.ts';
import { readPreferences } from './prefer-header.ts';

const contextOf = (request: GraphRequest, userId: string, message: string): string =>
  `${request.root}/$metadata#users('${userId}')/messages('${encodeURIComponent(message)}')/attachments`;

export function listAttachments(state: GraphState, request: GraphRequest): GraphReply {
  const { user, mailbox } = mailboxOf(state, request);
  const message = messageOf(mailbox, request);
  const preferences = readPreferences(request.headers['prefer']);
  const select = readAttachmentSelect(request.query.get('$select'));
  const value = message.attachments.map((_, index) => showAttachment(message, index, preferences, select));
  const context = contextOf(request, user.id, request.params['message'] ?? '');
  return { status: 200, headers: appliedHeaders(preferences), body: { '@odata.context': context, value } };
}

function indexOf(message: MailMessage, request: GraphRequest): number {
  const wanted = request.params['attachment'] ?? '';
  const index = message.attachments.findIndex(
    (_, at) => wanted === attachmentIdOf(message.restId, at) || wanted === attachmentIdOf(message.immutableId, at),
  );
  if (index < 0) throw itemNotFound();
  return index;
}

export function getAttachment(state: GraphState, request: GraphRequest): GraphReply {
  const { user, mailbox } = mailboxOf(state, request);
  const message = messageOf(mailbox, request);
  const index = indexOf(message, request);
  const preferences = readPreferences(request.headers['prefer']);
  const shown = showAttachment(message, index, preferences, readAttachmentSelect(request.query.get('$select')));
  const expand = request.query.get('$expand');
  if (expand !== undefined) {
    if (!/^microsoft\.graph\.itemattachment\/item$/i.test(expand.trim())) {
      throw badRequest(
        `$expand=${expand} is not supported by this emulator: only microsoft.graph.itemattachment/item.`,
      );
    }
    shown['item'] = itemOf(message, index);
  }
  const context = `${contextOf(request, user.id, request.params['message'] ?? '')}/$entity`;
  return { status: 200, headers: appliedHeaders(preferences), body: { '@odata.context': context, ...shown } };
}

/** The message inside an item attachment, with what can be known of it. */
function itemOf(message: MailMessage, index: number): Record<string, unknown> | undefined {
  const attachment = message.attachments[index];
  if (attachment?.kind !== 'item') return undefined;
  const content = messageFromMime(attachment.content);
  const recipients = (list: typeof content.toRecipients): unknown[] => list.map((emailAddress) => ({ emailAddress }));
  return {
    '@odata.type': '#microsoft.graph.message',
    id: '',
    subject: content.subject,
    internetMessageId: content.internetMessageId,
    ...(content.sentAt === null ? {} : { sentDateTime: new Date(content.sentAt).toISOString() }),
    hasAttachments: hasAttachments({ ...message, attachments: content.attachments }),
    body: content.body,
    ...(content.from === null ? {} : { from: { emailAddress: content.from } }),
    toRecipients: recipients(content.toRecipients),
    ccRecipients: recipients(content.ccRecipients),
  };
}

export function getAttachmentValue(state: GraphState, request: GraphRequest): GraphReply {
  const { mailbox } = mailboxOf(state, request);
  const message = messageOf(mailbox, request);
  const attachment = message.attachments[indexOf(message, request)];
  if (attachment === undefined) throw itemNotFound();
  if (attachment.kind === 'reference') {
    throw new GraphFailure(405, 'ErrorInvalidRequest', 'The raw content of a reference attachment cannot be read.');
  }
  const contentType =
    attachment.kind === 'item' ? 'text/plain' : (attachment.contentType ?? 'application/octet-stream');
  return { status: 200, headers: { 'Content-Type': contentType }, body: attachment.content };
}
