import { describe, expect, it } from 'vitest';
import {
  arrived,
  chainOf,
  lookRing,
  messageIdFor,
  oneMailbox,
  ringFor,
  ringUp,
  runRings,
  startApp,
} from '../../support/app-under-test.ts';
import { aMail, MAILBOX } from '../../support/builders.ts';
import { makeWorld } from '../../support/in-memory-ports.ts';

const HOUR = 3_600_000;
const GROUP = '88888888-0000-4000-8000-000000000001';

/** A mailbox of the settings, which another set of settings leaves out: two readings an hour apart remove it. */
function aNamedMailbox() {
  const { world, app } = oneMailbox({ mailboxes: [MAILBOX] });
  const without = startApp(world, { mailboxes: [] });
  const row = () => world.folders.all().find((item) => item.mailbox === MAILBOX);
  return { world, app, without, row };
}

describe('a removal that breaks off half-way', () => {
  it.each([1, 2, 3])(
    'at its write number %i to the rows loses no mail when the mailbox is wanted after all',
    async (nth) => {
      const { world, app, without } = aNamedMailbox();
      await without.reconcileMailboxes();
      await world.clock.advance(HOUR);
      without.gate.inject({ call: 'folders.update', nth, kind: 'error' });
      await without.reconcileMailboxes();
      const mail = world.mailboxes.add(MAILBOX, aMail());
      await app.reconcileMailboxes();
      await ringUp(app, ringFor(mail));
      await runRings(world, app);
      expect(arrived(world)).toEqual([messageIdFor(mail)]);
    },
  );

  it('is finished by a later run of the timer', async () => {
    const { world, without, row } = aNamedMailbox();
    await without.reconcileMailboxes();
    await world.clock.advance(HOUR);
    without.gate.inject({ call: 'deliveries.saveChain', nth: 1, kind: 'error' });
    await without.reconcileMailboxes();
    without.gate.mend();
    await without.reconcileMailboxes();
    expect(row()).toMatchObject({ wanted: false, state: 'stopped', subscription: undefined });
    expect(chainOf(world)?.wanted).toBe(false);
    expect(world.subscriptions.live()).toEqual([]);
  });

  it('leaves no subscription that somebody was creating meanwhile [F24]', async () => {
    const { world, without, row } = aNamedMailbox();
    await without.reconcileMailboxes();
    await world.clock.advance(HOUR);
    const slow = startApp(world, { mailboxes: [MAILBOX] }, (call) => (call === 'subscriptions.create' ? 5_000 : 0));
    world.subscriptions.all.delete(row()?.subscription ?? '');
    const creating = ringUp(slow, lookRing('removed'));
    await world.clock.advance(1_000);
    await without.reconcileMailboxes();
    expect(row()?.wanted).toBe(false);
    await world.clock.runUntilDone(creating);
    expect(world.subscriptions.live()).toHaveLength(1);
    await without.reconcileMailboxes();
    expect(world.subscriptions.live()).toEqual([]);
    expect(row()).toMatchObject({ state: 'stopped', subscription: undefined });
  });

  it('goes on where it stopped when the mailbox comes back within a week, however long it was watched before', async () => {
    const { world, app, without } = aNamedMailbox();
    await world.clock.advance(30 * 24 * HOUR);
    await without.reconcileMailboxes();
    await world.clock.advance(HOUR);
    without.gate.inject({ call: 'deliveries.saveChain', nth: 1, when: 'after', kind: 'crash' });
    void without.reconcileMailboxes();
    await without.gate.crashed;
    const mail = world.mailboxes.add(MAILBOX, aMail());
    await world.clock.advance(HOUR);
    await app.reconcileMailboxes();
    await runRings(world, app);
    expect(arrived(world)).toEqual([messageIdFor(mail)]);
  });
});

describe('a removal that an administrator takes back meanwhile', () => {
  const ADDRESS = 'support@northwind.example';
  const OTHER = '99999999-2222-4333-8444-555555555555';

  /** A mailbox of the administrator, and a process whose calls named so take ten seconds. */
  async function aMailboxOf(slowCall: string) {
    const world = makeWorld();
    world.tenant.addUser(OTHER, ADDRESS);
    const app = startApp(world);
    await app.manageMailboxes.add(ADDRESS);
    const slow = startApp(world, { groupId: GROUP }, (call) => (call === slowCall ? 10_000 : 0));
    const row = () => world.folders.all().find((item) => item.mailbox === OTHER);
    return { world, app, slow, row };
  }

  async function expectWatched({ world, app, row }: Awaited<ReturnType<typeof aMailboxOf>>) {
    await app.reconcileMailboxes();
    expect(row()).toMatchObject({ wanted: true, addedByAdmin: true });
    const live = world.subscriptions.live().filter(({ mailbox }) => mailbox === OTHER);
    expect(live.map(({ id }) => id)).toEqual([row()?.subscription]);
    const mail = world.mailboxes.add(OTHER, aMail({ receivedAt: new Date(world.clock.now()) }));
    await ringUp(app, { ...ringFor(mail), mailbox: OTHER });
    expect(arrived(world)).toEqual([messageIdFor(mail, OTHER)]);
  }

  it('keeps or remakes its subscription, and the row names it [F24]', async () => {
    const of = await aMailboxOf('deliveries.saveChain');
    const removing = of.slow.manageMailboxes.remove(OTHER, false);
    await of.world.clock.advance(2_000);
    await of.app.manageMailboxes.add(ADDRESS);
    await of.world.clock.runUntilDone(removing);
    await expectWatched(of);
  });

  it.each([
    ['had read the half-removed row before', () => ({ wanted: false })],
    [
      'had read the row before, an hour after the mailbox left the group',
      (now: number) => ({ source: 'group' as const, missingSince: new Date(now - 2 * HOUR) }),
    ],
  ])('is not done by a timer that %s [F24, F34]', async (_, changes) => {
    const of = await aMailboxOf('directory.listGroup');
    const known = of.row();
    if (!known) throw new Error('no row');
    of.world.folders.put({ ...known, addedByAdmin: false, ...changes(of.world.clock.now()) });
    of.world.tenant.groups.set(GROUP, [{ id: MAILBOX, address: 'sales@northwind.example' }]);
    const timer = of.slow.reconcileMailboxes();
    await of.world.clock.advance(2_000);
    await of.app.manageMailboxes.add(ADDRESS);
    await of.world.clock.runUntilDone(timer);
    await expectWatched(of);
  });
});

describe('a chain that says not wanted', () => {
  it('is opened again by a ring where its row says wanted', async () => {
    const { world, app } = aNamedMailbox();
    await world.startProcess().ports.deliveries.saveChain(MAILBOX, lookRing().folders[0] ?? '', { wanted: false });
    const mail = world.mailboxes.add(MAILBOX, aMail());
    await ringUp(app, lookRing());
    expect(arrived(world)).toEqual([messageIdFor(mail)]);
  });

  it('stays closed where a removal comes between, and no mail is published', async () => {
    const { world, app, row } = aNamedMailbox();
    const [folder = ''] = lookRing().folders;
    await world.startProcess().ports.deliveries.saveChain(MAILBOX, folder, { wanted: false });
    world.mailboxes.add(MAILBOX, aMail());
    app.gate.inject({ call: 'deliveries.saveChain', nth: 1, when: 'before', kind: 'error' });
    await ringUp(app, lookRing());
    const known = row();
    if (!known) throw new Error('no row');
    world.folders.put({ ...known, wanted: false, state: 'stopped' });
    await runRings(world, app);
    expect(chainOf(world)?.wanted).toBe(false);
    expect(arrived(world)).toEqual([]);
  });
});
