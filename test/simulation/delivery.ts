import { folderKey } from '../../shared/domain/delta.ts';
import type { Breach, Evidence } from './evidence.ts';
import { watchedFolders } from './plan.ts';
import type { SimulatedMail } from './simulated-mailboxes.ts';

/** An administrator's call takes a moment, and a page that is under way is still sent. */
const IN_HAND_MS = 5 * 60_000;

const breach = (rule: string, what: string, ...about: string[]): Breach => ({ rule, what, about });

/** Every wanted mail is on the CRM queue or parked, once, under one MessageId, and nothing else is. */
export function delivery(evidence: Evidence): Breach[] {
  return [...identity(evidence), ...losses(evidence), ...unwanted(evidence)];
}

/** On what was sent: one MessageId for each mail and one mail for each MessageId; replays have their own. */
function identity({ stores, replays }: Evidence): Breach[] {
  const breaches: Breach[] = [];
  const mailOf = new Map<string, string>();
  for (const [key, sends] of stores.bus.crm.byMail) {
    const [first] = sends;
    const mail = first?.mail ?? '';
    const ids = new Set(sends.map(({ messageId }) => messageId));
    const eventIds = new Set(sends.map(({ eventId }) => eventId));
    const mostReplays = replays.get(first?.mailbox ?? '') ?? 0;
    if (eventIds.size > 1 || ids.size > 1 + mostReplays)
      breaches.push(breach('one MessageId', `${key} was sent as ${[...ids].join(', ')}`, mail));
    for (const id of ids) {
      const other = mailOf.get(id);
      if (other !== undefined) breaches.push(breach('one MessageId', `${id} stands for ${key} and ${other}`, mail));
      mailOf.set(id, key);
    }
    const shown = sends.filter(({ isShown }) => isShown).length;
    if (shown > 1 + mostReplays) breaches.push(breach('no visible duplicate', `${key} arrived ${shown} times`, mail));
  }
  return breaches;
}

/**
 * From when on the mail of a folder is wanted: for a mailbox of the settings since the process started that took it up,
 * which is the first one unless it failed; for others since they were taken up.
 */
function watchStart({ plan, stores, starts, startedAt }: Evidence, mail: SimulatedMail): number {
  const ref = { mailbox: mail.mailbox, folder: folderKey(mail.folder) };
  const named = plan.mailboxes.find(({ id }) => id === mail.mailbox)?.named;
  if (named === 'group' || named === 'admin') return stores.folders.get(ref)?.watchStart.getTime() ?? 0;
  const bornAt = stores.folders.bornAt(ref) ?? startedAt;
  return starts.findLast((at) => at <= bornAt) ?? startedAt;
}

function losses(evidence: Evidence): Breach[] {
  const { plan, stores, wishes } = evidence;
  const { bus, graph, deliveries } = stores;
  const watched = new Set(watchedFolders(plan));
  const breaches: Breach[] = [];
  for (const mail of graph.mailboxes.mails.values()) {
    if (mail.removed || mail.isDraft || !watched.has(mail.folder) || !wishes.isWanted(mail.mailbox)) continue;
    if (bus.crm.has(mail.mailbox, mail.id) || mail.receivedAt < watchStart(evidence, mail)) continue;
    const rows = deliveries.ledger(mail.mailbox).filter((item) => item.id === mail.id);
    if (rows.some((row) => row.state === 'parked' && row.reason)) continue;
    const state = rows.map((row) => `"${row.state}" (${row.reason ?? ''})`).join(', ') || 'unknown';
    breaches.push(
      breach(
        'no loss',
        `${mail.mailbox}/${mail.id} in ${mail.folder} is ${state} in the ledger and not on the CRM queue`,
        mail.id,
      ),
    );
  }
  return breaches;
}

function unwanted({ plan, stores, wishes, startedAt }: Evidence): Breach[] {
  const { bus, graph } = stores;
  const ofAdmin = new Set(plan.mailboxes.filter(({ named }) => named === 'admin').map(({ id }) => id));
  const breaches: Breach[] = [];
  for (const [key, [sent]] of bus.crm.byMail) {
    if (!sent) continue;
    const mail = graph.mailboxes.mails.get(key);
    if (!mail) {
      breaches.push(breach('unpaid work', `${key} never existed`, sent.mail));
      continue;
    }
    const removedAt = wishes.until(mail.mailbox) ?? Infinity;
    const why =
      mail.receivedAt < startedAt - 1_000
        ? 'old'
        : mail.isDraft
          ? 'a draft'
          : ofAdmin.has(mail.mailbox) && mail.receivedAt > removedAt + IN_HAND_MS
            ? 'of a mailbox that was taken away before'
            : undefined;
    if (why) breaches.push(breach('unwanted mail', `${key} is ${why} but was sent`, mail.id));
  }
  // A genuine clientState with a forged id is a doorbell for the mailbox it names; any other forgery rings nowhere.
  for (const mailbox of bus.rungMailboxes)
    if (mailbox.startsWith('0f0f')) breaches.push(breach('unpaid work', `a forged item rang ${mailbox}`, 'forged'));
  return breaches;
}
