import { beforeEach, describe, expect, it } from 'vitest';
import { verifyClientState } from '../../../shared/domain/client-state.ts';
import { startApp, type App, ringUp } from '../../support/app-under-test.ts';
import { aChain, aFolder, INBOX, INBOX_KEY, MAILBOX, TENANT } from '../../support/builders.ts';
import { makeWorld, START, type World } from '../../support/in-memory-ports.ts';

const MINUTE = 60_000;
const ref = { mailbox: MAILBOX, folder: INBOX_KEY };

let world: World;
let app: App;
beforeEach(() => {
  world = makeWorld();
  app = startApp(world);
  world.deliveries.of(MAILBOX).chains.set(INBOX_KEY, aChain());
});

const row = () => world.folders.get(ref);
/** `removed` verifies, `renew` renews: how the app is asked to see to a subscription. */
const verify = () => ringUp(app, { ...ref, folders: [INBOX_KEY], ids: [], look: 'removed' });
const renew = () => ringUp(app, { ...ref, folders: [INBOX_KEY], ids: [], look: 'renew' });

function subscribed(patchedMinutesAgo: number) {
  const expiresAt = new Date(START + 5_000 * MINUTE);
  const subscription = world.subscriptions.put({ mailbox: MAILBOX, folderId: INBOX, expiresAt, ours: true });
  const patchedAt = new Date(START - patchedMinutesAgo * MINUTE);
  world.folders.put(aFolder({ subscription, expiresAt, patchedAt, renewAt: new Date(START + 2_500 * MINUTE) }));
  return subscription;
}

describe('a folder without a subscription', () => {
  beforeEach(() => world.folders.put(aFolder({ state: 'starting' })));

  it('gets one that is signed for it, and is rung now and in three minutes', async () => {
    await verify();
    const [made] = world.subscriptions.live();
    const keys = await app.ports.keys.refresh();
    expect(verifyClientState(keys, TENANT, made?.clientState)).toMatchObject({ genuine: true, ...ref });
    expect(row()).toMatchObject({
      state: 'active',
      subscription: made?.id,
      keyId: 'first',
      claim: '',
      maxMinutes: 10_020,
    });
    expect(row()?.renewAt).toEqual(new Date(START + 5_010 * MINUTE));
    const created = world.workQueue.sent.filter(({ ring }) => ring.look === 'created');
    expect(created.map(({ at }) => at - START)).toEqual([0, 3 * MINUTE]);
  });

  it('takes the returned expiry for the truth [F17]', async () => {
    world.subscriptions.maxMinutes = 4_230;
    await verify();
    expect(row()?.expiresAt).toEqual(new Date(START + 4_230 * MINUTE));
    expect(row()?.renewAt).toEqual(new Date(START + 2_115 * MINUTE));
    expect(row()?.maxMinutes).toBe(4_230);
  });

  it('replaces one of ours that no row knows [F23]', async () => {
    const orphan = world.subscriptions.put({
      mailbox: MAILBOX,
      folderId: INBOX,
      expiresAt: new Date(START + MINUTE),
      ours: true,
    });
    await verify();
    expect(world.subscriptions.all.has(orphan)).toBe(false);
    expect(world.subscriptions.live().map(({ id }) => id)).toEqual([row()?.subscription]);
  });

  it('leaves a foreign one alone and is polled instead [F24]', async () => {
    const foreign = world.subscriptions.put({
      mailbox: MAILBOX,
      folderId: INBOX,
      expiresAt: new Date(START + MINUTE),
      ours: false,
    });
    await verify();
    expect(world.subscriptions.all.has(foreign)).toBe(true);
    expect(row()).toMatchObject({ state: 'polling', move: 'administrator', subscription: undefined, claim: '' });
    expect(row()?.probeAt.getTime()).toBeGreaterThan(START);
  });

  it.each([
    [{ kind: 'endpoint-refused' as const, code: 'ValidationError' }, 'failing', 'operator'],
    [{ kind: 'quota' as const, code: 'Forbidden' }, 'polling', 'administrator'],
    [{ kind: 'unavailable' as const, trouble: 'no-access' as const, code: 'Forbidden' }, 'suspended', 'administrator'],
    [
      { kind: 'unavailable' as const, trouble: 'not-found' as const, code: 'ResourceNotFound' },
      'suspended',
      'administrator',
    ],
    [{ kind: 'exists' as const, id: undefined }, 'polling', 'administrator'],
  ])('that is refused with %j is shown as %s, and whose move it is [F20, F29]', async (outcome, state, move) => {
    world.subscriptions.nextCreates.push(outcome, outcome);
    await verify();
    expect(row()).toMatchObject({ state, move, subscription: undefined, claim: '' });
    expect(row()?.reason.length).toBeGreaterThan(20);
    expect(row()?.probeAt.getTime()).toBeGreaterThan(START);
  });

  it('is not asked for by a second worker while the first is at it [F23]', async () => {
    world.folders.put(aFolder({ claim: 'another', claimedUntil: new Date(START + MINUTE) }));
    await verify();
    expect(world.subscriptions.requests).toEqual([]);
  });

  it('is asked for again after a worker that vanished [F23]', async () => {
    world.folders.put(aFolder({ claim: 'another', claimedUntil: new Date(START - 1) }));
    await verify();
    expect(row()?.state).toBe('active');
  });

  it.each([1, 2, 3, 4, 5, 6, 7, 8, 9, 10])(
    'ends with one subscription that its row knows when call %i fails or crashes [F23]',
    async (nth) => {
      for (const kind of ['error', 'crash'] as const)
        for (const when of ['before', 'after'] as const) {
          world = makeWorld();
          world.deliveries.of(MAILBOX).chains.set(INBOX_KEY, aChain());
          world.folders.put(aFolder({ state: 'starting' }));
          app = startApp(world);
          app.gate.inject({ call: '*', nth, kind, when });
          await Promise.race([verify().catch(() => undefined), app.gate.crashed]);
          await world.clock.advance(2 * MINUTE);
          app = startApp(world);
          await verify();
          expect(
            world.subscriptions.live().map(({ id }) => id),
            `${kind} ${when} ${nth}`,
          ).toEqual([row()?.subscription]);
        }
    },
  );

  it('that is not wanted gets none', async () => {
    world.folders.put(aFolder({ wanted: false, state: 'stopped' }));
    await verify();
    await renew();
    expect(world.subscriptions.requests).toEqual([]);
  });
});

