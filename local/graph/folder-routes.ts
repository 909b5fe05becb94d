/** Mail folders: list, one, children, create. */
import * as z from 'zod';
import { badRequest, GraphFailure } from './graph-failure.ts';
import type { GraphReply, GraphRequest } from './graph-exchange.ts';
import { type GraphState, mailboxOf } from './graph-state.ts';
import type { Mailbox } from './mailbox.ts';
import type { MailFolder } from './mail-folder.ts';
import { folderOf } from './message-list.ts';
import { readCount, readSelect } from './message-query.ts';
import { readJson } from './request-body.ts';

function showFolder(mailbox: Mailbox, folder: MailFolder, select: ReadonlySet<string> | null): Record<string, unknown> {
  const all: Record<string, unknown> = {
    id: folder.id,
    displayName: folder.displayName,
    parentFolderId: folder.parentId,
    childFolderCount: childrenOf(mailbox, folder.id).length,
    unreadItemCount: folder.unread,
    totalItemCount: folder.received.size,
    sizeInBytes: 0,
    isHidden: false,
  };
  if (select === null) return all;
  return Object.fromEntries(Object.entries(all).filter(([name]) => name === 'id' || select.has(name.toLowerCase())));
}

function childrenOf(mailbox: Mailbox, parentId: string): MailFolder[] {
  return [...mailbox.folders.values()].filter((folder) => folder.parentId === parentId);
}

function replyWithFolders(request: GraphRequest, userId: string, mailbox: Mailbox, folders: MailFolder[]): GraphReply {
  const size = readCount('$top', request.query.get('$top'), { min: 1, max: 1000 }) ?? 10;
  const skip = readCount('$skip', request.query.get('$skip'), { min: 0, max: 100_000 }) ?? 0;
  const select = readSelect(request.query.get('$select'));
  const body: Record<string, unknown> = {
    '@odata.context': `${request.root}/$metadata#users('${userId}')/mailFolders`,
  };
  if (skip + size < folders.length) {
    const options = new URLSearchParams([...request.query]);
    options.set('$skip', String(skip + size));
    body['@odata.nextLink'] = `${request.root}${request.path}?${options.toString().replaceAll('%24', '$')}`;
  }
  body['value'] = folders.slice(skip, skip + size).map((folder) => showFolder(mailbox, folder, select));
  return { status: 200, body };
}

export function listFolders(state: GraphState, request: GraphRequest): GraphReply {
  const { user, mailbox } = mailboxOf(state, request);
  return replyWithFolders(request, user.id, mailbox, childrenOf(mailbox, mailbox.wellKnownFolder('msgfolderroot').id));
}

export function listChildFolders(state: GraphState, request: GraphRequest): GraphReply {
  const { user, mailbox } = mailboxOf(state, request);
  return replyWithFolders(request, user.id, mailbox, childrenOf(mailbox, folderOf(mailbox, request).id));
}

export function getFolder(state: GraphState, request: GraphRequest): GraphReply {
  const { user, mailbox } = mailboxOf(state, request);
  const shown = showFolder(mailbox, folderOf(mailbox, request), readSelect(request.query.get('$select')));
  return {
    status: 200,
    body: { '@odata.context': `${request.root}/$metadata#users('${user.id}')/mailFolders/$entity`, ...shown },
  };
}

const folderInput = z.looseObject({ displayName: z.string().min(1) });

/** Creates a folder, at the top or below another. */
export function createFolder(state: GraphState, request: GraphRequest): GraphReply {
  const { user, mailbox } = mailboxOf(state, request);
  const parent =
    request.params['folder'] === undefined ? mailbox.wellKnownFolder('msgfolderroot') : folderOf(mailbox, request);
  const { displayName } = readJson(request.body, folderInput, 'folder');
  if (displayName.length > 255) throw badRequest('The displayName of a folder is at most 255 characters long.');
  const taken = childrenOf(mailbox, parent.id).some(
    (folder) => folder.displayName.toLowerCase() === displayName.toLowerCase(),
  );
  if (taken) throw new GraphFailure(409, 'ErrorFolderExists', 'A folder with the specified name already exists.');
  const folder = mailbox.addFolder({ displayName, wellKnownName: null, parentId: parent.id });
  const context = `${request.root}/$metadata#users('${user.id}')/mailFolders/$entity`;
  return { status: 201, body: { '@odata.context': context, ...showFolder(mailbox, folder, null) } };
}
