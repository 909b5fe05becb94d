import { describe, expect, it } from 'vitest';
import { compose } from '../../../shared/compose.ts';
import type { Config } from '../../../shared/config.ts';
import { folderKey } from '../../../shared/domain/delta.ts';
import { arrived, lookRing, messageIdFor, ringUp, runRings, startApp } from '../../support/app-under-test.ts';
import { aConfig, aMail, INBOX_KEY, MAILBOX } from '../../support/builders.ts';
import { makeWorld, START } from '../../support/in-memory-ports.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const OTHER = '99999999-2222-4333-8444-555555555555';
const GROUP = '77777777-2222-4333-8444-555555555555';
const SALES = 'sales@northwind.example';
const ref = { mailbox: MAILBOX, folder: INBOX_KEY };

function installation(config: Partial<Config> = { mailboxes: [SALES] }) {
  const world = makeWorld();
  world.tenant.addUser(MAILBOX, SALES);
  world.tenant.addUser(OTHER, 'support@northwind.example');
  const app = startApp(world, config);
  return { world, app, row: (mailbox = MAILBOX) => world.folders.get({ mailbox, folder: INBOX_KEY }) };
}

const members = (...ids: string[]) =>
  ids.map((id) => ({ id, address: id === MAILBOX ? SALES : 'support@northwind.example' }));

describe('a mailbox of the settings', () => {
  it('is watched from the start of the process on, with a subscription and a first look', async () => {
    const { world, app, row } = installation();
    await world.clock.advance(30_000);
    const early = world.mailboxes.add(MAILBOX, aMail({ receivedAt: new Date(START - 1_000) }));
    const mail = world.mailboxes.add(MAILBOX, aMail({ receivedAt: new Date(START + 1_000) }));
    await app.reconcileMailboxes();
    expect(row()).toMatchObject({ state: 'active', wanted: true, source: 'settings', watchStart: new Date(START) });
    expect(world.subscriptions.live()).toHaveLength(1);
    await runRings(world, app);
    expect(arrived(world)).toEqual([messageIdFor(mail)]);
    expect(early.id).not.toBe(mail.id);
  });

  it('loses no mail of its first minutes to a process whose clock is ahead [F25]', async () => {
    const { world, row } = installation();
    const { ports } = world.startProcess();
    const ahead = compose(aConfig({ mailboxes: [SALES] }), ports, new Date(START + 10 * MINUTE));
    await ahead.reconcileMailboxes();
    expect(row()?.watchStart).toEqual(new Date(START));
  });

  it('costs no look-up once it is known', async () => {
    const { app } = installation();
    await app.reconcileMailboxes();
    await app.reconcileMailboxes();
    expect(app.gate.count('directory.findMailbox')).toBe(1);
  });

  it('named by object id needs no look-up at all', async () => {
    const { app, row } = installation({ mailboxes: [MAILBOX.toUpperCase()] });
    await app.reconcileMailboxes();
    expect(app.gate.count('directory.findMailbox')).toBe(0);
    expect(row()?.state).toBe('active');
  });

  it('that Graph does not know is shown, probed ever more slowly, and watched once it exists', async () => {
    const { world, app } = installation({ mailboxes: ['new@northwind.example'] });
    for (let minute = 0; minute < 60; minute++) {
      await app.reconcileMailboxes();
      await world.clock.advance(MINUTE);
    }
    expect(app.gate.count('directory.findMailbox')).toBeLessThan(8);
    expect(world.folders.all()).toMatchObject([
      { state: 'suspended', move: 'administrator', address: 'new@northwind.example' },
    ]);
    world.tenant.addUser('12121212-2222-4333-8444-555555555555', 'new@northwind.example');
    for (let minute = 0; minute < 120; minute++) {
      await app.reconcileMailboxes();
      await world.clock.advance(MINUTE);
    }
    expect(world.folders.all()).toMatchObject([{ state: 'active', mailbox: '12121212-2222-4333-8444-555555555555' }]);
  });

  it('whose row is of an address taken out of the settings leaves no trace', async () => {
    const { world, app } = installation({ mailboxes: [SALES, 'typo@northwind.example'] });
    await app.reconcileMailboxes();
    expect(world.folders.all()).toHaveLength(2);
    await startApp(world, { mailboxes: [SALES] }).reconcileMailboxes();
    expect(world.folders.all().map(({ address }) => address)).toEqual([SALES]);
  });

  it('with a folder that does not exist is shown with its reason, and its other folders work', async () => {
    const { world, app } = installation({ mailboxes: [SALES], folderNames: ['inbox', 'Inbox/Sales'] });
    await app.reconcileMailboxes();
    expect(
      world.folders
        .all()
        .map(({ folderName, state }) => `${folderName} ${state}`)
        .toSorted(),
    ).toEqual(['Inbox/Sales suspended', 'inbox active']);
    world.tenant.folders.set(`${MAILBOX}/Inbox/Sales`, 'sales-id');
    await world.clock.advance(HOUR);
    await app.reconcileMailboxes();
    expect(
      world.folders
        .all()
        .map(({ folder }) => folder)
        .toSorted(),
    ).toEqual([folderKey('inbox-id'), folderKey('sales-id')].toSorted());
  });

  it('does not keep others from being watched when its own steps fail', async () => {
    const { world, app, row } = installation({ mailboxes: [SALES, 'support@northwind.example'] });
    app.gate.inject({ call: 'directory.findFolder', nth: 1, kind: 'error' });
    await app.reconcileMailboxes();
    expect([row()?.state, row(OTHER)?.state].filter((state) => state === 'active')).toHaveLength(1);
    await app.reconcileMailboxes();
    expect([row()?.state, row(OTHER)?.state]).toEqual(['active', 'active']);
    expect(world.subscriptions.live()).toHaveLength(2);
  });
});

