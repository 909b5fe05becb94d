import { beforeEach, describe, expect, it } from 'vitest';
import { folderKey } from '../../../shared/domain/delta.ts';
import { MailboxUnavailableError } from '../../../shared/errors.ts';
import {
  type App,
  arrived,
  chainOf,
  messageIdFor,
  ringFor,
  ringUp,
  rowOf,
  runRings,
  startApp,
  watchMailbox,
} from '../../support/app-under-test.ts';
import { aFolder, aMail, INBOX_KEY, MAILBOX } from '../../support/builders.ts';
import { makeWorld, START, type World } from '../../support/in-memory-ports.ts';

const SUPPORT = 'support@northwind.example';
const OTHER = '99999999-2222-4333-8444-555555555555';
const HOUR = 3_600_000;
const DAY = 24 * HOUR;

let world: World;
let app: App;

beforeEach(() => {
  world = makeWorld();
  world.tenant.addUser(OTHER, SUPPORT);
  app = startApp(world);
});

const rowsOf = (mailbox: string) => world.folders.all().filter((row) => row.mailbox === mailbox);
const partition = (mailbox: string) => world.deliveries.of(mailbox);
const isEmpty = (mailbox: string) =>
  partition(mailbox).chains.size + partition(mailbox).ledger.size === 0 && !partition(mailbox).lane;

describe('a mailbox that an administrator adds', () => {
  it('is watched from then on: subscription, rings, mail', async () => {
    const early = world.mailboxes.add(OTHER, aMail({ receivedAt: new Date(START - 60_000) }));
    expect(await app.manageMailboxes.add(SUPPORT)).toMatchObject({
      id: OTHER,
      source: 'admin',
      folders: [{ folder: 'inbox', state: 'active', move: 'none' }],
    });
    const mail = world.mailboxes.add(OTHER, aMail());
    await runRings(world, app);
    expect(arrived(world)).toEqual([messageIdFor(mail, OTHER)]);
    expect(early.id).not.toBe(mail.id);
  });

  it('twice changes nothing', async () => {
    await app.manageMailboxes.add(SUPPORT);
    await world.clock.advance(DAY);
    const before = [rowsOf(OTHER), chainOf(world, OTHER)];
    const calls = app.gate.count('subscriptions.create');
    await app.manageMailboxes.add(OTHER);
    expect([rowsOf(OTHER), chainOf(world, OTHER)]).toEqual(before);
    expect(app.gate.count('subscriptions.create')).toBe(calls);
  });

  it('with a folder that does not exist shows why, and watches the others', async () => {
    app = startApp(world, { folderNames: ['inbox', 'Leads'] });
    const added = await app.manageMailboxes.add(SUPPORT);
    const folders = 'folders' in added ? added.folders : [];
    expect(folders.toSorted((a, b) => a.folder.localeCompare(b.folder))).toMatchObject([
      { folder: 'inbox', state: 'active' },
      { folder: 'Leads', state: 'suspended', move: 'administrator' },
    ]);
  });

  it.each([
    ['nobody@northwind.example', 'not-found'],
    ['hidden@northwind.example', 'no-access'],
  ] as const)('that is out of reach leaves no trace: %s', async (name, refused) => {
    if (refused === 'no-access') world.tenant.troubles.set(name, refused);
    expect(await app.manageMailboxes.add(name)).toEqual({ refused });
    expect(world.folders.all()).toEqual([]);
  });

  it('again within seven days goes on where it stopped, and misses nothing', async () => {
    await app.manageMailboxes.add(SUPPORT);
    await runRings(world, app);
    await app.manageMailboxes.remove(SUPPORT, false);
    const meanwhile = world.mailboxes.add(OTHER, aMail({ receivedAt: new Date(world.clock.now() + 1_000) }));
    await world.clock.advance(6 * DAY);
    await app.manageMailboxes.add(SUPPORT);
    await runRings(world, app);
    expect(arrived(world)).toEqual([messageIdFor(meanwhile, OTHER)]);
  });

  it('again after that begins anew', async () => {
    await app.manageMailboxes.add(SUPPORT);
    await runRings(world, app);
    await app.manageMailboxes.remove(SUPPORT, false);
    world.mailboxes.add(OTHER, aMail({ receivedAt: new Date(world.clock.now() + 1_000) }));
    await world.clock.advance(8 * DAY);
    await app.manageMailboxes.add(SUPPORT);
    const fresh = world.mailboxes.add(OTHER, aMail({ receivedAt: new Date(world.clock.now() + 1_000) }));
    await runRings(world, app);
    expect(arrived(world)).toEqual([messageIdFor(fresh, OTHER)]);
  });
});

