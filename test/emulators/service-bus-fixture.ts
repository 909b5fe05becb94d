import type { ServiceBusClientOptions, ServiceBusReceivedMessage } from '@azure/service-bus';
import { ServiceBusClient } from '@azure/service-bus';
import { onTestFinished, vi } from 'vitest';
import type { ServiceBusBroker, ServiceBusBrokerOptions } from '../../local/service-bus/broker.ts';
import { parseQueueDefinitions, startServiceBusBroker } from '../../local/service-bus/broker.ts';

/** The queues of these tests: `plain` without and `once` with duplicate detection. */
const QUEUES = parseQueueDefinitions([
  {
    name: 'plain',
    properties: {
      lockDuration: 'PT1M',
      maxDeliveryCount: 3,
      requiresDuplicateDetection: false,
      defaultMessageTimeToLive: 'P14D',
      deadLetteringOnMessageExpiration: true,
      maxSizeInMegabytes: 1,
    },
  },
  {
    name: 'once',
    properties: {
      requiresDuplicateDetection: true,
      duplicateDetectionHistoryTimeWindow: 'PT10M',
      maxSizeInMegabytes: 1024,
    },
  },
]);

/** A clock that stands until it is moved; it starts at the real time. */
export class StandingClock {
  #now = Date.now();

  now = (): number => this.#now;

  advance(milliseconds: number): void {
    this.#now += milliseconds;
  }
}

/** Starts a broker that ends with the test. */
export async function startBroker(options: Partial<ServiceBusBrokerOptions> = {}): Promise<ServiceBusBroker> {
  const broker = await startServiceBusBroker({ queues: QUEUES, ...options });
  onTestFinished(() => broker.close());
  return broker;
}

/** A client that gives up and retries quickly, and that ends with the test. */
export function newClient(broker: ServiceBusBroker, options: ServiceBusClientOptions = {}): ServiceBusClient {
  const retryOptions = { maxRetries: 2, retryDelayInMs: 50, timeoutInMs: 5000 };
  const client = new ServiceBusClient(broker.connectionString, { retryOptions, ...options });
  onTestFinished(() => client.close());
  return client;
}

/** Waits, within bounds, until the assertion holds. */
export async function eventually(assertion: () => void | Promise<void>): Promise<void> {
  await vi.waitFor(assertion, { timeout: 8000, interval: 10 });
}

/** The only message of an array. */
export function only(messages: readonly ServiceBusReceivedMessage[]): ServiceBusReceivedMessage {
  const [message] = messages;
  if (message === undefined || messages.length > 1) throw new Error(`Expected one message, got ${messages.length}.`);
  return message;
}

/** The error a promise rejects with; resolving is the failure. */
export async function errorOf(promise: Promise<unknown>): Promise<Error & { code?: unknown; retryable?: unknown }> {
  try {
    await promise;
  } catch (error) {
    if (error instanceof Error) return error;
    throw error;
  }
  throw new Error('Expected a rejection.');
}
