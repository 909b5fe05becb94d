import type { CrmQueue } from '../../ports.ts';
import type { ServiceBusConnection } from './connection.ts';

/** Mail events for the CRM. MessageId makes the queue drop what was sent before. */
export const makeCrmQueue = (bus: ServiceBusConnection, queue: string): CrmQueue => ({
  publish: (events) =>
    bus.send(
      queue,
      events.map(({ messageId, body }) => ({
        body: Buffer.from(body),
        contentType: 'application/cloudevents+json; charset=utf-8',
        messageId,
      })),
    ),
});
