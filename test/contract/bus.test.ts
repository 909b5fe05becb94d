import { readFile } from 'node:fs/promises';
import { ServiceBusClient } from '@azure/service-bus';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseQueueDefinitions, type ServiceBusBroker, startServiceBusBroker } from '../../local/service-bus/broker.ts';
import { openServiceBus, type ServiceBusConnection } from '../../shared/adapters/service-bus/connection.ts';
import { makeCrmQueue } from '../../shared/adapters/service-bus/crm-queue.ts';
import { makeWorkQueue } from '../../shared/adapters/service-bus/work-queue.ts';
import { PermanentError, TransientError } from '../../shared/errors.ts';
import { makeWorld } from '../support/in-memory-ports.ts';
import { crmQueueContract } from './crm-queue.contract.ts';
import { workQueueContract } from './work-queue.contract.ts';

const noCredential = { getToken: () => Promise.reject(new Error('not asked for')) };

let broker: ServiceBusBroker;
let bus: ServiceBusConnection;
let outside: ServiceBusClient;

beforeAll(async () => {
  const queues: unknown = JSON.parse(await readFile(new URL('../../infra/queues.json', import.meta.url), 'utf8'));
  broker = await startServiceBusBroker({ queues: parseQueueDefinitions(queues) });
  const { connectionString } = broker;
  bus = openServiceBus({ kind: 'connection-string', connectionString }, noCredential);
  outside = new ServiceBusClient(connectionString);
});

afterAll(async () => {
  await outside.close();
  await bus.close();
  await broker.close();
});

/** Bodies of everything in a queue; the app sends them as bytes. */
const bodyOf = (body: unknown): string => (Buffer.isBuffer(body) ? body.toString('utf8') : JSON.stringify(body));

async function bury(body: string): Promise<void> {
  const sender = outside.createSender('mailbox-work');
  await sender.sendMessages({ body: Buffer.from(body) });
  await sender.close();
  const receiver = outside.createReceiver('mailbox-work');
  const [message] = await receiver.receiveMessages(1);
  if (message) await receiver.deadLetterMessage(message);
  await receiver.close();
}

async function scheduledFor(): Promise<number[]> {
  const receiver = outside.createReceiver('mailbox-work');
  const messages = await receiver.peekMessages(100);
  await receiver.close();
  return messages.flatMap((message) => message.scheduledEnqueueTimeUtc?.getTime() ?? []);
}

workQueueContract('in memory', () => {
  const world = makeWorld();
  const queue = world.startProcess().ports.workQueue;
  return Promise.resolve({
    queue,
    ready: () =>
      world.workQueue
        .bodies()
        .filter(({ at }) => at <= world.clock.now())
        .map(({ body }) => body),
    scheduledFor: () =>
      Promise.resolve(
        world.workQueue
          .bodies()
          .filter(({ at }) => at > world.clock.now())
          .map(({ at }) => at),
      ),
    bury: (body) => Promise.resolve(world.workQueue.bury(body)),
    deadLetters: () => world.workQueue.deadLetters().length,
    now: () => world.clock.now(),
  });
});

workQueueContract('Service Bus', () => {
  broker.reset();
  const messages = () => broker.peekAll('mailbox-work');
  return Promise.resolve({
    queue: makeWorkQueue(bus, 'mailbox-work'),
    ready: () =>
      messages()
        .filter((message) => message.state === 'active')
        .map(({ body }) => bodyOf(body)),
    scheduledFor,
    bury,
    deadLetters: () => broker.queueState('mailbox-work').deadLettered,
    now: Date.now,
  });
});

crmQueueContract('in memory', () => {
  const world = makeWorld();
  return Promise.resolve({ queue: world.startProcess().ports.crmQueue, received: () => world.crmQueue.events });
});

crmQueueContract('Service Bus', () => {
  broker.reset();
  return Promise.resolve({
    queue: makeCrmQueue(bus, 'crm-mail'),
    received: () => broker.peekAll('crm-mail').map(({ messageId, body }) => ({ messageId, body: bodyOf(body) })),
  });
});

describe('the Service Bus adapters', () => {
  it('name a failure that passes as transient [F52, F60]', async () => {
    broker.reset();
    const mend = broker.setFault({ kind: 'disable-queue', queue: 'crm-mail', as: 'disabled' });
    const publishing = makeCrmQueue(bus, 'crm-mail').publish([{ messageId: 'm', body: '{}' }]);
    await expect(publishing).rejects.toBeInstanceOf(TransientError);
    mend();
  });

  it('name an event that no message can hold as permanent [F54]', async () => {
    broker.reset();
    const publishing = makeCrmQueue(bus, 'crm-mail').publish([{ messageId: 'm', body: 'x'.repeat(300_000) }]);
    await expect(publishing).rejects.toBeInstanceOf(PermanentError);
  });

  it('give each ring a MessageId of its own and mark events as CloudEvents in JSON', async () => {
    broker.reset();
    const ring = { mailbox: '0a0a0a0a-1111-4222-8333-444444444444', folders: [], ids: [] };
    await makeWorkQueue(bus, 'mailbox-work').send([ring, ring]);
    await makeCrmQueue(bus, 'crm-mail').publish([{ messageId: 'm', body: '{}' }]);
    expect(new Set(broker.peekAll('mailbox-work').map(({ messageId }) => messageId)).size).toBe(2);
    expect(broker.peekAll('crm-mail')[0]?.contentType).toBe('application/cloudevents+json; charset=utf-8');
  });

  it('give up on a send that the broker never answers when the signal aborts [F09]', async () => {
    broker.reset();
    const ring = { mailbox: '0a0a0a0a-1111-4222-8333-444444444444', folders: [], ids: [] };
    const queue = makeWorkQueue(bus, 'mailbox-work');
    await queue.send([ring]);
    const mend = broker.setFault({ kind: 'lose-outcomes', queue: 'mailbox-work', of: 'send' });
    const abort = new AbortController();
    const sending = queue.send([ring], { signal: abort.signal });
    await expect.poll(() => broker.peekAll('mailbox-work').length, { timeout: 5_000 }).toBe(2);
    abort.abort();
    await expect(sending).rejects.toBeInstanceOf(TransientError);
    mend();
  });
});
