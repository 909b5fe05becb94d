// What an onlooker sees of the three services, and what becomes of the steps that it drops.
import { TableClient } from '@azure/data-tables';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { ObservedStep } from '../../local/observed-step.ts';
import { startStorage } from '../../local/storage/storage.ts';
import { amara, like, startFixture, startHook, subscribe, until } from './graph-fixture.ts';
import { newClient, startBroker } from './service-bus-fixture.ts';

/** An onlooker that notes everything and drops what it is told to, once. */
function makeOnlooker() {
  const seen: string[] = [];
  let toDrop: string | undefined;
  return {
    seen,
    drop(step: string) {
      toDrop = step;
    },
    onStep({ side, operation, target }: ObservedStep): 'drop' | undefined {
      const step = `${side} ${operation}`;
      seen.push(`${step} ${target}`);
      if (step !== toDrop) return undefined;
      toDrop = undefined;
      return 'drop';
    },
  };
}

describe('Service Bus', () => {
  test('shows a message from its sender to its settlement', async () => {
    const { seen, onStep } = makeOnlooker();
    const broker = await startBroker({ onStep });
    const client = newClient(broker);
    await client.createSender('plain').sendMessages({ body: 'one' });
    const receiver = client.createReceiver('plain');
    const [message] = await receiver.receiveMessages(1);
    if (message) await receiver.completeMessage(message);
    const steps = ['send', 'deliver', 'complete'];
    expect(seen).toEqual(steps.flatMap((step) => [`before ${step} plain`, `after ${step} plain`]));
  });

  test.each([
    ['before', 0],
    ['after', 1],
  ] as const)('never answers a send that is dropped %s it is done, and holds %i message', async (side, held) => {
    const onlooker = makeOnlooker();
    const broker = await startBroker({ onStep: onlooker.onStep });
    onlooker.drop(`${side} send`);
    const sender = newClient(broker, { retryOptions: { maxRetries: 0, timeoutInMs: 300 } }).createSender('plain');
    await expect(sender.sendMessages({ body: 'one' })).rejects.toThrow();
    expect(broker.queueState('plain').active).toBe(held);
  });

  test('keeps a message locked that is dropped before it is handed out', async () => {
    const onlooker = makeOnlooker();
    const broker = await startBroker({ onStep: onlooker.onStep });
    const client = newClient(broker);
    await client.createSender('plain').sendMessages({ body: 'one' });
    onlooker.drop('before deliver');
    expect(await client.createReceiver('plain').receiveMessages(1, { maxWaitTimeInMs: 200 })).toEqual([]);
    expect(broker.queueState('plain')).toMatchObject({ active: 0, locked: 1 });
  });
});

describe('Graph', () => {
  test('shows requests and the calls to the endpoint that they cause', async () => {
    const { seen, onStep } = makeOnlooker();
    const fixture = await startFixture({ onStep });
    onTestFinished(() => fixture.emulator.close());
    const hook = await startHook();
    onTestFinished(() => hook.close());
    await subscribe(fixture, hook);
    expect(seen).toEqual([
      'before subscriptionCreate /subscriptions',
      ...['before', 'after'].map((side) => like(new RegExp(`^${side} post .*/api/notifications\\?.*validationToken=`))),
      ...['before', 'after'].map((side) => like(new RegExp(`^${side} post .*/api/lifecycle\\?.*validationToken=`))),
      'after subscriptionCreate /subscriptions',
    ]);
  });

  test('posts a notification again whose answer is dropped', async () => {
    const onlooker = makeOnlooker();
    const fixture = await startFixture({ onStep: onlooker.onStep });
    onTestFinished(() => fixture.emulator.close());
    const hook = await startHook();
    onTestFinished(() => hook.close());
    await subscribe(fixture, hook);
    onlooker.drop('after post');
    fixture.deliver();
    await until(() => fixture.emulator.counters().notificationPostsFailed === 1, 'the first post has failed');
    fixture.emulator.control.advanceClock(10_000);
    await until(() => fixture.emulator.counters().notificationItemsSent === 1, 'the second post has gone through');
    expect(hook.posts).toHaveLength(2);
  });

  test.each([
    ['before', 1],
    ['after', 0],
  ] as const)('resets a request that is dropped %s it is done, and %i message is left', async (side, left) => {
    const onlooker = makeOnlooker();
    const { emulator, call, deliver } = await startFixture({ onStep: onlooker.onStep });
    onTestFinished(() => emulator.close());
    const { id } = deliver();
    onlooker.drop(`${side} messageWrite`);
    await expect(call('DELETE', `/users/${amara.id}/messages/${id}`)).rejects.toThrow();
    expect(emulator.control.messages(amara.id)).toHaveLength(left);
  });
});

describe('storage', () => {
  test.each([
    ['before', []],
    ['after', ['one']],
  ] as const)('resets a call that is dropped %s it is done, and holds %j', async (side, held) => {
    const onlooker = makeOnlooker();
    const storage = await startStorage({ onStep: onlooker.onStep });
    onTestFinished(() => storage.close());
    const options = { allowInsecureConnection: true, retryOptions: { maxRetries: 0 } };
    const table = TableClient.fromConnectionString(storage.connectionString, 'things', options);
    await table.createTable();
    onlooker.drop(`${side} insert`);
    await expect(table.createEntity({ partitionKey: 'all', rowKey: 'one' })).rejects.toThrow();
    const keys: (string | undefined)[] = [];
    for await (const entity of table.listEntities()) keys.push(entity.rowKey);
    expect(keys).toEqual(held);
    expect(onlooker.seen).toContain('before insert /devstoreaccount1/things');
  });
});
