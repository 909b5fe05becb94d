import { describe, expect, it, vi } from 'vitest';
import { verifyClientState } from '../../../shared/domain/client-state.ts';
import { TENANT } from '../../support/builders.ts';
import { makeDice } from '../dice.ts';
import { resourceOf, settledInstallation, type Settled } from './settled-installation.ts';
import { DAY, HOUR, MINUTE, type TenantSubscription } from './tenant.ts';

vi.setConfig({ testTimeout: 240_000 });

const notification = (subscription: TenantSubscription) => ({
  subscriptionId: subscription.id,
  tenantId: TENANT,
  clientState: subscription.clientState,
  changeType: 'created',
  resource: subscription.resource,
  resourceData: { id: 'AAkAnew=' },
});

/** Subscriptions signed with the first key, in two processes that read the keys every ten minutes as in production. */
async function signedInstallation(mailboxes: number): Promise<Settled> {
  const settled = settledInstallation({
    mailboxes,
    ageMs: (number) => (80 * HOUR * number) / mailboxes,
    config: { catchUpMs: DAY },
  });
  const { installation, time, tenant, runFor } = settled;
  for (const skewMs of [0, 0]) installation.start(skewMs);
  await runFor(MINUTE);
  // What stands there was made without the app: let it make them anew, at their own times.
  for (const subscription of tenant.sweep()) tenant.end(subscription, 'removed by Graph');
  for (const row of installation.folders.all()) installation.folders.put({ ...row, subscription: undefined });
  installation.every('renew', () => 30 * MINUTE);
  installation.every('reconcile', () => 30 * MINUTE);
  // Each process reads the keys at times of its own.
  for (const [number, { ports }] of installation.running.entries()) {
    const readKeys = () => {
      void installation.quietly(() => ports.keys.refresh());
      time.after(10 * MINUTE, readKeys);
    };
    time.after(number * 5 * MINUTE, readKeys);
  }
  await runFor(HOUR);
  settled.coverage.longest = { mailbox: '', why: 'none', hours: 0 };
  return settled;
}

const keyOf = (subscription: TenantSubscription) => subscription.clientState.split('.')[1] ?? '';

describe('the key of the clientStates', () => {
  it('is replaced under load in every subscription, and no genuine notification is refused meanwhile [F28, F79, T04]', async () => {
    const settled = await signedInstallation(20);
    const { installation, tenant, time, coverage, members, runFor, bare } = settled;
    expect(bare()).toEqual([]);
    const dice = makeDice(3, 1);
    const count = { posted: 0, refused: 0, failed: 0 };

    async function post(subscription: TenantSubscription): Promise<void> {
      const [first, second] = installation.running;
      const running = dice.chance(0.5) ? first : second;
      if (!running) return;
      count.posted++;
      try {
        const body = { value: [notification(subscription)] };
        const receipt = await installation.quietly(() =>
          running.app.receiveNotifications(body, new AbortController().signal),
        );
        if (receipt.kind !== 'accepted' || receipt.refused > 0) count.refused++;
      } catch {
        count.failed++;
      }
    }

    // Graph sends what it has for up to four hours, also for a subscription that was replaced meanwhile.
    const load = () => {
      for (const mailbox of members) {
        const subscription = dice.chance(0.3) ? tenant.on(resourceOf(mailbox)) : undefined;
        if (subscription)
          for (const lateMs of [0, dice.between(0, 4 * HOUR)]) time.after(lateMs, () => void post({ ...subscription }));
      }
      time.after(2 * HOUR, load);
    };
    load();
    // Whoever gets the first notification of a subscription that was just made has to know its key.
    const { granted } = tenant.witness;
    tenant.witness.granted = (subscription) => {
      granted?.(subscription);
      for (const { app } of installation.running)
        time.after(10_000, () => {
          const receipt = installation.quietly(() =>
            app.receiveNotifications({ value: [notification(subscription)] }, new AbortController().signal),
          );
          void receipt.then((outcome) => outcome.kind === 'accepted' && (count.refused += outcome.refused));
        });
    };

    // All of them are due when the second process has read the new key and the first one has not.
    const rush = () => {
      if (installation.keys.keys.length < 2) return void time.after(MINUTE, rush);
      time.after(5 * MINUTE, () => {
        const renewAt = new Date(time.now());
        for (const row of installation.folders.all()) installation.folders.put({ ...row, renewAt });
        const [, second] = installation.running;
        if (second) installation.fire('reconcile', second);
      });
    };
    rush();

    const firstKey = installation.keys.keys[0]?.id;
    const leaked = tenant.on(resourceOf(members[0] ?? ''));
    const seen = { newAt: 0, signedAt: 0, oldLeftAt: 0 };
    const begin = time.now();
    for (let hour = 0; hour < 110 * 24; hour++) {
      await runFor(HOUR);
      const keys = installation.keys.keys.map(({ id }) => id);
      if (keys.length > 1) seen.newAt ||= time.now();
      const signedWith = new Set(tenant.sweep().map(keyOf));
      if ([...signedWith].some((key) => key !== firstKey)) seen.signedAt ||= time.now();
      if (!keys.includes(firstKey ?? '')) seen.oldLeftAt ||= time.now();
      if (signedWith.has(firstKey ?? '')) expect(keys).toContain(firstKey);
    }
    coverage.look();
    expect(seen.newAt - begin).toBeGreaterThan(80 * DAY);
    // It stands for an hour first, so that every process knows it.
    expect(seen.signedAt - seen.newAt).toBeGreaterThanOrEqual(0);
    expect(seen.oldLeftAt).toBeGreaterThan(seen.signedAt + 4 * HOUR);
    expect(new Set(tenant.sweep().map(keyOf)).has(firstKey ?? '')).toBe(false);
    expect(bare()).toEqual([]);
    expect(tenant.all.size).toBe(20);
    expect(coverage.expiries).toBe(0);
    // A replaced one is without a successor for the time of one create.
    expect(coverage.longest.hours * HOUR).toBeLessThan(MINUTE);
    expect(count.posted).toBeGreaterThan(20 * 500);
    expect(count).toMatchObject({ refused: 0, failed: 0 });
    expect(installation.queue.sent.get('created')).toBeGreaterThanOrEqual(2 * 40);
    // A clientState that leaked opens nothing any more.
    const ring = await installation.running[0]?.ports.keys.refresh();
    expect(ring && verifyClientState(ring, TENANT, leaked?.clientState)).toEqual({ genuine: false });
  });

  it('stays as long as one folder cannot be moved to the next one [F28, F79]', async () => {
    const { installation, tenant, members, runFor, coverage } = await signedInstallation(3);
    const [stuck = ''] = members;
    const held = tenant.on(resourceOf(stuck));
    const firstKey = installation.keys.keys[0]?.id ?? '';
    // Its subscription can be renewed but neither removed nor made: replacing it fails each time.
    tenant.trouble = (method, path) =>
      method === 'DELETE' && path.includes(held?.id ?? 'none') ? { status: 500 } : undefined;
    await runFor(96 * DAY);
    expect(installation.keys.keys.map(({ id }) => id)).toContain(firstKey);
    tenant.trouble = () => undefined;
    await runFor(12 * DAY);
    expect(installation.keys.keys.map(({ id }) => id)).not.toContain(firstKey);
    coverage.look();
    expect(tenant.all.size).toBe(3);
  });
});