describe('a mailbox that is no longer named', () => {
  it('is stopped only by a second reading an hour later, and its subscription removed', async () => {
    const { world, app, row } = installation();
    await app.reconcileMailboxes();
    const emptied = startApp(world, { mailboxes: ['support@northwind.example'] });
    await emptied.reconcileMailboxes();
    await world.clock.advance(59 * MINUTE);
    await emptied.reconcileMailboxes();
    expect(row()).toMatchObject({ wanted: true, state: 'active' });
    await world.clock.advance(MINUTE);
    await emptied.reconcileMailboxes();
    expect(row()).toMatchObject({ wanted: false, state: 'stopped', subscription: undefined });
    expect(world.subscriptions.live().map(({ mailbox }) => mailbox)).toEqual([OTHER]);
    world.mailboxes.add(MAILBOX, aMail());
    await ringUp(emptied, lookRing());
    expect(arrived(world)).toEqual([]);
  });

  it('stays when it is named again within the hour', async () => {
    const { world, app, row } = installation();
    await app.reconcileMailboxes();
    await startApp(world, { mailboxes: ['support@northwind.example'] }).reconcileMailboxes();
    await app.reconcileMailboxes();
    await world.clock.advance(2 * HOUR);
    await startApp(world, { mailboxes: ['support@northwind.example'] }).reconcileMailboxes();
    expect(row()).toMatchObject({ wanted: true });
  });

  it('goes on where it stopped when it comes back within seven days', async () => {
    const { world, app, row } = installation();
    await app.reconcileMailboxes();
    await runRings(world, app, HOUR);
    const without = startApp(world, { mailboxes: ['support@northwind.example'] });
    await without.reconcileMailboxes();
    await world.clock.advance(HOUR);
    await without.reconcileMailboxes();
    const missed = world.mailboxes.add(MAILBOX, aMail({ receivedAt: new Date(world.clock.now()) }));
    await world.clock.advance(6 * 24 * HOUR);
    await app.reconcileMailboxes();
    await runRings(world, app, HOUR);
    expect(row()).toMatchObject({ wanted: true, state: 'active' });
    expect(arrived(world)).toEqual([messageIdFor(missed)]);
  });

  it('begins anew when it comes back later', async () => {
    const { world, app, row } = installation();
    await app.reconcileMailboxes();
    await runRings(world, app, HOUR);
    const without = startApp(world, { mailboxes: ['support@northwind.example'] });
    await without.reconcileMailboxes();
    await world.clock.advance(HOUR);
    await without.reconcileMailboxes();
    world.mailboxes.add(MAILBOX, aMail({ receivedAt: new Date(world.clock.now()) }));
    await world.clock.advance(8 * 24 * HOUR);
    await app.reconcileMailboxes();
    const fresh = world.mailboxes.add(MAILBOX, aMail({ receivedAt: new Date(world.clock.now()) }));
    await runRings(world, app, HOUR);
    expect(row()?.watchStart.getTime()).toBeGreaterThan(START + 8 * 24 * HOUR);
    expect(arrived(world)).toEqual([messageIdFor(fresh)]);
  });
});

