import { describe, expect, it } from 'vitest';
import { arrived, messageIdFor } from '../../support/app-under-test.ts';
import { aMail, INBOX, MAILBOX } from '../../support/builders.ts';
import { makeWorld, type World } from '../../support/in-memory-ports.ts';
import { passMinutes, startAppNow } from '../../support/passing-time.ts';

const ADDRESS = 'sales@northwind.example';
const GROUP = '99999999-2222-4333-8444-555555555555';
const OTHER = { id: '22222222-2222-4333-8444-555555555555', address: 'other@northwind.example' };

describe('an operator’s sync of a mailbox that was not found', () => {
  const world = () => {
    const fresh = makeWorld();
    return { fresh, app: startAppNow(fresh, { mailboxes: [ADDRESS] }) };
  };

  it('looks it up with the next tick and not after the long pause of its probe', async () => {
    const { fresh, app } = world();
    await passMinutes(fresh, app, 240);
    fresh.tenant.addUser(MAILBOX, ADDRESS);
    await app.manageMailboxes.sync(ADDRESS, false);
    await passMinutes(fresh, app, 2);
    expect(fresh.folders.all()).toMatchObject([{ mailbox: MAILBOX, wanted: true, state: 'active' }]);
  });

  it('rings for nothing that cannot be read', async () => {
    const { fresh, app } = world();
    await passMinutes(fresh, app, 3);
    await app.manageMailboxes.sync(ADDRESS, true);
    expect(fresh.workQueue.sent).toEqual([]);
  });

  it('does not claim to have rung', async () => {
    const { fresh, app } = world();
    await passMinutes(fresh, app, 3);
    expect(await app.manageMailboxes.sync(ADDRESS, false)).not.toMatchObject({ rung: true });
  });

  it('still shows it when it is not there yet', async () => {
    const { fresh, app } = world();
    await passMinutes(fresh, app, 3);
    await app.manageMailboxes.sync(ADDRESS, false);
    await passMinutes(fresh, app, 3);
    expect(await app.manageMailboxes.list()).toMatchObject([{ address: ADDRESS, folders: [{ state: 'suspended' }] }]);
  });

  it('looks a missing folder up at once too', async () => {
    const fresh = makeWorld();
    fresh.tenant.addUser(MAILBOX, ADDRESS);
    const app = startAppNow(fresh, { mailboxes: [ADDRESS], folderNames: ['inbox', 'Orders'] });
    await passMinutes(fresh, app, 240);
    fresh.tenant.folders.set(`${MAILBOX}/Orders`, 'orders-id');
    await app.manageMailboxes.sync(ADDRESS, false);
    await passMinutes(fresh, app, 2);
    expect(fresh.folders.all()).toHaveLength(2);
    expect(fresh.folders.all()).toContainEqual(expect.objectContaining({ folderId: 'orders-id', state: 'active' }));
  });
});

describe('the removal of a mailbox that the group names', () => {
  function aMember(): World {
    const world = makeWorld();
    world.tenant.groups.set(GROUP, [{ id: MAILBOX, address: ADDRESS }, OTHER]);
    return world;
  }

  it.each([false, true])('is refused and changes nothing (erase: %s)', async (erase) => {
    const world = aMember();
    const app = startAppNow(world, { groupId: GROUP });
    await passMinutes(world, app, 3);
    expect(await app.manageMailboxes.remove(MAILBOX, erase)).toEqual({ refused: 'named-in-group' });
    expect(world.subscriptions.live()).toHaveLength(2);
    const mail = world.mailboxes.add(
      MAILBOX,
      aMail({ receivedAt: new Date(world.clock.now()), parentFolderId: INBOX }),
    );
    await passMinutes(world, app, 15);
    expect(arrived(world)).toEqual([messageIdFor(mail)]);
  });

  it('is done, with all that was kept, once it has left the group [T29]', async () => {
    const world = aMember();
    const app = startAppNow(world, { groupId: GROUP });
    await passMinutes(world, app, 3);
    world.tenant.groups.set(GROUP, [OTHER]);
    await passMinutes(world, app, 90);
    expect(await app.manageMailboxes.remove(MAILBOX, true)).toEqual({ erased: [] });
    await passMinutes(world, app, 15);
    expect(world.folders.all().map((row) => row.mailbox)).toEqual([OTHER.id]);
  });
});

describe('a mailbox that was being erased when the process crashed', () => {
  it.each(['deliveries.erase', 'folders.remove', 'claims.erase'])('can be added again: crash at %s', async (call) => {
    const world = makeWorld();
    world.tenant.addUser(MAILBOX, ADDRESS);
    const crashed = startAppNow(world, {});
    await crashed.manageMailboxes.add(ADDRESS);
    await passMinutes(world, crashed, 3);
    crashed.gate.inject({ call, when: 'after', kind: 'crash' });
    void crashed.manageMailboxes.remove(MAILBOX, true);
    await crashed.gate.crashed;
    const app = startAppNow(world, {});
    await app.manageMailboxes.add(ADDRESS);
    await passMinutes(world, app, 3);
    const mail = world.mailboxes.add(MAILBOX, aMail({ receivedAt: new Date(world.clock.now()) }));
    await passMinutes(world, app, 15);
    expect(arrived(world)).toEqual([messageIdFor(mail)]);
  });
});
