import { beforeEach, describe, expect, it } from 'vitest';
import { aFolder } from '../../support/builders.ts';
import { type App, startApp } from '../../support/app-under-test.ts';
import { makeWorld, type World } from '../../support/in-memory-ports.ts';
import { quietly } from '../../support/quiet-log.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const BATCH = 20;

let world: World;
let app: App;

beforeEach(async () => {
  world = makeWorld();
  app = startApp(world);
  await app.ports.keys.refresh();
});

const mailboxId = (number: number) => `00000000-0000-4000-8000-${String(number).padStart(12, '0')}`;

/** Folders whose renewal is due; `bare` ones have no subscription at all. */
function watch(count: number, bare = false): void {
  for (let number = 0; number < count; number++) {
    const mailbox = mailboxId(number);
    const expiresAt = new Date(world.clock.now() + 10 * HOUR);
    const place = { mailbox, folderId: 'inbox-id' };
    const subscription = bare ? undefined : world.subscriptions.put({ ...place, expiresAt, ours: true });
    world.folders.put(aFolder({ ...place, source: 'admin', subscription, expiresAt, renewAt: new Date(0) }));
  }
}

const renewed = () => world.subscriptions.batches.flat().length;
const slow = (call: string) => (call === 'subscriptions.renew' || call === 'subscriptions.create' ? 2_000 : 0);

describe('a timer with more to do than one run has time for [F26]', () => {
  it('renews for less than a minute in the fast timer, and goes on with the next turn', async () => {
    watch(1_000);
    app = startApp(world, {}, slow);
    await app.ports.keys.refresh();
    const startedAt = world.clock.now();
    await world.clock.runUntilDone(app.reconcileMailboxes());
    expect(world.clock.now() - startedAt).toBeLessThan(MINUTE);
    expect(renewed()).toBeGreaterThan(100);
    for (let turn = 0; turn < 5; turn++) await world.clock.runUntilDone(app.reconcileMailboxes());
    expect(renewed()).toBe(1_000);
  });

  it('still rings what has not been looked at while thousands of subscriptions are missing', async () => {
    watch(2_000, true);
    app = startApp(world, {}, slow);
    await app.ports.keys.refresh();
    await world.clock.advance(HOUR);
    const startedAt = world.clock.now();
    await world.clock.runUntilDone(app.reconcileMailboxes());
    expect(world.clock.now() - startedAt).toBeLessThan(2 * MINUTE);
    expect(world.workQueue.nextAt()).toBeDefined();
    expect(world.subscriptions.live().length).toBeGreaterThan(100);
    for (let turn = 0; turn < 20; turn++) await world.clock.runUntilDone(app.reconcileMailboxes());
    expect(world.subscriptions.live()).toHaveLength(2_000);
  });
});

describe('a throttled batch of renewals [F26, F27, F35]', () => {
  it('stops the run, and none is sent before the time that Graph asked for', async () => {
    watch(100);
    const [first] = world.folders.all();
    const retryAfterMs = 7 * MINUTE;
    world.subscriptions.nextRenewals.set(first?.subscription ?? '', { kind: 'failed', code: '429', retryAfterMs });
    await app.reconcileMailboxes();
    expect(world.subscriptions.batches).toHaveLength(1);
    world.subscriptions.nextRenewals.clear();
    for (let minute = 1; minute < 7; minute++) {
      await world.clock.advance(MINUTE);
      await app.reconcileMailboxes();
    }
    expect(world.subscriptions.batches).toHaveLength(1);
    await world.clock.advance(MINUTE);
    await app.reconcileMailboxes();
    expect(world.subscriptions.batches.length).toBeGreaterThan(1);
  });
});

describe('a throttled batch in the slow timer [F26, F35]', () => {
  it('is followed by the others after the time that Graph asked for, and by itself with the next turn', async () => {
    watch(60);
    const [first] = world.folders.all();
    const retryAfterMs = 2 * MINUTE;
    world.subscriptions.nextRenewals.set(first?.subscription ?? '', { kind: 'failed', code: '429', retryAfterMs });
    const startedAt = world.clock.now();
    await world.clock.runUntilDone(app.renewSubscriptions());
    expect(world.clock.now() - startedAt).toBe(retryAfterMs);
    expect(renewed()).toBe(60);
    world.subscriptions.nextRenewals.clear();
    await app.renewSubscriptions();
    expect(world.subscriptions.batches.at(-1)?.map(({ id }) => id)).toEqual([first?.subscription]);
  });
});

