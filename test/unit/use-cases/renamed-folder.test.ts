import { describe, expect, it } from 'vitest';
import type { Config } from '../../../shared/config.ts';
import { TransientError } from '../../../shared/errors.ts';
import { arrived, messageIdFor } from '../../support/app-under-test.ts';
import { aMail, INBOX, MAILBOX } from '../../support/builders.ts';
import { makeWorld, type World } from '../../support/in-memory-ports.ts';
import { passMinutes, startAppNow } from '../../support/passing-time.ts';

const ADDRESS = 'sales@northwind.example';
const GROUP = '99999999-2222-4333-8444-555555555555';

/** A tenant in which the same folder goes by several names. */
function aTenant(): World {
  const world = makeWorld();
  world.tenant.addUser(MAILBOX, ADDRESS);
  for (const name of [INBOX, 'Posteingang']) world.tenant.folders.set(`${MAILBOX}/${name}`, INBOX);
  world.tenant.folders.set(`${MAILBOX}/archive`, 'archive-id');
  return world;
}

const named = (...folderNames: string[]): Partial<Config> => ({ mailboxes: [ADDRESS], folderNames });

/** Received now, by the clock of the world. */
const mailNow = (world: World, folderId = INBOX) =>
  world.mailboxes.add(MAILBOX, aMail({ receivedAt: new Date(world.clock.now()), parentFolderId: folderId }));

const wantedRows = (world: World) => world.folders.all().filter((row) => row.wanted);

describe('a folder that the settings name in another way than before', () => {
  it.each(['Inbox', 'Posteingang', INBOX])('keeps the mail that came while the app was down: %s', async (name) => {
    const world = aTenant();
    await passMinutes(world, startAppNow(world, named('inbox')), 3);
    await world.clock.advance(300_000);
    const meanwhile = mailNow(world);
    await world.clock.advance(300_000);
    await passMinutes(world, startAppNow(world, named(name)), 15);
    expect(arrived(world)).toEqual([messageIdFor(meanwhile)]);
  });

  it.each(['Inbox', 'Posteingang', INBOX])('goes on being watched for hours: %s', async (name) => {
    const world = aTenant();
    await passMinutes(world, startAppNow(world, named('inbox')), 3);
    const app = startAppNow(world, named(name));
    await passMinutes(world, app, 150);
    const late = mailNow(world);
    await passMinutes(world, app, 15);
    expect(arrived(world)).toEqual([messageIdFor(late)]);
    expect(world.folders.all()).toMatchObject([{ folderName: name, wanted: true, state: 'active' }]);
    expect(world.subscriptions.live()).toHaveLength(1);
  });

  it('is looked up once, and not with every tick', async () => {
    const world = aTenant();
    await passMinutes(world, startAppNow(world, named('inbox')), 3);
    const app = startAppNow(world, named('Posteingang'));
    await passMinutes(world, app, 10);
    expect(app.gate.count('directory.findFolder')).toBe(1);
  });

  it('is watched again where an earlier version had stopped it, and its chain goes on', async () => {
    const world = aTenant();
    await passMinutes(world, startAppNow(world, named('inbox')), 3);
    await passMinutes(world, startAppNow(world, named('archive')), 70);
    expect(wantedRows(world)).toMatchObject([{ folderName: 'archive' }]);
    const meanwhile = mailNow(world);
    const app = startAppNow(world, named('Inbox'));
    await passMinutes(world, app, 15);
    expect(arrived(world)).toEqual([messageIdFor(meanwhile)]);
    expect(world.folders.all()).toContainEqual(
      expect.objectContaining({ folderId: INBOX, folderName: 'Inbox', wanted: true, state: 'active' }),
    );
  });

  it('leaves a folder that is really no longer named to be stopped after an hour', async () => {
    const world = aTenant();
    await passMinutes(world, startAppNow(world, named('inbox', 'archive')), 3);
    const app = startAppNow(world, named('Inbox'));
    await passMinutes(world, app, 30);
    expect(wantedRows(world)).toHaveLength(2);
    await passMinutes(world, app, 40);
    expect(wantedRows(world)).toMatchObject([{ folderId: INBOX }]);
    expect(world.subscriptions.live()).toHaveLength(1);
  });
});

describe('two names for one folder', () => {
  it('are one watched folder with one subscription', async () => {
    const world = aTenant();
    const app = startAppNow(world, named('inbox', 'Inbox'));
    await passMinutes(world, app, 90);
    expect(world.folders.all()).toMatchObject([{ folderId: INBOX, wanted: true, state: 'active' }]);
    expect(world.subscriptions.live()).toHaveLength(1);
  });

  it('lose no mail of a restart', async () => {
    const world = aTenant();
    await passMinutes(world, startAppNow(world, named('inbox', 'Inbox')), 3);
    await world.clock.advance(60_000);
    const meanwhile = mailNow(world);
    await world.clock.advance(60_000);
    await passMinutes(world, startAppNow(world, named('inbox', 'Inbox')), 15);
    expect(arrived(world)).toEqual([messageIdFor(meanwhile)]);
  });

  it('lose no mail of a group member that takes longer than a tick to be published', async () => {
    const world = aTenant();
    world.tenant.groups.set(GROUP, [{ id: MAILBOX, address: ADDRESS }]);
    const app = startAppNow(world, { groupId: GROUP, folderNames: ['inbox', 'Inbox'] });
    await passMinutes(world, app, 3);
    app.gate.inject({ call: 'crmQueue.publish', kind: 'error', error: () => new TransientError('bus:down') });
    const slow = mailNow(world);
    await passMinutes(world, app, 12);
    expect(arrived(world)).toEqual([]);
    app.gate.mend();
    await passMinutes(world, app, 30);
    expect(arrived(world)).toEqual([messageIdFor(slow)]);
  });
});
