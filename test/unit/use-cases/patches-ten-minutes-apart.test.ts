import { beforeEach, describe, expect, it } from 'vitest';
import { type App, lookRing, ringUp, startApp } from '../../support/app-under-test.ts';
import { aChain, aFolder, INBOX, INBOX_KEY, MAILBOX } from '../../support/builders.ts';
import { makeWorld, START, type World } from '../../support/in-memory-ports.ts';

const SECOND = 1_000;
const MINUTE = 60 * SECOND;

let world: World;

/** One subscription whose renewal is due. */
beforeEach(() => {
  world = makeWorld();
  world.deliveries.of(MAILBOX).chains.set(INBOX_KEY, aChain());
  const expiresAt = new Date(START + 5_000 * MINUTE);
  const subscription = world.subscriptions.put({ mailbox: MAILBOX, folderId: INBOX, expiresAt, ours: true });
  world.folders.put(aFolder({ subscription, expiresAt, renewAt: new Date(START - MINUTE) }));
});

const slowTables = (ms: number) => startApp(world, {}, (call) => (call === 'folders.update' ? ms : 0));
const patches = () => world.subscriptions.batches.length;
const at = (ms: number) => world.clock.advance(START + ms - world.clock.now());

const ways: [string, (app: App) => Promise<unknown>][] = [
  ['by a timer', (app) => app.renewSubscriptions()],
  ['for a ring', (app) => ringUp(app, lookRing('renew'))],
];

describe.each(ways)('a PATCH that is sent %s long after its row was claimed', (_, renew) => {
  it('keeps the next one ten minutes away, though its worker died before it could say when it was [F19, F26]', async () => {
    const app = slowTables(25 * SECOND);
    app.gate.inject({ call: 'subscriptions.renew', kind: 'crash', when: 'after' });
    const dying = renew(app);
    await Promise.all([at(MINUTE), Promise.race([dying, app.gate.crashed])]);
    expect(patches()).toBe(1);
    await at(10 * MINUTE + 24 * SECOND);
    await renew(startApp(world));
    expect(patches()).toBe(1);
    await at(11 * MINUTE);
    await renew(startApp(world));
    expect(patches()).toBe(2);
  });

  it('keeps the next one ten minutes away, though its answer does not say whether it was done [F19, F27]', async () => {
    const [id = ''] = world.subscriptions.all.keys();
    world.subscriptions.nextRenewals.set(id, { kind: 'failed', code: 'no-answer' });
    await world.clock.runUntilDone(renew(slowTables(25 * SECOND)));
    expect(world.folders.all()[0]?.patchedAt).toEqual(new Date(START + 25 * SECOND));
  });
});

describe.each(ways)('a worker that stands still after it claimed a row %s', (_, renew) => {
  it.each([
    ['over', 3 * MINUTE],
    ['nearly over', 50 * SECOND],
  ])('sends no PATCH once the claim is %s, for others do not count on it any more [F19, F23]', async (_when, ms) => {
    const app = slowTables(ms);
    await world.clock.runUntilDone(renew(app));
    expect(app.gate.count('subscriptions.renew')).toBe(0);
    await at(20 * MINUTE);
    await renew(startApp(world));
    expect(patches()).toBe(1);
  });

  it.each([
    ['over', 3 * MINUTE],
    ['nearly over', 50 * SECOND],
  ])('gives the row back when the claim is %s, and the next timer renews it [F19, F26]', async (_when, ms) => {
    await world.clock.runUntilDone(renew(slowTables(ms)));
    await startApp(world).renewSubscriptions();
    expect(patches()).toBe(1);
  });
});

describe('a renewal that Graph asked for long before it is due', () => {
  beforeEach(() => {
    for (const row of world.folders.all()) world.folders.put({ ...row, renewAt: new Date(START + 2_500 * MINUTE) });
  });

  it('is made by the next timer when its worker stood still and sent no PATCH [F19]', async () => {
    await world.clock.runUntilDone(ringUp(slowTables(50 * SECOND), lookRing('renew')));
    expect(patches()).toBe(0);
    await startApp(world).renewSubscriptions();
    expect(patches()).toBe(1);
  });

  it('is not tried again by the timers where we have no access: that is for the probes [F32]', async () => {
    const [id = ''] = world.subscriptions.all.keys();
    world.subscriptions.nextRenewals.set(id, { kind: 'unavailable', trouble: 'no-access', code: '403' });
    await ringUp(startApp(world), lookRing('renew'));
    await at(20 * MINUTE);
    await startApp(world).renewSubscriptions();
    expect(patches()).toBe(1);
  });

  it('is tried again by a timer ten minutes after a PATCH that failed, and is done with one that did not [F19, F27]', async () => {
    const [id = ''] = world.subscriptions.all.keys();
    world.subscriptions.nextRenewals.set(id, { kind: 'failed', code: 'no-answer' });
    await ringUp(startApp(world), lookRing('renew'));
    world.subscriptions.nextRenewals.clear();
    for (const minute of [9, 10, 21]) {
      await at(minute * MINUTE);
      await startApp(world).renewSubscriptions();
      expect(patches()).toBe(minute < 10 ? 1 : 2);
    }
  });
});
