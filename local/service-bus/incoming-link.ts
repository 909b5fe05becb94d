import { randomUUID } from 'node:crypto';
import type { Delivery, EventContext, Receiver } from 'rhea';
import { AmqpDecodeError } from './amqp-value.ts';
import type { MessageContent } from './message-codec.ts';
import { readTransfer } from './message-codec.ts';
import type { Namespace } from './namespace.ts';
import type { Queue, SendOutcome } from './queue.ts';
import type { Draft } from './queue-message.ts';
import { forgetDelivery } from './rhea-access.ts';
import type { ServiceBusError } from './service-bus-error.ts';
import { decodeError, messageTooLarge, quotaExceeded, serverBusy } from './service-bus-error.ts';

/** An id in the form the service gives to a message whose sender gave none. */
export function newMessageId(): string {
  return randomUUID().replaceAll('-', '');
}

/** What stands in the way of a send, if anything. */
export function sendRefusal(
  namespace: Namespace,
  queue: Queue<MessageContent>,
  outcome: SendOutcome,
  size: number,
): ServiceBusError | undefined {
  if (outcome === 'too-large') return messageTooLarge(size, namespace.maxMessageSize);
  return outcome === 'quota-exceeded' ? quotaExceeded(queue.definition.name) : undefined;
}

/** The fault that lies in wait for this send, if any. */
export function sendFault(namespace: Namespace, queue: Queue<MessageContent>): ServiceBusError | undefined {
  const { name } = queue.definition;
  const fault = namespace.faults.strike('refuse-sends', name);
  if (fault === undefined) return undefined;
  return fault.as === 'server-busy' ? serverBusy : quotaExceeded(name);
}

/** Takes what a client sends to a queue: stores it, then says so. */
export function openIncomingLink(receiver: Receiver, namespace: Namespace, queue: Queue<MessageContent>): void {
  receiver.on('message', ({ delivery, message }: EventContext) => {
    const payload: unknown = message;
    if (delivery === undefined || !Buffer.isBuffer(payload)) return;
    // What crosses with the broker's own detach is not taken; the sender will not hear of it.
    if (!receiver.is_open()) {
      forgetDelivery(delivery);
      return;
    }
    const { name } = queue.definition;
    if (isDropped(payload, 'before')) {
      forgetDelivery(delivery);
      return;
    }
    const refusal = sendFault(namespace, queue) ?? store(payload, delivery.format);
    namespace.counters.count(name, refusal === undefined ? 'sendOperations' : 'sendsRefused');
    if (isDropped(payload, 'after')) forgetDelivery(delivery);
    else if (refusal === undefined) confirm(delivery, name);
    else delivery.reject(refusal);
  });

  function isDropped(payload: Buffer, side: 'before' | 'after'): boolean {
    if (namespace.onStep === undefined) return false;
    const { name } = queue.definition;
    const content = payload.toString('utf8');
    return namespace.onStep({ service: 'bus', operation: 'send', target: name, content, side }) === 'drop';
  }

  function store(payload: Buffer, format: number): ServiceBusError | undefined {
    let drafts: Draft<MessageContent>[];
    try {
      drafts = readTransfer(payload, format, newMessageId);
    } catch (error) {
      if (error instanceof AmqpDecodeError || error instanceof RangeError) return decodeError(error.message);
      throw error;
    }
    const outcome = queue.send(drafts, payload.length);
    namespace.watch(queue);
    return sendRefusal(namespace, queue, outcome, payload.length);
  }

  function confirm(delivery: Delivery, name: string): void {
    if (namespace.faults.strike('lose-outcomes', name, 'send') !== undefined) {
      forgetDelivery(delivery);
      return;
    }
    const delay = namespace.faults.strike('delay-outcomes', name, 'send');
    if (delay === undefined) delivery.accept();
    else
      namespace.later(delay.delayMs, () => {
        delivery.accept();
      });
  }
}
