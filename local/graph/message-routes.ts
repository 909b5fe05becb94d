/** Single messages: read, as MIME, write, change, move, copy, delete. */
import { badRequest, itemNotFound } from './graph-failure.ts';
import type { GraphReply, GraphRequest } from './graph-exchange.ts';
import { type GraphState, mailboxOf } from './graph-state.ts';
import { deliverInput } from './incoming-mail.ts';
import type { Mailbox } from './mailbox.ts';
import type { MailFolder } from './mail-folder.ts';
import { messagePatch, toBody } from './message-from-json.ts';
import { appliedHeaders, folderOf } from './message-list.ts';
import { readAttachmentsExpand, readMessageSelect } from './message-query.ts';
import type { MailMessage, MessageChanges } from './message-record.ts';
import { etagOf, showMessage } from './message-view.ts';
import { mimeOf } from './mime/mime-from-message.ts';
import { readPreferences } from './prefer-header.ts';
import { parseJson, readJson } from './request-body.ts';

/** The message that a path names, in the folder of the path if it names one. */
export function messageOf(mailbox: Mailbox, request: GraphRequest): MailMessage {
  const message = mailbox.find(request.params['message'] ?? '');
  if (message === undefined) throw itemNotFound();
  if (request.params['folder'] !== undefined && message.folder !== folderOf(mailbox, request)) throw itemNotFound();
  return message;
}

function reply(request: GraphRequest, userId: string, message: MailMessage, status: number): GraphReply {
  const preferences = readPreferences(request.headers['prefer']);
  const selected = request.query.get('$select');
  const shown = showMessage(message, {
    immutableIds: preferences.immutableIds,
    bodyType: preferences.bodyType,
    select: readMessageSelect(selected),
    attachments: readAttachmentsExpand(request.query.get('$expand')),
  });
  const list = selected === undefined ? '' : `(${selected})`;
  const context = `${request.root}/$metadata#users('${userId}')/messages${list}/$entity`;
  return {
    status,
    headers: { ...appliedHeaders(preferences), ETag: etagOf(message) },
    body: { '@odata.context': context, ...shown },
  };
}

export function getMessage(state: GraphState, request: GraphRequest): GraphReply {
  const { user, mailbox } = mailboxOf(state, request);
  return reply(request, user.id, messageOf(mailbox, request), 200);
}

export async function getMime(state: GraphState, request: GraphRequest): Promise<GraphReply> {
  const { mailbox } = mailboxOf(state, request);
  const body = await mimeOf(messageOf(mailbox, request));
  return { status: 200, headers: { 'Content-Type': 'text/plain' }, body };
}

/** Puts a message into a folder. The real service makes a draft; here it counts as delivered unless it says `isDraft`. */
export function createInFolder(state: GraphState, request: GraphRequest): GraphReply {
  const { user, mailbox } = mailboxOf(state, request);
  const message = deliverInput(state, user, mailbox, { request, folder: folderOf(mailbox, request), isDraft: false });
  return reply(request, user.id, message, 201);
}

/** Makes a draft. */
export function createDraft(state: GraphState, request: GraphRequest): GraphReply {
  const { user, mailbox } = mailboxOf(state, request);
  const folder = mailbox.wellKnownFolder('drafts');
  return reply(request, user.id, deliverInput(state, user, mailbox, { request, folder, isDraft: true }), 201);
}

export function updateMessage(state: GraphState, request: GraphRequest): GraphReply {
  const { user, mailbox } = mailboxOf(state, request);
  const message = messageOf(mailbox, request);
  const patch = readJson(request.body, messagePatch, 'message');
  const changes: MessageChanges = {};
  if (patch.subject !== undefined) changes.subject = patch.subject;
  if (patch.body !== undefined) changes.body = toBody(patch.body);
  if (patch.importance !== undefined) changes.importance = patch.importance;
  if (patch.categories !== undefined) changes.categories = patch.categories;
  if (patch.flag?.flagStatus !== undefined) changes.flagStatus = patch.flag.flagStatus;
  if (patch.isRead !== undefined) changes.isRead = patch.isRead;
  mailbox.update(message, changes);
  return reply(request, user.id, message, 200);
}

function destinationOf(mailbox: Mailbox, request: GraphRequest): MailFolder {
  const body = parseJson(request.body, 'destination');
  const id = typeof body === 'object' && body !== null && 'destinationId' in body ? body.destinationId : undefined;
  if (typeof id !== 'string') throw badRequest('destinationId is required: the id or the well-known name of a folder.');
  const folder = mailbox.findFolder(id);
  if (folder === undefined) throw itemNotFound();
  return folder;
}

export function moveMessage(state: GraphState, request: GraphRequest): GraphReply {
  const { user, mailbox } = mailboxOf(state, request);
  const message = messageOf(mailbox, request);
  mailbox.move(message, destinationOf(mailbox, request));
  return reply(request, user.id, message, 201);
}

export function copyMessage(state: GraphState, request: GraphRequest): GraphReply {
  const { user, mailbox } = mailboxOf(state, request);
  const copy = mailbox.copy(messageOf(mailbox, request), destinationOf(mailbox, request));
  return reply(request, user.id, copy, 201);
}

export function deleteMessage(state: GraphState, request: GraphRequest): GraphReply {
  const { mailbox } = mailboxOf(state, request);
  mailbox.remove(messageOf(mailbox, request));
  return { status: 204 };
}
