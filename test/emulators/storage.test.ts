import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import net from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { odata, RestError, TableClient, TableServiceClient } from '@azure/data-tables';
import { BlobServiceClient } from '@azure/storage-blob';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { startStorage, type StorageEmulator } from '../../local/storage/storage.ts';

let storage: StorageEmulator;

beforeAll(async () => {
  storage = await startStorage();
});
afterEach(async () => {
  await storage.reset();
});
afterAll(async () => {
  await storage.close();
});

function tableClient(name: string, maxRetries = 0): TableClient {
  return TableClient.fromConnectionString(storage.connectionString, name, {
    allowInsecureConnection: true,
    retryOptions: { maxRetries, retryDelayInMs: 1 },
  });
}

function blobClient(maxTries = 1): BlobServiceClient {
  return BlobServiceClient.fromConnectionString(storage.connectionString, {
    retryOptions: { maxTries, retryDelayInMs: 1, maxRetryDelayInMs: 1 },
  });
}

async function statusOf(work: Promise<unknown>): Promise<number | undefined> {
  try {
    await work;
    return undefined;
  } catch (error) {
    return error instanceof RestError ? error.statusCode : undefined;
  }
}

/** How a fresh connection to the port ends: `open`, or the error code. */
function connectTo(port: number): Promise<string> {
  return new Promise((resolve) => {
    const socket = net.connect(port, '127.0.0.1');
    socket.once('connect', () => {
      socket.destroy();
      resolve('open');
    });
    socket.once('error', (error) => resolve('code' in error ? String(error.code) : error.message));
  });
}

function keptTable(connectionString: string): TableClient {
  return TableClient.fromConnectionString(connectionString, 'kept', { allowInsecureConnection: true });
}

describe('counting', () => {
  test('counts each table call by what it does, and a transaction of many rows as one call', async () => {
    const table = tableClient('counted');
    await table.createTable();
    await table.createEntity({ partitionKey: 'p', rowKey: '1', text: 'one' });
    await table.upsertEntity({ partitionKey: 'p', rowKey: '2', text: 'two' }, 'Replace');
    await table.updateEntity({ partitionKey: 'p', rowKey: '1', more: true }, 'Merge');
    await table.getEntity('p', '1');
    await table.deleteEntity('p', '2');
    await table.submitTransaction(
      Array.from({ length: 50 }, (_, index) => ['upsert', { partitionKey: 'q', rowKey: `${index}` }] as const).map(
        ([action, entity]) => [action, entity],
      ),
    );
    const rows: string[] = [];
    const listed = table.listEntities({ queryOptions: { filter: odata`PartitionKey eq ${'q'}` } });
    for await (const entity of listed) rows.push(entity.rowKey ?? '');

    expect(rows).toHaveLength(50);
    expect(storage.counters()).toEqual({
      tableCalls: 8,
      blobCalls: 0,
      queueCalls: 0,
      byKind: {
        'table.batch': 1,
        'table.createTable': 1,
        'table.delete': 1,
        'table.get': 1,
        'table.insert': 1,
        'table.merge': 1,
        'table.query': 1,
        'table.replace': 1,
      },
    });
  });

  test('counts each blob call by what it does', async () => {
    const container = blobClient().getContainerClient('counted');
    await container.create();
    const blob = container.getBlockBlobClient('folder/name with spaces é.bin');
    await blob.uploadData(Buffer.from('content'), { metadata: { digest: 'abc' } });
    const back = await blob.downloadToBuffer();
    await blob.getProperties();
    const names: string[] = [];
    for await (const item of container.listBlobsFlat()) names.push(item.name);
    await blob.delete();

    expect(back.toString()).toBe('content');
    expect(names).toEqual(['folder/name with spaces é.bin']);
    expect(storage.counters().byKind).toMatchObject({
      'blob.createContainer': 1,
      'blob.put': 1,
      'blob.get': 1,
      'blob.list': 1,
      'blob.delete': 1,
    });
    expect(storage.counters().tableCalls).toBe(0);
  });

  test('carries bodies larger than one buffer unchanged in both directions', async () => {
    const container = blobClient().getContainerClient('large');
    await container.create();
    const bytes = Buffer.alloc(3_000_000, 'abcdefghij');
    await container.getBlockBlobClient('large.bin').uploadData(bytes);
    const back = await container.getBlockBlobClient('large.bin').downloadToBuffer();
    expect(back.equals(bytes)).toBe(true);
  });
});