describe('a group', () => {
  const withGroup = () => {
    const all = installation({ mailboxes: [], groupId: GROUP });
    all.world.tenant.groups.set(GROUP, members(MAILBOX, OTHER));
    return all;
  };

  it('brings in its direct members', async () => {
    const { app, row } = withGroup();
    await app.reconcileMailboxes();
    expect([row()?.source, row(OTHER)?.source]).toEqual(['group', 'group']);
  });

  it.each(['empty', 'failed'])('keeps its last membership while a reading is %s', async (how) => {
    const { world, app, row } = withGroup();
    await app.reconcileMailboxes();
    for (let minute = 0; minute < 300; minute += 11) {
      await world.clock.advance(11 * MINUTE);
      if (how === 'empty') world.tenant.groups.set(GROUP, []);
      else app.gate.inject({ call: 'directory.listGroup', kind: 'error' });
      await app.reconcileMailboxes();
    }
    expect([row()?.wanted, row(OTHER)?.wanted]).toEqual([true, true]);
    expect(row()?.missingSince).toBeUndefined();
  });

  it('keeps its last membership in a process that has never read it', async () => {
    const { world, app, row } = withGroup();
    await app.reconcileMailboxes();
    const fresh = startApp(world, { mailboxes: [], groupId: GROUP });
    fresh.gate.inject({ call: 'directory.listGroup', kind: 'error' });
    await fresh.reconcileMailboxes();
    await world.clock.advance(3 * HOUR);
    await fresh.reconcileMailboxes();
    expect(row()?.wanted).toBe(true);
  });

  it('lets a member go that two readings an hour apart lack', async () => {
    const { world, app, row } = withGroup();
    await app.reconcileMailboxes();
    world.tenant.groups.set(GROUP, members(OTHER));
    for (let minute = 0; minute < 90; minute += 10) {
      await world.clock.advance(10 * MINUTE);
      await app.reconcileMailboxes();
    }
    expect([row()?.wanted, row(OTHER)?.wanted]).toEqual([false, true]);
  });

  it('that lets a mailbox go leaves it to the administrator who named it too', async () => {
    const { world, app, row } = installation({ groupId: GROUP });
    world.tenant.groups.set(GROUP, members(MAILBOX, OTHER));
    await app.reconcileMailboxes();
    await app.manageMailboxes.add(MAILBOX);
    world.tenant.groups.set(GROUP, members(OTHER));
    for (let turn = 0; turn < 4; turn++) {
      await world.clock.advance(HOUR);
      await app.reconcileMailboxes();
    }
    expect(row()).toMatchObject({ wanted: true, state: 'active', source: 'admin' });
    expect(await app.manageMailboxes.remove(MAILBOX, false)).toEqual({ erased: [] });
    await app.reconcileMailboxes();
    expect(row()).toMatchObject({ wanted: false });
  });

  it('does not take a mailbox away from the administrator who named it first', async () => {
    const { world, app, row } = installation({ groupId: GROUP });
    await app.manageMailboxes.add(MAILBOX);
    world.tenant.groups.set(GROUP, members(MAILBOX, OTHER));
    await app.reconcileMailboxes();
    world.tenant.groups.set(GROUP, members(OTHER));
    for (let turn = 0; turn < 4; turn++) {
      await world.clock.advance(HOUR);
      await app.reconcileMailboxes();
    }
    expect(row()).toMatchObject({ wanted: true, state: 'active' });
  });

  it('does not take over what the settings name', async () => {
    const { world, app, row } = installation({ mailboxes: [SALES], groupId: GROUP });
    world.tenant.groups.set(GROUP, members(MAILBOX, OTHER));
    await app.reconcileMailboxes();
    expect([row()?.source, row(OTHER)?.source]).toEqual(['settings', 'group']);
  });
});

