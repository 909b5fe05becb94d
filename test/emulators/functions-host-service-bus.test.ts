import { channel } from 'node:diagnostics_channel';
import { ServiceBusClient, type ServiceBusMessage } from '@azure/service-bus';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type FunctionsHost, startFunctionsHost } from '../../local/functions-host/functions-host.ts';
import { type ServiceBusBroker, startServiceBusBroker } from '../../local/service-bus/broker.ts';
import { parseQueueDefinitions } from '../../local/service-bus/queue-definition.ts';
import { type AppFolder, buildAppFolder, logRecorder, until } from './functions-host-fixture.ts';

const queues = parseQueueDefinitions([{ name: 'fixture-queue', properties: { maxDeliveryCount: 3 } }]);

let folder: AppFolder;
let broker: ServiceBusBroker;
let host: FunctionsHost;
let log = logRecorder();

beforeAll(async () => {
  folder = await buildAppFolder();
});
afterAll(() => folder.remove());

beforeEach(async () => {
  log = logRecorder();
  broker = await startServiceBusBroker({ queues });
  process.env['TICK_SCHEDULE'] = '0 0 0 1 1 *';
  process.env['FIXTURE_QUEUE'] = 'fixture-queue';
  process.env['FixtureBus'] = broker.connectionString;
  host = await startFunctionsHost({ appDirectory: folder.directory, log: log.log });
});
afterEach(async () => {
  await host.close();
  await broker.close();
  for (const name of ['TICK_SCHEDULE', 'FIXTURE_QUEUE', 'FixtureBus']) delete process.env[name];
});

async function send(...messages: ServiceBusMessage[]): Promise<void> {
  const client = new ServiceBusClient(broker.connectionString);
  try {
    await client.createSender('fixture-queue').sendMessages(messages);
  } finally {
    await client.close();
  }
}

async function seen(count: number): Promise<unknown> {
  const list = await until(
    `${count} messages were seen`,
    async () => (await fetch(`${host.url}/api/seen`)).json(),
    (answer) => Array.isArray(answer) && answer.length >= count,
  );
  expect(list).toHaveLength(count);
  return list;
}

const release = () => {
  channel('functions-app.release').publish({});
};

const settled = () =>
  until(
    'all is settled',
    () => broker.queueState('fixture-queue'),
    ({ active, locked }) => active === 0 && locked === 0,
  );

