import type { Dice } from './dice.ts';
import { notFound, type Reply, refusal, ROOT } from './reply.ts';
import { asDateTime, type DeltaPlace, type SimulatedMail, type SimulatedMailboxes } from './simulated-mailboxes.ts';

/** A filtered delta ends after this many results, without a word (message-delta). */
const DELTA_CAP = 5_000;
const REPEAT_CHANCE = 0.02;
const REMOVED_CHANCE = 0.01;

interface Place {
  mailbox: string;
  folder: string;
  immutable: boolean;
}

/** What Graph answers for the mail of one mailbox: folders, delta, lists, single messages, content. */
export function answerMail(
  mailboxes: SimulatedMailboxes,
  dice: Dice,
  mailbox: string,
  steps: string[],
  search: URLSearchParams,
  prefer: string,
): Reply {
  const [kind, id = '', part, last, content] = steps;
  const immutable = prefer.includes('ImmutableId');
  if (kind === 'messages') {
    const mail = mailboxes.find(mailbox, id);
    if (!mail) return notFound();
    if (part === '$value') return { status: 200, body: `mime of ${mail.id}` };
    if (part === 'attachments' && content === '$value') return contentOf(mail, last ?? '');
    if (part === 'attachments') return { status: 200, body: { value: mail.attachments } };
    return { status: 200, body: mailboxes.show(mail, 'single', immutable) };
  }
  // `inbox` is a well-known name; other folders go by id here.
  const folder = id === 'inbox' ? 'inbox-id' : id;
  if (!mailboxes.hasFolder(mailbox, folder)) return notFound();
  if (part === undefined) return { status: 200, body: { id: folder } };
  if (part !== 'messages') return notFound();
  const place = { mailbox, folder, immutable };
  return last === 'delta' ? delta(mailboxes, dice, place, search, prefer) : list(mailboxes, place, search);
}

function contentOf(mail: SimulatedMail, attachment: string): Reply {
  const found = mail.attachments.find((item) => item.id === attachment);
  if (!found) return notFound();
  // A link to the cloud has no content of its own (attachment-get).
  if (found['@odata.type'].includes('reference')) return refusal(405, 'ErrorInvalidRequest');
  return { status: 200, body: `content of ${attachment} of ${mail.id}` };
}

function delta(
  mailboxes: SimulatedMailboxes,
  dice: Dice,
  { mailbox, folder, immutable }: Place,
  search: URLSearchParams,
  prefer: string,
): Reply {
  const token = search.get('$skiptoken') ?? search.get('$deltatoken');
  let from: DeltaPlace;
  let shown = 0;
  if (token === null) {
    const since = /^receivedDateTime ge (.+)$/.exec(search.get('$filter') ?? '')?.[1];
    if (since === undefined || search.get('changeType') !== 'created') return refusal(400, 'ErrorInvalidUrlQuery');
    from = { mailbox, folder, since: Date.parse(since), position: 0, epoch: mailboxes.epoch };
  } else {
    const [since = 0, position = 0, epoch = 0, before = 0] = token.split('.').map(Number);
    if (epoch !== mailboxes.epoch) return refusal(410, 'syncStateNotFound');
    // The same item may appear more than once.
    const again = position > 0 && dice.chance(REPEAT_CHANCE) ? 1 : 0;
    from = { mailbox, folder, since, position: position - again, epoch };
    shown = before;
  }
  const size = Math.min(Number(/odata\.maxpagesize=(\d+)/.exec(prefer)?.[1] ?? 10), DELTA_CAP - shown);
  const { mails, place, more } = mailboxes.page(from, size);
  shown += mails.length;
  const name = more && shown < DELTA_CAP ? '$skiptoken' : '$deltatoken';
  const link = `${ROOT}/users/${mailbox}/mailFolders/${folder}/messages/delta?${name}=${place.since}.${place.position}.${place.epoch}.${shown}`;
  const value = mails.map((mail) => mailboxes.show(mail, 'delta', immutable));
  if (dice.chance(REMOVED_CHANCE)) value.push({ id: 'AAgone=', '@removed': { reason: 'deleted' } });
  return { status: 200, body: { value, [name === '$skiptoken' ? '@odata.nextLink' : '@odata.deltaLink']: link } };
}

const FILTER = /^(\w+) ge (\S+)(?: and \1 lt (\S+))?$/;

function list(mailboxes: SimulatedMailboxes, place: Place, search: URLSearchParams): Reply {
  const [, field, from = '', to] = FILTER.exec(search.get('$filter') ?? '') ?? [];
  if (field !== 'receivedDateTime' && field !== 'lastModifiedDateTime') return refusal(400, 'ErrorInvalidUrlQuery');
  const timeOf = field === 'receivedDateTime' ? 'receivedAt' : 'modifiedAt';
  const skip = Number(search.get('$skip') ?? 0);
  const second = (time: number) => Math.floor(time / 1000);
  const [first, end] = [second(Date.parse(from)), to === undefined ? Infinity : second(Date.parse(to))];
  const mails = mailboxes
    .inFolder(place.mailbox, place.folder)
    .filter((mail) => second(mail[timeOf]) >= first && second(mail[timeOf]) < end)
    .toSorted((a, b) => a[timeOf] - b[timeOf] || (a.id < b.id ? -1 : 1))
    .slice(skip, skip + Number(search.get('$top') ?? 10));
  const view = search.get('$select')?.includes('body') === false ? 'ids' : 'list';
  const value = mails.map((mail) => ({
    ...mailboxes.show(mail, view, place.immutable),
    lastModifiedDateTime: asDateTime(mail.modifiedAt),
  }));
  return { status: 200, body: { value } };
}
