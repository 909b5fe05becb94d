import { randomUUID } from 'node:crypto';
import { TableClient } from '@azure/data-tables';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startStorage, type StorageEmulator } from '../../local/storage/storage.ts';
import { makeServerClock } from '../../shared/adapters/server-clock.ts';
import { openStorage } from '../../shared/adapters/storage/connection.ts';
import { makeDeliveries } from '../../shared/adapters/storage/deliveries.ts';
import { makeWatchedFolders } from '../../shared/adapters/storage/watched-folders.ts';
import { FREE } from '../../shared/domain/lane.ts';
import { aFolder } from '../support/builders.ts';
import { quietly } from '../support/quiet-log.ts';

let storage: StorageEmulator;
beforeAll(async () => {
  storage = await startStorage();
});
afterAll(() => storage.close());

const noCredential = { getToken: () => Promise.reject(new Error('not asked for')) };
const account = () =>
  openStorage(
    { kind: 'connection-string', connectionString: storage.connectionString },
    noCredential,
    makeServerClock(Date.now),
  );
const tableOf = (name: string) =>
  TableClient.fromConnectionString(storage.uncountedConnectionString, name, { allowInsecureConnection: true });

describe('a row that cannot be read, because it is damaged or a newer version wrote it', () => {
  const odd = { wanted: 'perhaps' };

  it('of a watched folder does not hide the others, and the log names it [F67]', async () => {
    const folders = makeWatchedFolders(account());
    const [bad, good] = [aFolder({ mailbox: randomUUID() }), aFolder({ mailbox: randomUUID() })];
    for (const row of [bad, good]) await folders.create(row);
    await tableOf('watchedFolders').updateEntity({ partitionKey: bad.mailbox, rowKey: bad.folder, ...odd }, 'Merge');
    const lines: string[] = [];
    const listed = await quietly(lines, () => folders.list());
    expect(listed.map(({ mailbox }) => mailbox)).toEqual([good.mailbox]);
    expect(
      lines.filter((line) => line.includes('watched folder unreadable') && line.includes(bad.mailbox)),
    ).toHaveLength(1);
  });

  it('of a chain stops its own mailbox and no other [F67]', async () => {
    const deliveries = makeDeliveries(account());
    const mailboxes = [randomUUID(), randomUUID()];
    for (const mailbox of mailboxes) {
      await deliveries.writeLane(mailbox, FREE, undefined);
      await deliveries.beginChain(mailbox, {
        folder: 'inbox',
        folderId: 'inbox-id',
        address: undefined,
        watchStart: new Date(),
        wanted: true,
      });
    }
    const [bad = '', good = ''] = mailboxes;
    await tableOf('deliveries').updateEntity({ partitionKey: bad, rowKey: 'c:inbox', ...odd }, 'Merge');
    await expect(deliveries.load(bad)).rejects.toThrow();
    expect((await deliveries.load(good)).chains).toHaveLength(1);
  });
});
