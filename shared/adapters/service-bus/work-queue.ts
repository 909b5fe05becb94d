import { randomUUID } from 'node:crypto';
import { encodeRing, parseRing, splitRing } from '../../domain/work-item.ts';
import { log } from '../../log.ts';
import type { WorkQueue } from '../../ports.ts';
import { type ServiceBusConnection, toBusError } from './connection.ts';

const WAIT_MS = 500;

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
      try {
        const dead = await receiver.receiveMessages(max, { maxWaitTimeInMs: WAIT_MS });
        if (dead.length === 0) return 0;
        const read = dead.map((message) => {
          const body: unknown = message.body;
          return { message, ring: parseRing(Buffer.isBuffer(body) ? body.toString('utf8') : body) };
        });
        const unreadable = read.filter(({ ring }) => !ring);
        if (unreadable.length > 0)
          log('error', 'dead letters unreadable, left for the operator', { count: unreadable.length });
        await keep(read.flatMap(({ ring }) => ring ?? []));
        for (const { message, ring } of read) {
          if (ring) await receiver.completeMessage(message);
          else await receiver.abandonMessage(message);
        }
        return read.length - unreadable.length;
      } catch (error) {
        throw toBusError(error);
      } finally {
        await receiver.close();
      }
    },
  };
}
