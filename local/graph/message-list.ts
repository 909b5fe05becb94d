/** Lists of messages: a folder's or the whole mailbox's, filtered, ordered, a page at a time. */
import { badRequest, itemNotFound } from './graph-failure.ts';
import type { GraphReply, GraphRequest } from './graph-exchange.ts';
import { type GraphState, mailboxOf } from './graph-state.ts';
import type { Mailbox } from './mailbox.ts';
import type { MailFolder } from './mail-folder.ts';
import {
  checkFilterAndOrder,
  type Condition,
  matches,
  type Ordering,
  readAttachmentsExpand,
  readCount,
  readFilter,
  readMessageSelect,
  readOrdering,
} from './message-query.ts';
import type { MailMessage } from './message-record.ts';
import { showMessage } from './message-view.ts';
import type { OrderedMessages } from './ordered-messages.ts';
import { type Preferences, readPreferences } from './prefer-header.ts';

const supported: ReadonlySet<string> = new Set([
  '$select',
  '$expand',
  '$filter',
  '$orderby',
  '$top',
  '$skip',
  '$count',
]);

/** Headers that tell which preferences were applied. */
export function appliedHeaders(preferences: Preferences): Record<string, string> {
  return preferences.applied === null ? {} : { 'Preference-Applied': preferences.applied };
}

export function folderOf(mailbox: Mailbox, request: GraphRequest): MailFolder {
  const name = request.params['folder'] ?? '';
  const folder = mailbox.findFolder(name);
  if (folder !== undefined) return folder;
  throw /^[a-z]+$/i.test(name)
    ? badRequest(`Id is malformed: '${name}' is neither a folder id nor a well-known folder name.`)
    : itemNotFound();
}

/** `GET /users/{id}/messages` and `GET /users/{id}/mailFolders/{id}/messages`. */
export function listMessages(state: GraphState, request: GraphRequest): GraphReply {
  const { user, mailbox } = mailboxOf(state, request);
  const folder = request.params['folder'] === undefined ? null : folderOf(mailbox, request);
  for (const name of request.query.keys()) {
    if (name.startsWith('$') && !supported.has(name))
      throw badRequest(`The query option ${name} is not supported by this emulator.`);
  }
  const filter = readFilter(request.query.get('$filter'));
  const ordering = readOrdering(request.query.get('$orderby'));
  checkFilterAndOrder(filter, ordering);
  const preferences = readPreferences(request.headers['prefer']);
  const top = readCount('$top', request.query.get('$top'), { min: 1, max: 1000 });
  const size = top ?? preferences.maxPageSize ?? state.knobs.defaultPageSize;
  const skip = readCount('$skip', request.query.get('$skip'), { min: 0, max: 100_000_000 }) ?? 0;
  const by = ordering ?? { property: 'receiveddatetime', descending: true };
  const source = (folder ?? mailbox)[by.property === 'receiveddatetime' ? 'received' : 'modified'];
  const { messages, more } = selectPage(source, { filter, by, skip, size });
  const view = {
    immutableIds: preferences.immutableIds,
    bodyType: preferences.bodyType,
    select: readMessageSelect(request.query.get('$select')),
    attachments: readAttachmentsExpand(request.query.get('$expand')),
  };
  const place = folder === null ? 'messages' : `mailFolders('${encodeURIComponent(folder.id)}')/messages`;
  const body: Record<string, unknown> = { '@odata.context': `${request.root}/$metadata#users('${user.id}')/${place}` };
  if (more) body['@odata.nextLink'] = nextLink(request, skip + size);
  body['value'] = messages.map((message) => showMessage(message, view));
  return { status: 200, headers: appliedHeaders(preferences), body };
}

function nextLink(request: GraphRequest, skip: number): string {
  const options = new URLSearchParams([...request.query]);
  options.set('$skip', String(skip));
  return `${request.root}${request.path}?${options.toString().replaceAll('%24', '$')}`;
}

type PageQuestion = { filter: readonly Condition[]; by: Ordering; skip: number; size: number };

/** One page; the conditions on the ordered moment narrow the range by search, the others are looked at one by one. */
function selectPage(source: OrderedMessages, question: PageQuestion): { messages: MailMessage[]; more: boolean } {
  const [from, to] = rangeOf(source, question);
  const rest = question.filter.filter(
    (condition) => condition.property !== question.by.property || !isBound(condition),
  );
  const step = question.by.descending ? -1 : 1;
  const first = question.by.descending ? to - 1 : from;
  const inRange = (index: number): boolean => index >= from && index < to;
  const messages: MailMessage[] = [];
  let index = rest.length === 0 ? first + step * question.skip : first;
  let toSkip = rest.length === 0 ? 0 : question.skip;
  for (; inRange(index); index += step) {
    const message = source.at(index);
    if (message === undefined || !matches(message, rest)) continue;
    if (toSkip > 0) {
      toSkip -= 1;
      continue;
    }
    if (messages.length === question.size) return { messages, more: true };
    messages.push(message);
  }
  return { messages, more: false };
}

const isBound = (condition: Condition): boolean =>
  typeof condition.value === 'number' && ['ge', 'gt', 'le', 'lt'].includes(condition.comparison);

function rangeOf(source: OrderedMessages, { filter, by }: PageQuestion): [from: number, to: number] {
  let [from, to] = [0, source.size];
  for (const { property, comparison, value } of filter) {
    if (property !== by.property || typeof value !== 'number') continue;
    const before = source.countBefore({ at: value, seq: -1 });
    const upTo = source.countBefore({ at: value, seq: Number.POSITIVE_INFINITY });
    if (comparison === 'ge') from = Math.max(from, before);
    if (comparison === 'gt') from = Math.max(from, upTo);
    if (comparison === 'le') to = Math.min(to, upTo);
    if (comparison === 'lt') to = Math.min(to, before);
  }
  return [from, to];
}
