import { ARCHIVE, resourceOf } from './plan.ts';
import { sometimes, type Stage } from './stage.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

/** What goes wrong with subscriptions and their notifications, and what others send to our address. */
export function planRinging(stage: Stage): void {
  const { around, dice, stores, notifier } = stage;
  const { faults, time, trace } = around;
  const { subscriptions } = stores.graph;
  sometimes(stage, 2, () => {
    if (faults.has('notification blackout')) notifier.blackoutUntil = time.now() + dice.between(HOUR, DAY);
  });
  sometimes(stage, 8, () => {
    if (faults.strikes('notification forged', 1)) notifier.forge();
  });
  sometimes(stage, 4, () => {
    if (!faults.strikes('lifecycle missed', 1)) return;
    for (const item of subscriptions.ours()) notifier.lifecycle(item, 'missed');
  });
  sometimes(stage, 8, () => {
    if (!faults.strikes('lifecycle reauthorizationRequired', 1)) return;
    for (const item of subscriptions.ours()) {
      item.challengedAt ??= time.now();
      notifier.lifecycle(item, 'reauthorizationRequired');
    }
  });
  const lose = (kind: 'lifecycle subscriptionRemoved' | 'subscription vanished') => {
    const ours = subscriptions.ours();
    if (ours.length === 0 || !faults.strikes(kind, 1)) return;
    const victim = dice.pick(ours);
    subscriptions.all.delete(victim.id);
    trace.note('world', kind, victim.id);
    if (kind === 'lifecycle subscriptionRemoved') notifier.lifecycle(victim, 'subscriptionRemoved');
  };
  sometimes(stage, 3, () => lose('lifecycle subscriptionRemoved'));
  sometimes(stage, 2, () => lose('subscription vanished'));
}

/** Subscriptions of others in the tenant: some beside ours, and now and then one where ours should be. */
export function planForeign(stage: Stage): void {
  const { around, dice, stores, plan, endsAt } = stage;
  const { subscriptions } = stores.graph;
  const put = (resource: string) => {
    const item = subscriptions.put({
      resource,
      notificationUrl: 'https://other.northwind.example/api/notifications?app=another-app',
      clientState: 'of another installation',
      expiresAt: around.time.now() + 30 * DAY,
      immutable: false,
    });
    around.trace.note('world', 'foreign subscription', item.id);
    return item;
  };
  for (const { id } of plan.mailboxes) put(dice.chance(0.5) ? `users/${id}/events` : resourceOf(id, ARCHIVE));
  if (!plan.isCrowdedOut) return;
  sometimes(stage, 2, () => {
    const ours = subscriptions.ours();
    if (ours.length === 0) return;
    const victim = dice.pick(ours);
    subscriptions.all.delete(victim.id);
    const intruder = put(victim.resource);
    const stays = Math.min(dice.between(HOUR, DAY), endsAt - around.time.now());
    around.time.after(stays, () => subscriptions.all.delete(intruder.id));
  });
}
