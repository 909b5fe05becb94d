import { createHash } from 'node:crypto';
import * as z from 'zod';
import { folderKey } from '../../shared/domain/delta.ts';
import { isHeld } from '../../shared/domain/lane.ts';
import type { Notifier } from './notifier.ts';
import { FOLDER_IDS, type Plan } from './plan.ts';
import { MARK, type Stores } from './platform.ts';
import { CANARY, type SimulatedMail } from './simulated-mailboxes.ts';

/** One rule that did not hold. */
export interface Breach {
  rule: string;
  what: string;
  /** Words that lead to the lines of the trace that matter. */
  about: string[];
}

const claimCheck = z.looseObject({ blob: z.string(), size: z.number(), sha256: z.string() });
const eventSchema = z.looseObject({
  id: z.string(),
  subject: z.string(),
  data: z.looseObject({
    mailbox: z.looseObject({ id: z.string() }),
    message: z
      .looseObject({ body: z.looseObject({ claimCheck: claimCheck.optional() }), mime: claimCheck.optional() })
      .optional(),
    messageClaimCheck: claimCheck.optional(),
  }),
});

export interface Evidence {
  plan: Plan;
  stores: Stores;
  notifier: Notifier;
  logLines: string[];
  /** When the mailboxes of the settings began to be wanted. */
  startedAt: number;
  now: number;
}

/** Checks what must hold once faults have stopped and two reconcile intervals have passed. */
export function findBreaches(evidence: Evidence): Breach[] {
  return [
    ...delivery(evidence),
    ...coverage(evidence),
    ...convergence(evidence),
    ...silence(evidence),
    ...[...evidence.notifier.broken, ...evidence.stores.graph.broken].map((what) => {
      const [rule = '', ...rest] = what.split(': ');
      return { rule, what: rest.join(': '), about: what.match(/0\d111111[\w-]*|p\d+\.\d+/g) ?? [] };
    }),
  ];
}

function delivery({ plan, stores, startedAt }: Evidence): Breach[] {
  const breaches: Breach[] = [];
  const { bus, graph, deliveries, folders, blobs } = stores;
  const keyOf = (mailbox: string, id: string) => `${mailbox}/${id}`;
  const idsOf = new Map<string, string>();
  for (const { messageId, body } of bus.sends) {
    const event = eventSchema.parse(JSON.parse(body));
    const key = keyOf(event.data.mailbox.id, event.subject);
    const known = idsOf.get(key);
    if (messageId !== event.id || (known !== undefined && known !== messageId))
      breaches.push({
        rule: 'one MessageId',
        what: `${key} was sent as ${messageId} and ${known ?? event.id}`,
        about: [event.subject],
      });
    idsOf.set(key, messageId);
    const { message, messageClaimCheck } = event.data;
    for (const check of [messageClaimCheck, message?.mime, message?.body.claimCheck]) {
      if (!check) continue;
      const content = blobs.blobs.get(check.blob)?.content;
      const digest = content && createHash('sha256').update(content).digest('hex');
      if (digest !== check.sha256)
        breaches.push({ rule: 'references resolve', what: `${key} names ${check.blob}`, about: [event.subject] });
    }
  }
  const arrived = new Map<string, number>();
  for (const { body } of bus.events) {
    const event = eventSchema.parse(JSON.parse(body));
    const key = keyOf(event.data.mailbox.id, event.subject);
    arrived.set(key, (arrived.get(key) ?? 0) + 1);
    if (!graph.mailboxes.mails.has(key))
      breaches.push({ rule: 'unpaid work', what: `${key} never existed`, about: [event.subject] });
  }
  for (const [key, count] of arrived)
    if (count > 1)
      breaches.push({
        rule: 'no visible duplicate',
        what: `${key} arrived ${count} times`,
        about: [key.split('/')[1] ?? ''],
      });

  const watchStart = (mail: SimulatedMail) => {
    const named = plan.mailboxes.find((mailbox) => mailbox.id === mail.mailbox)?.named;
    const row = folders.get({ mailbox: mail.mailbox, folder: folderKey(mail.folder) });
    return named === 'group' ? (row?.watchStart.getTime() ?? 0) : startedAt;
  };
  const watched = new Set(plan.folderNames.map((name) => FOLDER_IDS[name]));
  for (const [key, mail] of graph.mailboxes.mails) {
    const isOld = mail.receivedAt < startedAt - 1_000;
    if (arrived.has(key) && (isOld || mail.isDraft))
      breaches.push({
        rule: 'unwanted mail',
        what: `${key} is ${isOld ? 'old' : 'a draft'} but was sent`,
        about: [mail.id],
      });
    if (arrived.has(key) || mail.removed || mail.isDraft || !watched.has(mail.folder)) continue;
    if (mail.receivedAt < watchStart(mail)) continue;
    const row = deliveries.ledger(mail.mailbox).find((item) => item.id === mail.id);
    if (row?.state === 'parked' && row.reason) continue;
    breaches.push({
      rule: 'no loss',
      what: `${key} in ${mail.folder} is ${row ? `"${row.state}" (${row.reason ?? ''})` : 'unknown'} in the ledger and not on the CRM queue`,
      about: [mail.id],
    });
  }
  for (const ring of bus.rings)
    if (ring.mailbox.startsWith('0f0f') || ring.ids.some((id) => id.startsWith('forged')))
      if (ring.mailbox.startsWith('0f0f'))
        // A genuine clientState with a forged id is a doorbell for the mailbox it names; any other forgery rings nowhere.
        breaches.push({ rule: 'unpaid work', what: `a forged item rang ${ring.mailbox}`, about: ['forged'] });
  return breaches;
}

