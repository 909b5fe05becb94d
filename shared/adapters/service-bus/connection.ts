import type { TokenCredential } from '@azure/core-auth';
import {
  isServiceBusError,
  type ServiceBusClient,
  type ServiceBusMessage,
  type ServiceBusSender,
} from '@azure/service-bus';
import type { Config } from '../../config.ts';
import { PermanentError, TransientError } from '../../errors.ts';

/** The namespace, opened on first use and shared by both queues. */
export interface ServiceBusConnection {
  client(): Promise<ServiceBusClient>;
  /** Sends all of `messages`, in as few batches as fit; `signal` gives up with TransientError. */
  send(queue: string, messages: ServiceBusMessage[], signal?: AbortSignal): Promise<void>;
  close(): Promise<void>;
}

/**
 * Retries of the SDK wait 30 s by default and hold a send in flight for 60 s. Ours are short: a webhook answers within
 * 2.5 s, and every other sender has a ring behind it that comes again.
 */
const RETRY = { timeoutInMs: 8_000, maxRetries: 2, retryDelayInMs: 250, maxRetryDelayInMs: 1_000 };

/** What the client throws, as the error that says who has to act. */
export function toBusError(error: unknown): Error {
  if (error instanceof TransientError || error instanceof PermanentError) return error;
  // After several tries the client throws an AggregateError without a message; the first one names the cause.
  const causes: unknown[] = error instanceof AggregateError ? error.errors : [error];
  const cause = causes[0];
  const code = isServiceBusError(cause) ? cause.code : cause instanceof Error ? cause.name : 'unknown';
  return code === 'MessageSizeExceeded'
    ? new PermanentError(`bus:${code}`, { cause })
    : new TransientError(`bus:${code}`, { cause });
}

export function openServiceBus(serviceBus: Config['serviceBus'], credential: TokenCredential): ServiceBusConnection {
  let opened: Promise<ServiceBusClient> | undefined;
  const senders = new Map<string, ServiceBusSender>();

  async function open(): Promise<ServiceBusClient> {
    const { ServiceBusClient } = await import('@azure/service-bus');
    const options = { retryOptions: RETRY };
    return serviceBus.kind === 'identity'
      ? new ServiceBusClient(serviceBus.fullyQualifiedNamespace, credential, options)
      : new ServiceBusClient(serviceBus.connectionString, options);
  }

  const client = () => (opened ??= open());

  async function senderOf(queue: string): Promise<ServiceBusSender> {
    const known = senders.get(queue);
    if (known) return known;
    const sender = (await client()).createSender(queue);
    senders.set(queue, sender);
    return sender;
  }

  async function sendAll(
    queue: string,
    messages: ServiceBusMessage[],
    abortSignal: AbortSignal | undefined,
  ): Promise<void> {
    const sender = await senderOf(queue);
    const options = abortSignal ? { abortSignal } : {};
    const [only, ...others] = messages;
    if (!only) return;
    if (others.length === 0) return sender.sendMessages(only, options);
    let batch = await sender.createMessageBatch(options);
    for (const message of messages) {
      if (batch.tryAddMessage(message)) continue;
      if (batch.count > 0) await sender.sendMessages(batch, options);
      batch = await sender.createMessageBatch(options);
      // Too large for a batch of its own: alone it has a little more room, and a refusal that names the cause.
      if (!batch.tryAddMessage(message)) await sender.sendMessages(message, options);
    }
    if (batch.count > 0) await sender.sendMessages(batch, options);
  }

  return {
    client,
    async send(queue, messages, signal) {
      try {
        await sendAll(queue, messages, signal);
      } catch (error) {
        throw toBusError(error);
      }
    },
    async close() {
      await (await opened)?.close();
    },
  };
}
