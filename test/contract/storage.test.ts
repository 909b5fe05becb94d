import { randomUUID } from 'node:crypto';
import { TableClient } from '@azure/data-tables';
import { BlobServiceClient, RestError } from '@azure/storage-blob';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startStorage, type StorageEmulator } from '../../local/storage/storage.ts';
import { makeServerClock } from '../../shared/adapters/server-clock.ts';
import { makeClaimStore } from '../../shared/adapters/storage/claim-store.ts';
import { openStorage, type StorageAccount } from '../../shared/adapters/storage/connection.ts';
import { makeDeliveries } from '../../shared/adapters/storage/deliveries.ts';
import { makeKeyRing } from '../../shared/adapters/storage/key-ring.ts';
import { makeWatchedFolders } from '../../shared/adapters/storage/watched-folders.ts';
import { FREE } from '../../shared/domain/lane.ts';
import { TransientError } from '../../shared/errors.ts';
import { aFolder } from '../support/builders.ts';
import { makeWorld } from '../support/in-memory-ports.ts';
import { claimStoreContract } from './claim-store.contract.ts';
import { deliveriesContract } from './deliveries.contract.ts';
import { keyRingContract } from './key-ring.contract.ts';
import { watchedFoldersContract } from './watched-folders.contract.ts';

const noCredential = { getToken: () => Promise.reject(new Error('not asked for')) };
const KEYS = 'client-state-keys.json';

let storage: StorageEmulator;

beforeAll(async () => {
  storage = await startStorage();
});

afterAll(() => storage.close());

const open = (now: () => number = Date.now): StorageAccount =>
  openStorage(
    { kind: 'connection-string', connectionString: storage.connectionString },
    noCredential,
    makeServerClock(now),
  );

const outside = () => BlobServiceClient.fromConnectionString(storage.uncountedConnectionString);

deliveriesContract('in memory', () =>
  Promise.resolve({ deliveries: makeWorld().startProcess().ports.deliveries, mailbox: 'mailbox-of-this-test' }),
);
deliveriesContract('Table storage', () =>
  Promise.resolve({ deliveries: makeDeliveries(open()), mailbox: randomUUID() }),
);

watchedFoldersContract('in memory', () => Promise.resolve(makeWorld().startProcess().ports.folders));
watchedFoldersContract('Table storage', async () => {
  await storage.reset();
  return makeWatchedFolders(open());
});

claimStoreContract('in memory', () => {
  const world = makeWorld();
  return Promise.resolve({
    store: world.startProcess().ports.claims,
    read(blob) {
      const stored = world.blobs.blobs.get(blob);
      return Promise.resolve(stored && { content: stored.content, contentType: stored.contentType });
    },
  });
});
claimStoreContract('Blob storage', () => {
  const container = outside().getContainerClient('mail-content');
  return Promise.resolve({
    store: makeClaimStore(open()),
    async read(name) {
      const blob = container.getBlobClient(name);
      try {
        const [content, { contentType }] = [await blob.downloadToBuffer(), await blob.getProperties()];
        return { content, contentType };
      } catch (error) {
        if (error instanceof RestError && error.statusCode === 404) return undefined;
        throw error;
      }
    },
  });
});

keyRingContract('in memory', () => {
  const world = makeWorld();
  return Promise.resolve({
    open: () => world.startProcess().ports.keys,
    write: (keys) => {
      world.keys.keys = keys;
      return Promise.resolve();
    },
    now: () => world.clock.now(),
    advance: (ms) => world.clock.advance(ms),
  });
});
keyRingContract('Blob storage', async () => {
  await storage.reset();
  let now = Date.now();
  return {
    open: () => makeKeyRing(open(), () => now),
    async write(keys) {
      const container = outside().getContainerClient('key-ring');
      await container.createIfNotExists();
      const text = JSON.stringify({ version: 1, keys });
      await container.getBlockBlobClient(KEYS).upload(text, Buffer.byteLength(text));
    },
    now: () => now,
    advance: (ms) => {
      now += ms;
      return Promise.resolve();
    },
  };
});