function coverage({ plan, stores, now }: Evidence): Breach[] {
  const breaches: Breach[] = [];
  const { graph, folders } = stores;
  const live = graph.subscriptions.live();
  const wanted = plan.mailboxes.flatMap(({ id }) =>
    plan.folderNames.map((name) => ({ mailbox: id, folderId: FOLDER_IDS[name] ?? '' })),
  );
  const resources = new Set<string>();
  for (const { mailbox, folderId } of wanted) {
    const resource = `users/${mailbox}/mailFolders/${folderId}/messages`;
    resources.add(resource);
    const mine = live.filter((item) => item.resource === resource);
    const row = folders.get({ mailbox, folder: folderKey(folderId) });
    const about = [mailbox];
    const fault = !row
      ? 'has no row'
      : mine.length !== 1
        ? `has ${mine.length} live subscriptions (${row.state}: ${row.reason})`
        : mine[0]?.id !== row.subscription
          ? `has subscription ${mine[0]?.id} but its row names ${row.subscription}`
          : row.state !== 'active'
            ? `is shown as ${row.state} since ${row.since.toISOString()}: ${row.reason}`
            : row.expiresAt && row.expiresAt.getTime() < now
              ? 'has an expired row'
              : undefined;
    if (fault) breaches.push({ rule: 'coverage', what: `${mailbox} ${folderId} ${fault}`, about });
  }
  for (const row of folders.all())
    if (row.folderId === '')
      breaches.push({
        rule: 'coverage',
        what: `${row.mailbox} "${row.folderName}" is shown as ${row.state} although the folder is there`,
        about: [row.mailbox],
      });
  for (const item of live)
    if (item.notificationUrl.includes(MARK) && !resources.has(item.resource))
      breaches.push({ rule: 'coverage', what: `orphan ${item.id} on ${item.resource}`, about: [item.id] });
  if (graph.subscriptions.hasty > 0)
    breaches.push({
      rule: 'ten-minute rule',
      what: `${graph.subscriptions.hasty} PATCHes too soon after another`,
      about: ['batch'],
    });
  return breaches;
}

function convergence({ plan, stores, now }: Evidence): Breach[] {
  const breaches: Breach[] = [];
  const { bus, deliveries } = stores;
  for (const message of bus.waiting)
    if (message.at <= now)
      breaches.push({
        rule: 'convergence',
        what: `ring #${message.number} still waits: ${message.body}`,
        about: [`#${message.number} `],
      });
  if (bus.deadCount > 0)
    breaches.push({ rule: 'convergence', what: `${bus.deadCount} dead letters are left`, about: [] });
  for (const { id } of plan.mailboxes) {
    const lane = deliveries.lane(id);
    if (isHeld(lane, now) || lane.holder !== '')
      breaches.push({
        rule: 'convergence',
        what: `the lane of ${id} is held by ${lane.holder || 'a pause'}`,
        about: [id],
      });
  }
  return breaches;
}

const silence = ({ logLines }: Evidence): Breach[] =>
  logLines
    .filter((line) => line.includes(CANARY) || /Bearer|1\.first\./.test(line))
    .slice(0, 3)
    .map((line) => ({ rule: 'silence', what: line.slice(0, 300), about: [] }));
