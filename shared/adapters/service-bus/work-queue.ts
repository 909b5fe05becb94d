import { randomUUID } from 'node:crypto';
import { encodeRing, parseRing } from '../../domain/work-item.ts';
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
        rings.map((ring) => ({
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
        const rings = dead.map((message) =>
          parseRing(Buffer.isBuffer(message.body) ? message.body.toString('utf8') : message.body),
        );
        const unreadable = rings.filter((ring) => !ring).length;
        if (unreadable > 0) log('error', 'dead letters unreadable', { count: unreadable });
        await keep(rings.filter((ring) => ring !== undefined));
        for (const message of dead) await receiver.completeMessage(message);
        return dead.length;
      } catch (error) {
        throw toBusError(error);
      } finally {
        await receiver.close();
      }
    },
  };
}