describe('the storage adapters', () => {
  it('read lane, chains and newest ledger rows in one call', async () => {
    const deliveries = makeDeliveries(open());
    const mailbox = randomUUID();
    const tag = await deliveries.writeLane(mailbox, FREE, undefined);
    expect(tag).toBeDefined();
    storage.resetCounters();
    await deliveries.load(mailbox);
    expect(storage.counters().tableCalls).toBe(1);
  });

  it('store a page in one call', async () => {
    const deliveries = makeDeliveries(open());
    const mailbox = randomUUID();
    const laneTag = (await deliveries.writeLane(mailbox, FREE, undefined)) ?? '';
    storage.resetCounters();
    await deliveries.commit(mailbox, { deliveries: [], lane: FREE, laneTag });
    expect(storage.counters().byKind).toEqual({ 'table.batch': 1 });
  });

  it('name an outage as transient, for tables and for blobs [F65]', async () => {
    await storage.setFaults([
      { service: 'table', status: 503 },
      { service: 'blob', status: 503 },
    ]);
    try {
      await expect(makeDeliveries(open()).load(randomUUID())).rejects.toBeInstanceOf(TransientError);
      await expect(makeKeyRing(open(), Date.now).refresh()).rejects.toBeInstanceOf(TransientError);
    } finally {
      await storage.setFaults([]);
    }
  }, 30_000);

  it.each([
    [503, 'ServerBusy'],
    [500, 'OperationTimedOut'],
  ])('ask a busy partition again after a pause, and then get through: %i [F64]', async (status, errorCode) => {
    const deliveries = makeDeliveries(open());
    const mailbox = randomUUID();
    const laneTag = (await deliveries.writeLane(mailbox, FREE, undefined)) ?? '';
    await storage.setFaults([{ service: 'table', status, errorCode, times: 2 }]);
    storage.resetCounters();
    expect(await deliveries.commit(mailbox, { deliveries: [], lane: FREE, laneTag })).toBeDefined();
    expect(storage.counters().tableCalls).toBe(3);
    await storage.setFaults([]);
  });

  it('keep each mailbox in a partition of its own [F64]', async () => {
    const deliveries = makeDeliveries(open());
    const mailboxes = [randomUUID(), randomUUID()];
    for (const mailbox of mailboxes) await deliveries.writeLane(mailbox, FREE, undefined);
    const keys: string[] = [];
    const table = TableClient.fromConnectionString(storage.uncountedConnectionString, 'deliveries', {
      allowInsecureConnection: true,
    });
    for await (const row of table.listEntities()) keys.push(row.partitionKey ?? '');
    expect(mailboxes.map((mailbox) => keys.filter((key) => key === mailbox).length)).toEqual([1, 1]);
  });

  it('keep the first key that was stored, though another process found none and brings its own [F79]', async () => {
    await storage.reset();
    // Both have looked and found nothing before either of them stores.
    const late = (delayMs: number) => ({ service: 'blob' as const, kinds: ['put'], times: 1, delayMs });
    await storage.setFaults([late(300), late(600)]);
    const stores = [makeKeyRing(open(), Date.now), makeKeyRing(open(), Date.now)];
    const [first, second] = await Promise.all(stores.map((store) => store.refresh()));
    await storage.setFaults([]);
    expect(first?.signing.secret).toBe(second?.signing.secret);
    expect((await makeKeyRing(open(), Date.now).refresh()).signing.secret).toBe(first?.signing.secret);
  });

  it('do a write again whose answer was lost, without taking it for a stranger [F63]', async () => {
    const folders = makeWatchedFolders(open());
    await storage.reset();
    await folders.create(aFolder());
    await storage.setFaults([{ service: 'table', kinds: ['merge'], dropConnection: 'after', times: 1 }]);
    const updated = await folders.update(aFolder(), (row) => ({ probes: row.probes + 1 }));
    await storage.setFaults([]);
    expect(updated?.probes).toBeGreaterThan(0);
  });
});