describe('a queue trigger', () => {
  test('hands over the parsed body with .NET delivery counts, and completes the message', async () => {
    expect(host.functions).toContainEqual({ name: 'receive', trigger: 'serviceBus', detail: 'queue fixture-queue' });
    await send({ body: { n: 1 }, messageId: 'm-1', applicationProperties: { TraceId: 't' } });
    expect(await seen(1)).toEqual([
      { message: { n: 1 }, deliveryCount: 1, messageId: 'm-1', applicationProperties: { traceId: 't' } },
    ]);
    expect(await settled()).toEqual({ active: 0, scheduled: 0, locked: 0, deadLettered: 0 });
  });

  test.each([
    ['text that is no JSON', Buffer.from('plain text'), 'plain text'],
    ['a number', Buffer.from('123'), 123],
    ['a JSON string', Buffer.from('"{}"'), '{}'],
    ['a string sent by the SDK', 'words', 'words'],
    ['an empty body', Buffer.alloc(0), ''],
  ])('parses %s as the library does', async (_case, body, message) => {
    await send({ body, messageId: '7' });
    expect(await seen(1)).toEqual([expect.objectContaining({ message, messageId: 7 })]);
  });

  test('lets fields of the body replace the metadata, as the real host does', async () => {
    await send({ body: { messageId: 'forged', deliveryCount: 9, applicationProperties: [1] }, messageId: 'real' });
    expect(await seen(1)).toEqual([
      expect.objectContaining({ messageId: 'forged', deliveryCount: 9, applicationProperties: {} }),
    ]);
  });

  test('abandons a message whose handler threw, and it comes again at once', async () => {
    await send({ body: { fail: 2 }, messageId: 'm' });
    expect(await seen(2)).toEqual([
      expect.objectContaining({ deliveryCount: 1 }),
      expect.objectContaining({ deliveryCount: 2 }),
    ]);
    expect(await settled()).toMatchObject({ deadLettered: 0 });
    expect(log.text()).toContain('error: failed: Error: this fixture wants the message again');
  });

  test('leaves the dead-lettering to the queue', async () => {
    await send({ body: { fail: 99 }, messageId: 'poison' });
    await until(
      'it is dead-lettered',
      () => broker.queueState('fixture-queue'),
      ({ deadLettered }) => deadLettered === 1,
    );
    expect(await seen(3)).toHaveLength(3);
  });

  test('receives again after the broker was away', async () => {
    const { port } = broker;
    await send({ body: 'before', messageId: 'a' });
    await seen(1);
    await broker.close();
    await until(
      'the host noticed',
      () => log.text(),
      (text) => /warning: receiving: /.test(text),
    );
    broker = await startServiceBusBroker({ queues, port });
    await send({ body: 'after', messageId: 'b' });
    expect(await seen(2)).toEqual([
      expect.objectContaining({ message: 'before' }),
      expect.objectContaining({ message: 'after' }),
    ]);
    expect(log.lines.filter(({ message }) => message.startsWith('receiving: ')).length).toBeLessThan(10);
  });

  test('can be run by hand with a body', async () => {
    const init = { method: 'POST', headers: { 'content-type': 'application/json' } };
    const body = JSON.stringify({ input: JSON.stringify({ by: 'hand', messageId: 'x' }) });
    expect((await fetch(`${host.url}/admin/functions/receive`, { ...init, body })).status).toBe(202);
    expect(await seen(1)).toEqual([{ message: { by: 'hand', messageId: 'x' }, messageId: 'x' }]);
  });

  test('runs as many at a time as host.json says, or the setting that overrides it', async () => {
    const held = Array.from({ length: 6 }, (_, n) => ({ body: 'hold', messageId: `m${n}` }));
    await send(...held);
    await seen(4);
    expect(broker.queueState('fixture-queue')).toMatchObject({ active: 2, locked: 4 });
    release();
    await seen(6);
    release();
    await settled();
    await host.close();
    process.env['AzureFunctionsJobHost__extensions__ServiceBus__MaxConcurrentCalls'] = '1';
    try {
      host = await startFunctionsHost({ appDirectory: folder.directory, log: log.log });
    } finally {
      delete process.env['AzureFunctionsJobHost__extensions__ServiceBus__MaxConcurrentCalls'];
    }
    await send(...held);
    await seen(1);
    expect(broker.queueState('fixture-queue')).toMatchObject({ active: 5, locked: 1 });
    await until(
      'all have run',
      () => broker.queueState('fixture-queue'),
      ({ active, locked }) => {
        release();
        return active + locked === 0;
      },
    );
  });

  test('waits on the way out for the message under way, and completes it', async () => {
    await send({ body: 'hold', messageId: 'm' });
    await seen(1);
    const closed = host.close();
    await until(
      'new requests are refused',
      () => fetch(`${host.url}/api/text`),
      ({ status }) => status === 503,
    );
    expect(broker.queueState('fixture-queue')).toMatchObject({ locked: 1 });
    release();
    await closed;
    expect(broker.counters().total).toMatchObject({ completes: 1, abandons: 0 });
  });

  test('renews the lock of a message that takes long', async () => {
    await host.close();
    await broker.close();
    const brief = parseQueueDefinitions([{ name: 'fixture-queue', properties: { lockDuration: 'PT1S' } }]);
    broker = await startServiceBusBroker({ queues: brief });
    process.env['FixtureBus'] = broker.connectionString;
    host = await startFunctionsHost({ appDirectory: folder.directory, log: log.log });
    await send({ body: 'hold', messageId: 'm' });
    await until(
      'the lock was renewed twice',
      () => broker.counters().total,
      ({ renewals }) => renewals >= 2,
    );
    release();
    await settled();
    expect(broker.counters().total).toMatchObject({ deliveries: 1, completes: 1, locksLost: 0 });
  });

  test('says when a message cannot be settled, and goes on', async () => {
    await send({ body: 'hold', messageId: 'm' });
    await seen(1);
    broker.setFault({ kind: 'expire-locks', queue: 'fixture-queue' });
    release();
    await until(
      'it came again',
      () => release() ?? broker.counters().total,
      ({ completes }) => completes === 1,
    );
    expect(log.text()).toMatch(/warning: message m could not be settled \(complete\), it will come again/);
  });

  test('closes in a few seconds even when the broker hangs', async () => {
    broker.pause();
    await host.close();
    broker.resume();
  }, 9000);

  test('stops taking messages before the host is closed, and leaves none locked', async () => {
    await send({ body: 1, messageId: '1' });
    await seen(1);
    await settled();
    await host.close();
    await send({ body: 2, messageId: '2' });
    expect(broker.queueState('fixture-queue')).toMatchObject({ active: 1, locked: 0 });
  });
});

test('a broker that is not there does not keep the rest of the app from running', async () => {
  await host.close();
  await broker.close();
  host = await startFunctionsHost({ appDirectory: folder.directory, log: log.log });
  await until(
    'the host noticed',
    () => log.text(),
    (text) => /warning: receiving: .*ECONNREFUSED/.test(text),
  );
  expect((await fetch(`${host.url}/api/text`)).status).toBe(200);
});
