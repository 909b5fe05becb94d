import type { TokenCredential } from '@azure/core-auth';
import { TableClient, type TableServiceClientOptions } from '@azure/data-tables';
import type { ContainerClient } from '@azure/storage-blob';
import type { Config } from '../../config.ts';
import type { ServerClock } from '../server-clock.ts';
import { atStorage, isStatus } from './storage-failure.ts';

/** A table that is made when it is first found missing. */
export interface Table {
  use<T>(call: (client: TableClient) => Promise<T>): Promise<T>;
}

export interface StorageAccount {
  clock: ServerClock;
  table(name: string): Table;
  /** The container, made on first use. Loaded late: most requests need no blob. */
  container(name: string): Promise<ContainerClient>;
}

// Short: whoever waits here holds a lease or a queue message, and a ring tries again anyway.
const RETRY = { maxRetries: 3, retryDelayInMs: 200, maxRetryDelayInMs: 2_000 };

/** Plain http only where the connection string says so, which the settings allow for this machine alone. */
const isPlain = (connectionString: string) =>
  /UseDevelopmentStorage=true|(Table|Blob)Endpoint=http:|DefaultEndpointsProtocol=http(;|$)/i.test(connectionString);

/** Tables and blobs of one account, reached as the setting's form says. */
export function openStorage(
  storage: Config['storage'],
  credential: TokenCredential,
  clock: ServerClock,
): StorageAccount {
  const containers = new Map<string, Promise<ContainerClient>>();

  function openTable(name: string): TableClient {
    const options: TableServiceClientOptions = { retryOptions: RETRY };
    const client =
      storage.kind === 'identity'
        ? new TableClient(storage.tableServiceUri, name, credential, options)
        : TableClient.fromConnectionString(storage.connectionString, name, {
            ...options,
            allowInsecureConnection: isPlain(storage.connectionString),
          });
    client.pipeline.addPolicy({
      name: 'learn-server-time',
      async sendRequest(request, next) {
        const askedAt = clock.now();
        const response = await next(request);
        clock.observe(response.headers.get('date'), clock.now() - askedAt);
        return response;
      },
    });
    return client;
  }

  async function openContainer(name: string): Promise<ContainerClient> {
    const { BlobServiceClient } = await import('@azure/storage-blob');
    const options = { retryOptions: { maxTries: 4, retryDelayInMs: 200, maxRetryDelayInMs: 2_000 } };
    const service =
      storage.kind === 'identity'
        ? new BlobServiceClient(storage.blobServiceUri, credential, options)
        : BlobServiceClient.fromConnectionString(storage.connectionString, options);
    const container = service.getContainerClient(name);
    await atStorage(() => container.createIfNotExists());
    return container;
  }

  return {
    clock,
    table(name) {
      const client = openTable(name);
      return {
        use: (call) =>
          atStorage(async () => {
            try {
              return await call(client);
            } catch (error) {
              if (!isMissingTable(error)) throw error;
              await client.createTable();
              return call(client);
            }
          }),
      };
    },
    container(name) {
      const known = containers.get(name);
      if (known) return known;
      const opened = openContainer(name).catch((error: unknown) => {
        // A failed start is forgotten, so that the next call tries again.
        containers.delete(name);
        throw error;
      });
      containers.set(name, opened);
      return opened;
    },
  };
}

// Deployed tables exist; this is for local runs and for an account that was emptied.
function isMissingTable(error: unknown): boolean {
  if (!isStatus(error, 404) || !(error instanceof Error)) return false;
  return /TableNotFound/.test(error.message) || ('code' in error && error.code === 'TableNotFound');
}