describe('a subscription that has to be renewed', () => {
  it('is patched once, not twice within ten minutes [F19]', async () => {
    const id = subscribed(11);
    await renew();
    await renew();
    expect(world.subscriptions.batches).toEqual([[{ id, minutes: 10_020 }]]);
    expect(row()?.expiresAt).toEqual(new Date(START + 10_020 * MINUTE));
  });

  it('is left alone within ten minutes of its creation', async () => {
    subscribed(9);
    await renew();
    expect(world.subscriptions.batches).toEqual([]);
  });

  it('is made anew when Graph does not know it any more [F16, F22]', async () => {
    const id = subscribed(60);
    world.subscriptions.all.delete(id);
    await renew();
    expect(row()?.subscription).not.toBe(id);
    expect(world.subscriptions.live().map((item) => item.id)).toEqual([row()?.subscription]);
  });

  it('is made anew at once when it was removed, although it was patched just now [F20]', async () => {
    const id = subscribed(1);
    world.subscriptions.all.delete(id);
    await verify();
    expect(world.subscriptions.live().map((item) => item.id)).toEqual([row()?.subscription]);
  });

  it.each(['before', 'after'] as const)(
    'is tried again with the next turn of the timer when it was removed and its successor failed (%s it was made) [F20, F23]',
    async (when) => {
      world.subscriptions.all.delete(subscribed(60));
      app.gate.inject({ call: 'subscriptions.create', nth: 1, kind: 'error', when });
      await verify();
      expect(row()).toMatchObject({ state: 'failing', subscription: undefined });
      await world.clock.advance(MINUTE);
      await app.reconcileMailboxes();
      expect(world.subscriptions.live().map((item) => item.id)).toEqual([row()?.subscription]);
    },
  );

  it('is suspended when the mailbox refuses us, and keeps its id [F22]', async () => {
    const id = subscribed(60);
    world.subscriptions.nextRenewals.set(id, { kind: 'unavailable', trouble: 'no-access', code: 'Forbidden' });
    await renew();
    expect(row()).toMatchObject({ state: 'suspended', subscription: id });
  });

  it('is asked for a shorter life after a refusal of the longer one, and remembers it [F17]', async () => {
    const id = subscribed(60);
    world.subscriptions.nextRenewals.set(id, { kind: 'failed', code: 'ErrorInvalidParameter' });
    await renew();
    world.subscriptions.nextRenewals.clear();
    await world.clock.advance(11 * MINUTE);
    await renew();
    expect(world.subscriptions.batches.map(([first]) => first?.minutes)).toEqual([10_020, 4_200]);
  });

  it('stays as it is when the renewal fails for a while [F22]', async () => {
    const id = subscribed(60);
    world.subscriptions.nextRenewals.set(id, { kind: 'failed', code: 'ServiceUnavailable' });
    await renew();
    expect(row()).toMatchObject({ subscription: id, state: 'active', claim: '', maxMinutes: 10_020 });
  });
});