describe('catch-up', () => {
  it('rings a mailbox that nobody looked at for an interval, once for an interval [F04]', async () => {
    const { world, app } = installation();
    await app.reconcileMailboxes();
    await runRings(world, app, 5 * MINUTE);
    world.workQueue.sent.length = 0;
    for (let minute = 0; minute < 30; minute++) {
      await world.clock.advance(MINUTE);
      await app.reconcileMailboxes();
      await runRings(world, app, 0);
    }
    expect(world.workQueue.sent.map(({ ring }) => ring.look)).toEqual(['timer', 'timer', 'timer']);
  });

  it('brings in mail of which no notification ever came [F04, F05]', async () => {
    const { world, app } = installation();
    await app.reconcileMailboxes();
    await runRings(world, app, 5 * MINUTE);
    const mail = world.mailboxes.add(MAILBOX, aMail({ receivedAt: new Date(world.clock.now()) }));
    await world.clock.advance(11 * MINUTE);
    await app.reconcileMailboxes();
    await runRings(world, app, 0);
    expect(arrived(world)).toEqual([messageIdFor(mail)]);
  });

  it('probes a suspended mailbox slowly, up to once a day, and wakes it when it lets us in [F32, F34]', async () => {
    const { world, app, row } = installation();
    await app.reconcileMailboxes();
    await runRings(world, app, 5 * MINUTE);
    world.mailboxes.troubles.set(MAILBOX, 'no-access');
    await ringUp(app, lookRing());
    world.workQueue.sent.length = 0;
    for (let step = 0; step < 7 * 24 * 4; step++) {
      await world.clock.advance(15 * MINUTE);
      await app.reconcileMailboxes();
      await runRings(world, app, 0);
    }
    expect(row()?.state).toBe('suspended');
    expect(world.workQueue.sent.length).toBeLessThan(30);
    expect(world.workQueue.deadLetters()).toEqual([]);
    world.mailboxes.troubles.clear();
    const mail = world.mailboxes.add(MAILBOX, aMail({ receivedAt: new Date(world.clock.now()) }));
    for (let step = 0; step < 25 * 4; step++) {
      await world.clock.advance(15 * MINUTE);
      await app.reconcileMailboxes();
      await runRings(world, app, 0);
    }
    expect(row()?.state).toBe('active');
    expect(arrived(world)).toEqual([messageIdFor(mail)]);
  });
});

describe('dead-lettered rings', () => {
  it('ring again, each mailbox once, before they are gone [F58]', async () => {
    const { world, app } = installation();
    await app.reconcileMailboxes();
    await runRings(world, app, 5 * MINUTE);
    world.workQueue.sent.length = 0;
    for (const id of ['AAkA1=', 'AAkA2=']) world.workQueue.bury(JSON.stringify({ v: 1, ...lookRing(), ids: [id] }));
    world.workQueue.bury('unreadable');
    await app.reconcileMailboxes();
    expect(world.workQueue.deadLetters()).toEqual(['unreadable']);
    expect(world.workQueue.sent.map(({ ring }) => ring.ids.toSorted())).toEqual([['AAkA1=', 'AAkA2=']]);
  });

  it('stay when they cannot ring [F58]', async () => {
    const { world, app } = installation();
    await app.reconcileMailboxes();
    world.workQueue.bury(JSON.stringify({ v: 1, ...lookRing() }));
    app.gate.inject({ call: 'workQueue.send', nth: 1, kind: 'error' });
    await app.reconcileMailboxes();
    expect(world.workQueue.deadLetters()).toHaveLength(1);
  });

  it('keep their wish to see to the subscription and to retry', async () => {
    const { world, app, row } = installation();
    await app.reconcileMailboxes();
    await runRings(world, app, 5 * MINUTE);
    world.subscriptions.all.clear();
    world.workQueue.bury(
      JSON.stringify({ v: 1, mailbox: MAILBOX, folders: [], ids: [], retry: ['AAkA1='], look: 'again' }),
    );
    world.workQueue.bury(JSON.stringify({ v: 1, ...lookRing('removed') }));
    await app.reconcileMailboxes();
    await runRings(world, app, 0);
    expect(world.subscriptions.live().map(({ id }) => id)).toEqual([row()?.subscription]);
  });
});

describe('an outage of everything but this process', () => {
  it('ends the run with no damage, whichever call fails', async () => {
    for (let nth = 1; nth < 40; nth++) {
      const { world, app, row } = installation();
      app.gate.inject({ call: '*', nth, kind: 'error', when: nth % 2 === 0 ? 'after' : 'before' });
      await app.reconcileMailboxes().catch(() => undefined);
      await world.clock.advance(2 * MINUTE);
      await app.reconcileMailboxes().catch(() => undefined);
      app.gate.mend();
      await world.clock.advance(2 * MINUTE);
      await app.reconcileMailboxes();
      expect(
        world.subscriptions.live().map(({ id }) => id),
        `call ${nth}`,
      ).toEqual([row()?.subscription]);
      expect(world.folders.get(ref)?.state, `call ${nth}`).toBe('active');
    }
  });
});
