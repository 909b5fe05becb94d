import { beforeEach, describe, expect, it } from 'vitest';
import { verifyClientState } from '../../../shared/domain/client-state.ts';
import { aNotification, MAILBOX, TENANT } from '../../support/builders.ts';
import { type App, oneMailbox, runRings, startApp } from '../../support/app-under-test.ts';
import type { World } from '../../support/in-memory-ports.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

let world: World;
let app: App;

beforeEach(async () => {
  ({ world, app } = oneMailbox({ mailboxes: [MAILBOX] }));
  await app.ports.keys.refresh();
});

/** The timers for a while, with the keys read as often as the app does. */
async function pass(ms: number, stepMs = 10 * 60_000): Promise<void> {
  for (let passed = 0; passed < ms; passed += stepMs) {
    await world.clock.advance(stepMs);
    await app.ports.keys.refresh();
    await world.clock.runUntilDone(app.reconcileMailboxes());
    if (passed % (30 * 60_000) === 0) await world.clock.runUntilDone(app.renewSubscriptions());
    await runRings(world, app, 0);
  }
}

const clientStates = () => world.subscriptions.live().map(({ clientState }) => clientState);
const keyIds = () => world.keys.keys.map((key) => key.id);
const isAccepted = async (clientState: string) => {
  const receipt = await app.receiveNotifications(
    { value: [aNotification({ clientState })] },
    AbortSignal.timeout(1_000),
  );
  return receipt.kind === 'accepted' && receipt.refused === 0;
};

describe('a clientState key [F28, F79, T04]', () => {
  it('gets a successor after 90 days, which stands for an hour before it signs', async () => {
    await pass(90 * DAY, 12 * HOUR);
    expect(world.keys.keys).toHaveLength(2);
    const ring = await app.ports.keys.refresh();
    expect(ring.signing.id).toBe('first');
    expect([...ring.accepted.keys()]).toEqual(keyIds());
    await world.clock.advance(HOUR);
    expect((await app.ports.keys.refresh()).signing.id).toBe(keyIds()[1]);
  });

  it('comes into use for every watched folder by renewal alone, with never more or less than one subscription', async () => {
    await pass(90 * DAY, 12 * HOUR);
    const old = clientStates();
    await pass(8 * DAY, HOUR);
    const { signing } = await app.ports.keys.refresh();
    const [clientState, ...others] = clientStates();
    expect(others).toEqual([]);
    expect(old).not.toContain(clientState);
    const only = { signing, accepted: new Map([[signing.id, signing]]) };
    expect(verifyClientState(only, TENANT, clientState)).toMatchObject({ genuine: true });
    expect(world.folders.all()[0]).toMatchObject({ keyId: signing.id, state: 'active' });
  });

  it('is honoured as long as a subscription is signed with it, and late notifications after that', async () => {
    await pass(91 * DAY, 12 * HOUR);
    const [old = ''] = clientStates();
    for (let hours = 0; hours < 4 * 24; hours++) {
      await pass(HOUR, HOUR);
      expect(await isAccepted(old)).toBe(true);
      for (const clientState of clientStates()) expect(await isAccepted(clientState)).toBe(true);
    }
  });

  it('leaves when no subscription is signed with it any more', async () => {
    await pass(100 * DAY, 6 * HOUR);
    expect(keyIds()).not.toContain('first');
    expect(keyIds()).toHaveLength(1);
  });

  it('stays while one subscription is signed with it, however long that takes', async () => {
    await pass(90 * DAY, 12 * HOUR);
    const [row] = world.folders.all();
    const later = new Date(world.clock.now() + 365 * DAY);
    // Another folder whose renewal is not due for long: its row keeps naming the key.
    const place = { mailbox: MAILBOX, folderId: 'archive-id' };
    const subscription = world.subscriptions.put({ ...place, expiresAt: later, ours: true });
    if (row) world.folders.put({ ...row, ...place, folder: 'archive', subscription, renewAt: later, expiresAt: later });
    await pass(20 * DAY, 12 * HOUR);
    expect(keyIds()).toContain('first');
  });

  it('is replaced in the row even where the process died between the old subscription and the new one [F23]', async () => {
    await pass(90 * DAY, 12 * HOUR);
    await pass(2 * HOUR);
    const [row] = world.folders.all();
    if (row) world.folders.put({ ...row, renewAt: new Date(0), patchedAt: new Date(0) });
    app.gate.inject({ call: 'subscriptions.create', kind: 'crash' });
    void app.reconcileMailboxes();
    await world.clock.advance(1_000);
    expect(world.subscriptions.live()).toEqual([]);
    app = startApp(world, { mailboxes: [MAILBOX] });
    await app.ports.keys.refresh();
    await pass(HOUR);
    expect(world.subscriptions.live()).toHaveLength(1);
  });

  it('whose replacement fails is tried again by the next turn of the timer', async () => {
    await pass(90 * DAY, 12 * HOUR);
    await pass(2 * HOUR);
    const [row] = world.folders.all();
    if (row) world.folders.put({ ...row, renewAt: new Date(0), patchedAt: new Date(0) });
    app.gate.inject({ call: 'subscriptions.create', nth: 1, kind: 'error' });
    await world.clock.runUntilDone(app.reconcileMailboxes());
    await world.clock.advance(60_000);
    await world.clock.runUntilDone(app.reconcileMailboxes());
    expect(world.subscriptions.live()).toHaveLength(1);
    expect(world.folders.all()[0]).toMatchObject({ state: 'active', subscription: world.subscriptions.live()[0]?.id });
  });
});

describe('a new address of ours [F24]', () => {
  it('is given to every subscription at once, by replacing it', async () => {
    const [before] = world.subscriptions.live();
    world.subscriptions.endpoint = 'endpoint-2';
    app = startApp(world, { mailboxes: [MAILBOX] });
    await app.ports.keys.refresh();
    await pass(30 * 60_000);
    const live = world.subscriptions.live();
    expect(live).toHaveLength(1);
    expect(live[0]?.id).not.toBe(before?.id);
    expect(world.folders.all()[0]).toMatchObject({ endpoint: 'endpoint-2', subscription: live[0]?.id });
  });
});
