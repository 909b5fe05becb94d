/** One page of a delta chain: first what was there at the start, then what the folder's log says since. */
import { type DeltaChain, walkStart } from './delta-chain.ts';
import type { FolderChange } from './folder-log.ts';
import type { MailFolder } from './mail-folder.ts';
import { type Condition, matches } from './message-query.ts';
import type { MailMessage } from './message-record.ts';

export type DeltaItem =
  | { kind: 'created'; message: MailMessage }
  | { kind: 'updated'; message: MailMessage; changed: readonly string[] }
  | { kind: 'removed'; message: MailMessage; restId: string; reason: FolderChange['reason'] };

export type DeltaQuestion = {
  folder: MailFolder;
  chain: DeltaChain;
  filter: readonly Condition[];
  size: number;
  /** Log changes younger than this are not yet visible to delta. */
  visibleUntil: number;
  /** Most messages that a filtered chain ever shows. */
  cap: number;
};

export type DeltaPage = { items: DeltaItem[]; next: DeltaChain };

/** Reads a page; its chain says by `kind` whether there is more. */
export function readDeltaPage(question: DeltaQuestion): DeltaPage {
  const next: DeltaChain = { ...question.chain, paused: false };
  const items: DeltaItem[] = [];
  walkSnapshot(question, next, items);
  if (next.walk === null) readLog(question, next, items);
  const visible = question.folder.log.firstAfter(question.visibleUntil);
  if (next.walk === null && next.position >= visible) {
    next.kind = 'delta';
    next.round = next.position;
  } else {
    next.kind = 'skip';
  }
  return { items, next };
}

const isCapped = (question: DeltaQuestion, next: DeltaChain): boolean =>
  question.filter.length > 0 && next.shown >= question.cap;

/** The messages that were there when the chain began, newest first; later arrivals come from the log. */
function walkSnapshot(question: DeltaQuestion, next: DeltaChain, items: DeltaItem[]): void {
  const { folder, filter, size } = question;
  const wanted = next.changeTypes === null || next.changeTypes.includes('created');
  if (next.walk === null) return;
  if (!wanted) {
    next.walk = null;
    return;
  }
  let index = next.walk.at === walkStart.at ? folder.received.size : folder.received.countBefore(next.walk);
  while (items.length < size) {
    index -= 1;
    const message = folder.received.at(index);
    // From the newest on, the first message older than the filter's bound ends the walk.
    if (message === undefined || !matches(message, filter) || isCapped(question, next)) {
      next.walk = null;
      return;
    }
    next.walk = folder.received.placeOf(message);
    if (folder.log.arrivalOf(message) >= next.round) continue;
    items.push({ kind: 'created', message });
    next.shown += 1;
  }
  if (folder.received.at(index - 1) === undefined) next.walk = null;
}

function readLog(question: DeltaQuestion, next: DeltaChain, items: DeltaItem[]): void {
  const { folder, size } = question;
  const visible = folder.log.firstAfter(question.visibleUntil);
  while (items.length < size && next.position < visible) {
    const change = folder.log.at(next.position);
    const position = next.position;
    next.position += 1;
    if (change === undefined) continue;
    const latest = folder.log.latestOf(change.message);
    // A later change that is visible too will stand for this one.
    if (latest > position && latest < visible) continue;
    const item = itemOf(question, next, change);
    if (item === undefined || isCapped(question, next)) continue;
    items.push(item);
    if (item.kind !== 'removed') next.shown += 1;
  }
}

function itemOf(question: DeltaQuestion, chain: DeltaChain, change: FolderChange): DeltaItem | undefined {
  const { message, restId, reason } = change;
  // Later changes to messages outside the filter are not shown.
  if (!matches(message, question.filter)) return undefined;
  const wants = (type: 'created' | 'updated' | 'deleted'): boolean =>
    chain.changeTypes === null || chain.changeTypes.includes(type);
  if (change.kind === 'removed') return wants('deleted') ? { kind: 'removed', message, restId, reason } : undefined;
  if (message.folder !== question.folder) return undefined;
  const isNew = question.folder.log.arrivalOf(message) >= chain.round;
  if (isNew) return wants('created') ? { kind: 'created', message } : undefined;
  return wants('updated') ? { kind: 'updated', message, changed: change.changed } : undefined;
}
