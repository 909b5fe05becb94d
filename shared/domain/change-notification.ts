import * as z from 'zod';
import { type KeyRing, verifyClientState } from './client-state.ts';
import { GRAPH_ID, type Look, mergeRings, type Ring } from './work-item.ts';

/*
 * What Graph POSTs (learn: change-notifications-delivery-webhooks, 2026-04; resources/changenotification, 2026-10).
 * One POST may mix subscriptions, change and lifecycle items; unknown fields and enum values are to be expected.
 * Each item may cost a signature, so a POST may not hold as many as its bytes allow.
 */
const collectionSchema = z.object({ value: z.array(z.unknown()).max(2_000) });

const itemSchema = z.object({
  tenantId: z.string(),
  clientState: z.string(),
  subscriptionId: z.string().optional(),
  changeType: z.string().nullish(),
  lifecycleEvent: z.string().nullish(),
  resource: z.string().nullish(),
  resourceData: z.object({ id: z.string().nullish() }).nullish(),
});

/** Rings to send for one POST, and how many items were refused as not ours. */
export interface Judgement {
  rings: Ring[];
  refused: number;
}

// A map: an event may be called `constructor` by whoever sends it.
const LOOK_OF_EVENT: ReadonlyMap<string, Look> = new Map([
  ['reauthorizationRequired', 'renew'],
  ['subscriptionRemoved', 'removed'],
  ['missed', 'missed'],
]);

// Users/{oid}/Messages/{id}, users/{oid}@{tenant}/…, Users('{oid}')/messages('{id}'): any letter case (fact sheet 3.1).
const MAILBOX_IN_RESOURCE = /^\/?users(?:\/|\(')([0-9a-f-]{36})(?:@[0-9a-f-]{36})?(?:'\))?\//i;

/**
 * Judges each item of a notification POST alone, by its clientState and without I/O, and gathers the genuine ones into
 * one ring per mailbox and watched folder. `undefined`: this is not a notification collection (answer 400).
 * An item whose tenant or mailbox contradicts its clientState is refused like a forged one.
 */
export function judgeNotifications(body: unknown, tenant: string, keys: KeyRing): Judgement | undefined {
  const collection = collectionSchema.safeParse(body);
  if (!collection.success) return undefined;
  const slots = new Map<string, { ring: Ring; ids: Set<string> }>();
  let refused = 0;
  for (const raw of collection.data.value) {
    const ring = judgeItem(raw, tenant, keys);
    if (!ring) {
      refused++;
      continue;
    }
    const name = `${ring.mailbox}/${ring.folders[0]}`;
    const slot = slots.get(name) ?? { ring: { ...ring, ids: [] }, ids: new Set() };
    // Apart from the rest of the ring: each merge would copy the ids of all items before.
    for (const id of ring.ids) slot.ids.add(id);
    slots.set(name, { ring: mergeRings(slot.ring, { ...ring, ids: [] }), ids: slot.ids });
  }
  return { rings: [...slots.values()].map(({ ring, ids }) => ({ ...ring, ids: [...ids] })), refused };
}

function judgeItem(raw: unknown, tenant: string, keys: KeyRing): Ring | undefined {
  const parsed = itemSchema.safeParse(raw);
  if (!parsed.success) return undefined;
  const item = parsed.data;
  if (item.tenantId.toLowerCase() !== tenant.toLowerCase()) return undefined;
  const verdict = verifyClientState(keys, tenant, item.clientState);
  if (!verdict.genuine) return undefined;
  const named = MAILBOX_IN_RESOURCE.exec(item.resource ?? '')?.[1];
  if (named && named.toLowerCase() !== verdict.mailbox) return undefined;
  const ring = { mailbox: verdict.mailbox, folders: [verdict.folder] };
  if (item.lifecycleEvent) return { ...ring, ids: [], look: LOOK_OF_EVENT.get(item.lifecycleEvent) ?? 'missed' };
  const id = item.resourceData?.id;
  // A genuine item without a usable id is still a doorbell.
  return id && GRAPH_ID.test(id) ? { ...ring, ids: [id] } : { ...ring, ids: [], look: 'notified' };
}
