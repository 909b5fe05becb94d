import { randomUUID } from 'node:crypto';
import type { ServiceBusReceivedMessage } from '@azure/service-bus';
import { encodeRing, parseRing, splitRing } from '../../domain/work-item.ts';
import { log } from '../../log.ts';
import type { WorkQueue } from '../../ports.ts';
import { type ServiceBusConnection, toBusError } from './connection.ts';

const WAIT_MS = 500;
/** Dead letters that are no rings and are passed over in one draining. */
const SKIP_AT_MOST = 2_000;

const ringIn = (body: unknown) => parseRing(Buffer.isBuffer(body) ? body.toString('utf8') : body);

/** Rings on the work queue. Every one has a fresh MessageId: repeats are wanted here, and dropped nowhere. */
export function makeWorkQueue(bus: ServiceBusConnection, queue: string): WorkQueue {
  return {
    send: (rings, { at, signal } = {}) =>
      bus.send(
        queue,
        rings
          .flatMap((ring) => splitRing(ring))
          .map((ring) => ({
            body: Buffer.from(encodeRing(ring)),
            contentType: 'application/json',
            messageId: randomUUID(),
            ...(at && { scheduledEnqueueTimeUtc: at }),
          })),
        signal,
      ),

    async drainDeadLetters(max, keep) {
      const client = await bus.client();
      const receiver = client.createReceiver(queue, { subQueueType: 'deadLetter', skipParsingBodyAsJson: true });
      const unreadable: ServiceBusReceivedMessage[] = [];
      try {
        let drained = 0;
        // What is no ring stays locked until the end: given back at once, it would be all that is ever received.
        while (drained === 0 && unreadable.length < SKIP_AT_MOST) {
          const dead = await receiver.receiveMessages(max, { maxWaitTimeInMs: WAIT_MS });
          if (dead.length === 0) break;
          const read = dead.map((message) => ({ message, ring: ringIn(message.body) }));
          unreadable.push(...read.filter(({ ring }) => !ring).map(({ message }) => message));
          const readable = read.filter(({ ring }) => ring);
          await keep(readable.flatMap(({ ring }) => ring ?? []));
          for (const { message } of readable) await receiver.completeMessage(message);
          drained = readable.length;
        }
        return drained;
      } catch (error) {
        throw toBusError(error);
      } finally {
        if (unreadable.length > 0)
          log('error', 'dead letters unreadable, left for the operator', { count: unreadable.length });
        await Promise.allSettled(unreadable.map((message) => receiver.abandonMessage(message)));
        await receiver.close();
      }
    },
  };
}