describe('a mailbox that an administrator removes', () => {
  beforeEach(async () => {
    await app.manageMailboxes.add(SUPPORT);
  });

  it('is not read any more, whoever rings', async () => {
    await app.manageMailboxes.remove(SUPPORT, false);
    expect(world.subscriptions.live()).toEqual([]);
    const mail = world.mailboxes.add(OTHER, aMail());
    await ringUp(app, { ...ringFor(mail), mailbox: OTHER, look: 'missed' });
    await runRings(world, app);
    expect(arrived(world)).toEqual([]);
    expect(rowsOf(OTHER)).toMatchObject([{ state: 'stopped', wanted: false, subscription: undefined }]);
  });

  it('can be erased: rows, blobs, and the MessageIds that may still be queued are told [T29]', async () => {
    const small = world.mailboxes.add(OTHER, aMail());
    const large = world.mailboxes.add(OTHER, aMail({ body: { contentType: 'text', content: 'x'.repeat(300_000) } }));
    await runRings(world, app);
    expect(world.blobs.blobs.size).toBe(1);
    const result = await app.manageMailboxes.remove(OTHER, true);
    expect('erased' in result ? result.erased.toSorted() : result).toEqual(
      [small, large].map((mail) => messageIdFor(mail, OTHER)).toSorted(),
    );
    expect(world.blobs.blobs.size).toBe(0);
    expect(rowsOf(OTHER)).toEqual([]);
    expect(isEmpty(OTHER)).toBe(true);
  });

  it('stays erased when rings of before still come [T29]', async () => {
    world.mailboxes.add(OTHER, aMail());
    await app.manageMailboxes.remove(OTHER, true);
    await runRings(world, app);
    await ringUp(app, { mailbox: OTHER, folders: [], ids: [], look: 'removed' });
    expect(isEmpty(OTHER)).toBe(true);
    expect(rowsOf(OTHER)).toEqual([]);
    expect(arrived(world)).toEqual([]);
  });

  it('while it is being read does not come back [T29]', async () => {
    world.mailboxes.add(OTHER, aMail());
    const other = startApp(world, {}, (call) => (call === 'mail.openChain' ? 10_000 : 0));
    const syncing = ringUp(other, { mailbox: OTHER, folders: [], ids: [], look: 'timer' });
    await world.clock.advance(1_000);
    await world.clock.runUntilDone(app.manageMailboxes.remove(OTHER, true));
    await world.clock.runUntilDone(syncing);
    await runRings(world, app);
    expect(rowsOf(OTHER)).toEqual([]);
    expect(partition(OTHER).chains.size + partition(OTHER).ledger.size).toBe(0);
  });

  it('leaves every other mailbox alone [T29]', async () => {
    watchMailbox(world);
    const before = JSON.stringify([world.folders.get({ mailbox: MAILBOX, folder: INBOX_KEY }), chainOf(world)]);
    await app.manageMailboxes.remove(OTHER, true);
    expect(JSON.stringify([world.folders.get({ mailbox: MAILBOX, folder: INBOX_KEY }), chainOf(world)])).toBe(before);
    expect(world.subscriptions.live().map(({ mailbox }) => mailbox)).toEqual([MAILBOX]);
  });

  it.each(['claims.erase', 'deliveries.erase', 'folders.remove'])(
    'tells the MessageIds that may still be queued also when %s fails, before or after its effect [T29]',
    async (call) => {
      for (const when of ['before', 'after'] as const) {
        await app.manageMailboxes.add(OTHER);
        const mail = world.mailboxes.add(OTHER, aMail({ receivedAt: new Date(world.clock.now()) }));
        await runRings(world, app);
        app.gate.inject({ call, nth: 1, kind: 'error', when });
        const first = await app.manageMailboxes.remove(OTHER, true);
        app.gate.mend();
        expect(first).toMatchObject({ erased: [messageIdFor(mail, OTHER)], left: 'injected' });
        await app.manageMailboxes.remove(OTHER, true);
        expect(rowsOf(OTHER)).toEqual([]);
        expect(isEmpty(OTHER)).toBe(true);
      }
    },
  );

  it('can be erased at once after an erasure that could not read the ledger [T29]', async () => {
    app.gate.inject({ call: 'deliveries.between', nth: 1, kind: 'error' });
    await expect(app.manageMailboxes.remove(OTHER, true)).rejects.toThrow();
    app.gate.mend();
    expect(await app.manageMailboxes.remove(OTHER, true)).toHaveProperty('erased');
    expect(isEmpty(OTHER)).toBe(true);
  });

  it('can be removed again after a step failed', async () => {
    for (const call of ['deliveries.saveChain', 'subscriptions.remove']) {
      app.gate.inject({ call, nth: 1, kind: 'error' });
      await expect(app.manageMailboxes.remove(OTHER, true)).rejects.toThrow();
      app.gate.mend();
    }
    expect(await app.manageMailboxes.remove(OTHER, true)).toHaveProperty('erased');
    expect(rowsOf(OTHER)).toEqual([]);
    // A subscription that no row names any more is an orphan of ours: the slow timer takes it away.
    for (let turn = 0; turn < 3; turn++) {
      await app.renewSubscriptions();
      await world.clock.advance(31 * 60_000);
    }
    expect(world.subscriptions.live()).toEqual([]);
  });
});