describe('what the app relies on', () => {
  test('answers 412 to a stale ETag, 409 to a second insert and 404 to a missing row', async () => {
    const table = tableClient('etags');
    await table.createTable();
    await table.createEntity({ partitionKey: 'p', rowKey: 'r' });
    const before = await table.getEntity('p', 'r');
    await table.updateEntity({ partitionKey: 'p', rowKey: 'r', n: 1 }, 'Merge', { etag: before.etag });
    const stale = table.updateEntity({ partitionKey: 'p', rowKey: 'r', n: 2 }, 'Merge', { etag: before.etag });
    expect(await statusOf(stale)).toBe(412);
    expect(await statusOf(table.createEntity({ partitionKey: 'p', rowKey: 'r' }))).toBe(409);
    expect(await statusOf(table.getEntity('p', 'absent'))).toBe(404);
  });

  test('refuses a second create-only upload of the same blob', async () => {
    const container = blobClient().getContainerClient('once');
    await container.create();
    const blob = container.getBlockBlobClient('key');
    await blob.uploadData(Buffer.from('1'), { conditions: { ifNoneMatch: '*' } });
    await expect(blob.uploadData(Buffer.from('2'), { conditions: { ifNoneMatch: '*' } })).rejects.toMatchObject({
      statusCode: 409,
    });
  });

  test('refuses a wrong account key, so the signature is really checked behind the proxy', async () => {
    const wrong = storage.connectionString.replace(/AccountKey=[^;]+/, `AccountKey=${btoa('not the key')}`);
    const table = TableClient.fromConnectionString(wrong, 'signed', { allowInsecureConnection: true });
    expect(await statusOf(table.createTable())).toBe(403);
  });
});

describe('faults', () => {
  test('answers with the status asked for, only for the kinds named, without asking Azurite', async () => {
    const table = tableClient('faulty');
    await table.createTable();
    await storage.setFaults([{ service: 'table', kinds: ['insert'], status: 503, errorCode: 'ServerBusy' }]);
    expect(await statusOf(table.createEntity({ partitionKey: 'p', rowKey: 'r' }))).toBe(503);
    expect(await statusOf(table.getEntity('p', 'r'))).toBe(404);
  });

  test('lets the SDK retry its way through a fault that strikes only twice', async () => {
    const table = tableClient('twice', 3);
    await table.createTable();
    await storage.setFaults([{ kinds: ['insert'], status: 500, times: 2 }]);
    await table.createEntity({ partitionKey: 'p', rowKey: 'r' });
    expect(storage.counters().byKind['table.insert']).toBe(3);
  });

  test('strikes each third matching call when told so', async () => {
    const table = tableClient('thirds');
    await table.createTable();
    await storage.setFaults([{ kinds: ['insert'], status: 500, every: 3 }]);
    const outcomes: (number | undefined)[] = [];
    for (const rowKey of ['1', '2', '3', '4', '5', '6']) {
      outcomes.push(await statusOf(table.createEntity({ partitionKey: 'p', rowKey })));
    }
    expect(outcomes).toEqual([undefined, undefined, 500, undefined, undefined, 500]);
  });

  test('loses the answer of a call that was done, so that a repeat meets its own earlier success', async () => {
    const table = tableClient('lost');
    await table.createTable();
    await storage.setFaults([{ kinds: ['insert'], dropConnection: 'after', times: 1 }]);
    await expect(table.createEntity({ partitionKey: 'p', rowKey: 'r' })).rejects.toThrow();
    expect(await statusOf(table.createEntity({ partitionKey: 'p', rowKey: 'r' }))).toBe(409);
  });

  test('resets the connection before the call is done', async () => {
    const table = tableClient('dropped');
    await table.createTable();
    await storage.setFaults([{ kinds: ['insert'], dropConnection: 'before', times: 1 }]);
    await expect(table.createEntity({ partitionKey: 'p', rowKey: 'r' })).rejects.toThrow();
    expect(await statusOf(table.getEntity('p', 'r'))).toBe(404);
  });

  test('holds a call back while the fault says so', async () => {
    const table = tableClient('delayed');
    await table.createTable();
    await storage.setFaults([{ kinds: ['get'], delayMs: 600_000 }]);
    let answered = false;
    const held = table.getEntity('p', 'r', { abortSignal: AbortSignal.timeout(300) }).catch((error: unknown) => error);
    void held.then(() => (answered = true));
    await vi.waitFor(() => expect(storage.counters().byKind['table.get']).toBe(1));
    expect(answered).toBe(false);
    expect(await held).toMatchObject({ name: 'AbortError' });
  });

  test('refuses connections and takes them again on the same port once mended', async () => {
    const table = tableClient('refused');
    await table.createTable();
    await storage.setFaults([{ service: 'table', refuseConnections: true }]);
    await expect(table.createEntity({ partitionKey: 'p', rowKey: 'r' })).rejects.toThrow();
    expect(await connectTo(storage.ports.table)).toBe('ECONNREFUSED');
    await blobClient().getContainerClient('untouched').create();
    await storage.setFaults([]);
    await table.createEntity({ partitionKey: 'p', rowKey: 'r' });
  });
});

