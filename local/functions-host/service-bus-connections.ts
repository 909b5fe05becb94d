import type { ServiceBusClient } from '@azure/service-bus';
import { HostError } from './host-error.ts';
import { within } from './running-work.ts';

// The SDK's own 60 s and 30 s would let a restarted broker wait half a minute for its receivers; with these they are
// back within a second.
const retryOptions = { timeoutInMs: 3000, retryDelayInMs: 250, maxRetries: 3 };

/** The clients of a host: one per connection string, made on first use. */
export class ServiceBusConnections {
  readonly #clients = new Map<string, ServiceBusClient>();

  async client(connectionString: string, usedBy: string): Promise<ServiceBusClient> {
    const known = this.#clients.get(connectionString);
    if (known !== undefined) return known;
    // Loaded late: an app without queue triggers need not wait for the SDK.
    const sdk = await import('@azure/service-bus');
    try {
      const client = new sdk.ServiceBusClient(connectionString, { retryOptions });
      this.#clients.set(connectionString, client);
      return client;
    } catch (error) {
      // The SDK's text may quote the string, and with it the key.
      throw new HostError(`${usedBy}: its connection setting is not a Service Bus connection string.`, {
        cause: error,
      });
    }
  }

  /** Closes all clients with their receivers; a broker that does not answer is left after a second. */
  async close(): Promise<void> {
    const clients = [...this.#clients.values()];
    this.#clients.clear();
    await within(1000, Promise.allSettled(clients.map((client) => client.close())));
  }
}