describe('a mailbox that an administrator adds while it refuses us', () => {
  it('is watched once it lets us in, and stays named by the administrator [F34]', async () => {
    const name = '77777777-2222-4333-8444-555555555555';
    world.tenant.addUser(name, 'late@northwind.example');
    app.gate.inject({
      call: 'directory.findFolder',
      nth: 1,
      kind: 'error',
      error: () => new MailboxUnavailableError('not-found', 'graph:404'),
    });
    await app.manageMailboxes.add(name);
    expect(rowsOf(name)).toMatchObject([{ state: 'suspended', folderId: '' }]);
    for (let turn = 0; turn < 4; turn++) {
      await world.clock.advance(HOUR);
      await app.reconcileMailboxes();
    }
    expect(rowsOf(name)).toMatchObject([{ state: 'active', wanted: true, source: 'admin' }]);
  });
});

describe('a mailbox that was never found', () => {
  beforeEach(async () => {
    await startApp(world, { mailboxes: ['typo@northwind.example'] }).reconcileMailboxes();
  });

  it('is shown with its reason under the address of the setting', async () => {
    expect(await app.manageMailboxes.report('typo@northwind.example')).toMatchObject({
      address: 'typo@northwind.example',
      folders: [{ state: 'suspended', move: 'administrator' }],
    });
  });

  it.each([false, true])('can be removed (erase: %s), and writes no chain', async (erase) => {
    expect(await app.manageMailboxes.remove('typo@northwind.example', erase)).toEqual({ erased: [] });
    expect(world.folders.all()).toEqual([]);
    expect(app.gate.count('deliveries.saveChain')).toBe(0);
  });

  it('is looked for again at once after a sync', async () => {
    await app.manageMailboxes.sync('typo@northwind.example', false);
    world.tenant.addUser('12121212-2222-4333-8444-555555555555', 'typo@northwind.example');
    await startApp(world, { mailboxes: ['typo@northwind.example'] }).reconcileMailboxes();
    expect(world.folders.all()).toMatchObject([{ state: 'active' }]);
  });
});

describe('a folder that was never found', () => {
  it('does not stand in the way of a removal', async () => {
    app = startApp(world, { folderNames: ['inbox', 'Leads'] });
    await app.manageMailboxes.add(SUPPORT);
    await app.manageMailboxes.remove(OTHER, true);
    expect(world.folders.all()).toEqual([]);
  });
});

describe('a sync that an administrator asks for', () => {
  beforeEach(() => {
    watchMailbox(world);
  });

  it('looks at every folder now', async () => {
    const mail = world.mailboxes.add(MAILBOX, aMail());
    expect(await app.manageMailboxes.sync(MAILBOX, false)).toMatchObject({ rung: true, retried: 0 });
    await runRings(world, app);
    expect(arrived(world)).toEqual([messageIdFor(mail)]);
  });

  it('leaves parked mail alone, unless asked to retry it [F59]', async () => {
    const mail = world.mailboxes.add(MAILBOX, aMail(), { shape: 'partial', breaks: 5 });
    await ringUp(app, ringFor(mail));
    await runRings(world, app, DAY);
    expect(rowOf(world, mail)?.state).toBe('parked');
    await app.manageMailboxes.sync(MAILBOX, false);
    await runRings(world, app);
    expect(rowOf(world, mail)?.state).toBe('parked');
    expect(await app.manageMailboxes.report(MAILBOX)).toMatchObject({ unfinished: [{ id: mail.id, state: 'parked' }] });
    expect(await app.manageMailboxes.sync(MAILBOX, true)).toMatchObject({ rung: true, retried: 1 });
    await runRings(world, app);
    expect(arrived(world)).toEqual([messageIdFor(mail)]);
    expect(await app.manageMailboxes.report(MAILBOX)).toMatchObject({ unfinished: [] });
  });

  it('of a mailbox that is not watched is refused', async () => {
    expect(await app.manageMailboxes.sync('nobody@northwind.example', true)).toEqual({ refused: 'not-found' });
  });
});

describe('what is named in the settings or the group', () => {
  it.each([
    ['settings', 'named-in-settings'],
    ['group', 'named-in-group'],
  ] as const)('is not removed behind their back: %s', async (source, refused) => {
    world.folders.put(aFolder({ mailbox: OTHER, folder: folderKey('inbox-id'), source }));
    expect(await app.manageMailboxes.remove(OTHER, true)).toEqual({ refused });
    expect(rowsOf(OTHER)).toHaveLength(1);
  });
});

it('the list shows each mailbox once, with all its folders', async () => {
  for (const folderId of ['inbox-id', 'sales-id']) watchMailbox(world, MAILBOX, folderId);
  watchMailbox(world, OTHER);
  const list = await app.manageMailboxes.list();
  expect(list.map(({ id, folders }) => [id, folders.length])).toEqual([
    [MAILBOX, 2],
    [OTHER, 1],
  ]);
});