describe('life of the process', () => {
  test('reset leaves no table, no container, no fault and no count', async () => {
    await tableClient('gone').createTable();
    await blobClient().getContainerClient('gone').create();
    await storage.setFaults([{ status: 500 }]);
    await storage.reset();
    expect(storage.counters()).toEqual({ tableCalls: 0, blobCalls: 0, queueCalls: 0, byKind: {} });
    const tables = TableServiceClient.fromConnectionString(storage.connectionString, { allowInsecureConnection: true });
    for await (const table of tables.listTables()) expect.unreachable(`table ${table.name} is still there`);
    for await (const left of blobClient().listContainers()) expect.unreachable(`container ${left.name} is still there`);
  });

  test('a taken port is refused by name and leaves no Azurite behind', async () => {
    await expect(startStorage({ ports: { table: storage.ports.table } })).rejects.toMatchObject({
      code: 'EADDRINUSE',
      port: storage.ports.table,
    });
  });

  test('keeps its data in a folder when asked to', async () => {
    const location = await mkdtemp(path.join(tmpdir(), 'storage-test-'));
    const write = await startStorage({ location });
    await keptTable(write.connectionString).createTable();
    await keptTable(write.connectionString).createEntity({ partitionKey: 'p', rowKey: 'r', text: 'still here' });
    await write.close();
    const read = await startStorage({ location });
    const row = await keptTable(read.connectionString).getEntity('p', 'r');
    await read.close();
    await rm(location, { recursive: true });
    expect(row).toMatchObject({ text: 'still here' });
  });

  test('Azurite ends when its parent is killed outright', async () => {
    const url = new URL('../../local/storage/azurite-process.ts', import.meta.url).href;
    const program = `const { startAzurite } = await import(${JSON.stringify(url)});
      const azurite = await startAzurite(undefined);
      console.log(azurite.ports.blob);`;
    const parent = spawn(
      process.execPath,
      ['--experimental-strip-types', '--disable-warning=ExperimentalWarning', '--input-type=module', '-e', program],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    );
    const port = await new Promise<number>((resolve) => {
      createInterface(parent.stdout).once('line', (line) => resolve(Number(line)));
    });
    expect(await connectTo(port)).toBe('open');
    parent.kill('SIGKILL');
    await vi.waitFor(async () => expect(await connectTo(port)).toBe('ECONNREFUSED'), { timeout: 5000, interval: 20 });
  });
});