describe('a request for renewals that is not full', () => {
  it('takes along those that are due next, and nobody else', async () => {
    watch(25);
    const soon = (number: number, hours: number) => {
      const row = world.folders.all()[number];
      if (row) world.folders.put({ ...row, renewAt: new Date(world.clock.now() + hours * HOUR) });
      return row?.subscription;
    };
    // Ten hours are left, so a quarter of an hour before half of them is soon; the rest has time.
    const next = [0, 1, 2].map((number) => soon(number, 1));
    for (let number = 3; number < 23; number++) soon(number, 5);
    await app.renewSubscriptions();
    const [batch] = world.subscriptions.batches;
    expect(batch?.slice(2).map(({ id }) => id)).toEqual(next);
    expect(renewed()).toBe(5);
  });
});

describe('a list of subscriptions that fails', () => {
  it('keeps no subscription from being renewed', async () => {
    watch(3);
    app.gate.inject({ call: 'subscriptions.list', kind: 'error' });
    await app.renewSubscriptions();
    expect(renewed()).toBe(3);
  });
});

describe('one row that storage does not let us write [F26, F66]', () => {
  const stillDue = () => world.folders.all().filter(({ renewAt }) => (renewAt?.getTime() ?? 0) <= world.clock.now());

  it.each([
    ['claimed', 3, 59, 1],
    ['settled', 23, 60, 1],
  ])('when it is %s keeps no other from being renewed and noted', async (_, nth, sent, left) => {
    watch(60);
    app.gate.inject({ call: 'folders.update', nth, kind: 'error' });
    await app.renewSubscriptions();
    expect(renewed()).toBe(sent);
    expect(stillDue()).toHaveLength(left);
  });

  it('when its subscription is gone keeps no other from being renewed and noted [F16]', async () => {
    watch(40);
    const [first] = world.folders.all();
    world.subscriptions.nextRenewals.set(first?.subscription ?? '', { kind: 'gone' });
    // Twenty claims, its outcome, and the claim for a new subscription.
    app.gate.inject({ call: 'folders.update', nth: 22, kind: 'error' });
    await app.renewSubscriptions();
    expect(renewed()).toBe(40);
    expect(stillDue()).toHaveLength(1);
  });

  it('when its subscription is to be replaced keeps no other from being replaced [F28]', async () => {
    watch(10);
    for (const row of world.folders.all()) world.folders.put({ ...row, endpoint: 'former address' });
    app.gate.inject({ call: 'folders.update', nth: 1, kind: 'error' });
    await app.renewSubscriptions();
    expect(world.folders.all().filter(({ endpoint }) => endpoint === 'former address')).toHaveLength(1);
  });

  it('is named in the log by its ids', async () => {
    watch(2);
    app.gate.inject({ call: 'folders.update', nth: 2, kind: 'error' });
    const lines: string[] = [];
    await quietly(lines, app.renewSubscriptions);
    const [, { mailbox, folder } = {}] = world.folders.all();
    expect(lines.map((line) => JSON.parse(line) as unknown)).toContainEqual(
      expect.objectContaining({ event: 'renewal not stored', mailbox, folder }),
    );
  });
});

describe('one claim that takes half a minute', () => {
  /** The last of twenty, and only until it is stored. */
  const slowClaim = (call: string) => {
    let claims = 0;
    return (name: string) => (name === call && ++claims === BATCH ? 64_000 : 0);
  };

  it.each(['folders.read', 'folders.update'])(
    'keeps no other of its request from being renewed, and is tried again with the next turn (%s) [F26, F66]',
    async (call) => {
      watch(BATCH);
      app = startApp(world, {}, slowClaim(call));
      await app.ports.keys.refresh();
      await world.clock.runUntilDone(app.renewSubscriptions());
      expect(renewed()).toBe(BATCH - 1);
      await app.renewSubscriptions();
      expect(renewed()).toBe(BATCH);
    },
  );

  it('keeps no further request from being sent [F26]', async () => {
    watch(2 * BATCH);
    app = startApp(world, {}, slowClaim('folders.update'));
    await app.ports.keys.refresh();
    await world.clock.runUntilDone(app.reconcileMailboxes());
    expect(renewed()).toBe(2 * BATCH - 1);
  });
});
