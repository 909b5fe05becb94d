import { describe, expect, it } from 'vitest';
import { startApp } from '../../support/app-under-test.ts';
import { makeWorld } from '../../support/in-memory-ports.ts';

const OTHER = '99999999-2222-4333-8444-555555555555';
const HOUR = 3_600_000;
const folderNames = ['inbox', 'archive'];

describe('a mailbox with two folders that an administrator removes', () => {
  it('is not taken up again by a timer that runs between its folders, though the removal break off [F24]', async () => {
    const world = makeWorld();
    world.tenant.addUser(OTHER, 'support@northwind.example');
    world.tenant.folders.set(`${OTHER}/archive`, 'archive-id');
    const app = startApp(world, { folderNames });
    await app.manageMailboxes.add(OTHER);
    expect(world.subscriptions.live()).toHaveLength(2);

    app.gate.inject({ call: 'subscriptions.remove', nth: 1, kind: 'crash' });
    void app.manageMailboxes.remove(OTHER, false);
    await app.gate.crashed;
    const other = startApp(world, { folderNames });
    await other.reconcileMailboxes();

    expect(world.folders.all().filter((row) => row.wanted)).toHaveLength(1);
    await world.clock.advance(HOUR);
    await other.reconcileMailboxes();
    expect(world.folders.all().filter((row) => row.wanted)).toEqual([]);
  });
});