describe('the timer that renews', () => {
  const due = (count: number) => {
    for (let number = 0; number < count; number++) {
      const folderId = `folder-${number}`;
      const expiresAt = new Date(START + 100 * MINUTE);
      const subscription = world.subscriptions.put({ mailbox: MAILBOX, folderId, expiresAt, ours: true });
      world.folders.put(
        aFolder({
          folderId,
          folder: folderId,
          subscription,
          expiresAt,
          renewAt: new Date(START - MINUTE),
          patchedAt: new Date(0),
        }),
      );
    }
  };

  it('renews twenty to a request, each once [F26]', async () => {
    due(45);
    await app.renewSubscriptions();
    expect(world.subscriptions.batches.map((batch) => batch.length)).toEqual([20, 20, 5]);
    expect(world.folders.all().every((item) => item.expiresAt?.getTime() === START + 10_020 * MINUTE)).toBe(true);
    await app.renewSubscriptions();
    expect(world.subscriptions.batches).toHaveLength(3);
  });

  it('renews the rest when parts of a batch fail or are gone [F27]', async () => {
    due(5);
    const [first, second] = [...world.subscriptions.all.keys()];
    world.subscriptions.all.delete(first ?? '');
    world.subscriptions.nextRenewals.set(second ?? '', { kind: 'failed', code: 'no-answer' });
    await app.renewSubscriptions();
    expect(world.folders.all().filter((item) => item.expiresAt?.getTime() === START + 10_020 * MINUTE)).toHaveLength(4);
    expect(world.folders.all().every((item) => item.claim === '')).toBe(true);
  });

  it('tries the next batch although one got no answer [F26]', async () => {
    due(25);
    app.gate.inject({ call: 'subscriptions.renew', nth: 1, kind: 'error' });
    await app.renewSubscriptions();
    expect(world.subscriptions.batches.map((batch) => batch.length)).toEqual([5]);
    expect(world.folders.all().every((item) => item.claim === '')).toBe(true);
  });

  it('is not shared out twice between two processes that run it together [F75]', async () => {
    due(20);
    await Promise.all([app.renewSubscriptions(), startApp(world).renewSubscriptions()]);
    const asked = world.subscriptions.batches.flat().map(({ id }) => id);
    expect(new Set(asked).size).toBe(asked.length);
    expect(asked).toHaveLength(20);
  });

  it('removes an orphan of ours on its second sighting half an hour later, and no foreign one [F24]', async () => {
    const expiresAt = new Date(START + 10_000 * MINUTE);
    const orphan = world.subscriptions.put({ mailbox: MAILBOX, folderId: 'gone', expiresAt, ours: true });
    const foreign = world.subscriptions.put({ mailbox: MAILBOX, folderId: 'x', expiresAt, ours: false });
    await app.renewSubscriptions();
    await world.clock.advance(29 * MINUTE);
    await app.renewSubscriptions();
    expect(world.subscriptions.all.has(orphan)).toBe(true);
    await world.clock.advance(MINUTE);
    await app.renewSubscriptions();
    expect(world.subscriptions.all.has(orphan)).toBe(false);
    expect(world.subscriptions.all.has(foreign)).toBe(true);
    expect(world.folders.orphans.size).toBe(0);
  });
});
