// Azure Storage on this machine: Azurite behind proxies that count calls and inject faults. Knows nothing of mail.
import { BlobServiceClient } from '@azure/storage-blob';
import { TableServiceClient } from '@azure/data-tables';
import { startAzurite } from './azurite-process.ts';
import type { StepObserver } from '../observed-step.ts';
import { type StorageService, storageServices } from './call-kind.ts';
import { type CountingProxy, startCountingProxy } from './counting-proxy.ts';
import { FaultPlan, type StorageFault } from './storage-fault.ts';

/** How to start; a port of 0 or none means a free one. */
export type StorageOptions = {
  ports?: { blob?: number; queue?: number; table?: number };
  /** A folder that keeps the data; without it everything lives in memory. */
  location?: string;
  /** Time that answers carry in `Date`, for tests that let hours pass; Azurite's own if left out. */
  now?: () => number;
  /** Sees every call that is forwarded to Azurite. */
  onStep?: StepObserver | undefined;
};

/** Calls that reached the proxies, injected failures included. A table transaction is one call. */
export type StorageCounters = {
  tableCalls: number;
  blobCalls: number;
  queueCalls: number;
  /** Keys such as `table.query`, `table.batch`, `blob.put`, `blob.createContainer`. */
  byKind: Record<string, number>;
};

/** A running storage emulator. */
export type StorageEmulator = {
  connectionString: string;
  /** Past the proxies: what goes this way is not counted and meets no fault. For onlookers, never for the app. */
  uncountedConnectionString: string;
  ports: Record<StorageService, number>;
  counters(): StorageCounters;
  resetCounters(): void;
  /** Replaces all faults; an empty list mends everything. */
  setFaults(faults: readonly StorageFault[]): Promise<void>;
  /** Removes tables, containers, faults and counts. Storage queues keep what they hold. */
  reset(): Promise<void>;
  /** Settles if Azurite ends without having been asked to; the text says how. */
  died: Promise<string>;
  close(): Promise<void>;
};

/** The account and key that every Azurite has, published in its documentation: no secret. */
const ACCOUNT = 'devstoreaccount1';
const KEY = 'Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==';

function connectionStringFor(ports: Record<StorageService, number>): string {
  const endpoint = (service: StorageService): string => `http://127.0.0.1:${ports[service]}/${ACCOUNT}`;
  return [
    'DefaultEndpointsProtocol=http',
    `AccountName=${ACCOUNT}`,
    `AccountKey=${KEY}`,
    `BlobEndpoint=${endpoint('blob')}`,
    `QueueEndpoint=${endpoint('queue')}`,
    `TableEndpoint=${endpoint('table')}`,
    '',
  ].join(';');
}

async function removeAllData(connectionString: string): Promise<void> {
  const tables = TableServiceClient.fromConnectionString(connectionString, { allowInsecureConnection: true });
  for await (const table of tables.listTables()) {
    if (table.name !== undefined) await tables.deleteTable(table.name);
  }
  const blobs = BlobServiceClient.fromConnectionString(connectionString);
  for await (const container of blobs.listContainers()) await blobs.deleteContainer(container.name);
}

/** Starts Azurite and its proxies; rejects if Azurite does not start or a port is taken. */
export async function startStorage(options: StorageOptions = {}): Promise<StorageEmulator> {
  const counts = new Map<string, number>();
  const faults = new FaultPlan();
  const proxies: CountingProxy[] = [];
  let closing = false;

  const azurite = await startAzurite(options.location);
  const uncountedConnectionString = connectionStringFor(azurite.ports);
  const ports: Record<StorageService, number> = { blob: 0, queue: 0, table: 0 };
  try {
    for (const service of storageServices) {
      const proxy = await startCountingProxy({
        service,
        port: options.ports?.[service] ?? 0,
        upstreamPort: azurite.ports[service],
        faults,
        now: options.now,
        onStep: options.onStep,
        onCall: (kind) => counts.set(`${service}.${kind}`, (counts.get(`${service}.${kind}`) ?? 0) + 1),
      });
      proxies.push(proxy);
      ports[service] = proxy.port;
    }
  } catch (error) {
    for (const proxy of proxies) await proxy.close();
    await azurite.stop();
    throw error;
  }

  function total(service: StorageService): number {
    let sum = 0;
    for (const [kind, count] of counts) if (kind.startsWith(`${service}.`)) sum += count;
    return sum;
  }

  async function setFaults(next: readonly StorageFault[]): Promise<void> {
    faults.set(next);
    for (const proxy of proxies) await proxy.applyRefusal();
  }

  return {
    connectionString: connectionStringFor(ports),
    uncountedConnectionString,
    ports,
    counters: () => ({
      tableCalls: total('table'),
      blobCalls: total('blob'),
      queueCalls: total('queue'),
      byKind: Object.fromEntries([...counts].toSorted(([a], [b]) => a.localeCompare(b))),
    }),
    resetCounters: () => counts.clear(),
    setFaults,
    async reset() {
      await setFaults([]);
      await removeAllData(uncountedConnectionString);
      counts.clear();
    },
    died: azurite.ended.then((how) => (closing ? new Promise<string>(() => undefined) : how)),
    async close() {
      closing = true;
      for (const proxy of proxies) await proxy.close();
      await azurite.stop();
    },
  };
}
