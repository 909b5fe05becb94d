import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { errorOf, eventually, newClient, only, StandingClock, startBroker } from './service-bus-fixture.ts';

const MINUTE = 60_000;

describe('sending to the local Service Bus broker', () => {
  it('hands a message over with its body, properties and types as they were sent', async () => {
    const client = newClient(await startBroker());
    const sent = {
      body: { subject: 'Grüße', list: [1, 2.5, null] },
      messageId: 'message-1',
      correlationId: 'correlation-1',
      contentType: 'application/json',
      subject: 'mail.received',
      to: 'crm',
      replyTo: 'answers',
      partitionKey: 'a',
      timeToLive: 5 * MINUTE,
      applicationProperties: { text: 'ä', whole: 7, half: 0.5, yes: true, no: false },
    };
    await client.createSender('plain').sendMessages(sent);
    const received = only(await client.createReceiver('plain').receiveMessages(1));
    expect(received).toMatchObject(sent);
    expect(received.deliveryCount).toBe(0);
    expect(received.state).toBe('active');
    expect(received.sequenceNumber?.toNumber()).toBe(1);
    expect(received.expiresAtUtc).toEqual(new Date(Number(received.enqueuedTimeUtc) + 5 * MINUTE));
  });

  it.each(['data', 'value', 'sequence'] as const)('passes on a body of type %s', async (bodyType) => {
    const client = newClient(await startBroker());
    const body = bodyType === 'sequence' ? [['one', 2], ['three']] : bodyType === 'value' ? { one: 1 } : 'text';
    await client.createSender('plain').sendMessages({ bodyType, body });
    const received = only(await client.createReceiver('plain').receiveMessages(1));
    expect(received.body).toEqual(body);
    expect(Reflect.get(received, '_rawAmqpMessage')).toMatchObject({ bodyType });
  });

  it('takes an array as one operation and keeps its order', async () => {
    const broker = await startBroker();
    const client = newClient(broker);
    const ids = Array.from({ length: 20 }, (_, index) => `message-${index}`);
    await client.createSender('once').sendMessages(ids.map((messageId) => ({ messageId, body: messageId })));
    const received = await client.createReceiver('once').receiveMessages(20);
    expect(received.map(({ messageId }) => messageId)).toEqual(ids);
    expect(received.map(({ body }): unknown => body)).toEqual(ids);
    expect(broker.counters().queues['once']).toMatchObject({ sendOperations: 1, messagesSent: 20, deliveries: 20 });
  });

  it('takes a batch that is full to the last message', async () => {
    const broker = await startBroker();
    const sender = newClient(broker).createSender('once');
    const batch = await sender.createMessageBatch();
    while (batch.tryAddMessage({ body: 'x'.repeat(1000) }));
    expect(batch.count).toBeGreaterThan(200);
    await sender.sendMessages(batch);
    expect(broker.queueState('once').active).toBe(batch.count);
    expect(broker.counters().queues['once']?.sendOperations).toBe(1);
  });

  it('assigns a message id when the sender gave none, so that the client can settle the message', async () => {
    const client = newClient(await startBroker());
    await client.createSender('plain').sendMessages([{ body: 'first' }, { body: 'second', subject: 'kept' }]);
    const receiver = client.createReceiver('plain');
    const received = await receiver.receiveMessages(2);
    expect(received.map(({ messageId }) => messageId)).toEqual([
      expect.stringMatching(/^[0-9a-f]{32}$/),
      expect.stringMatching(/^[0-9a-f]{32}$/),
    ]);
    expect(received[0]?.messageId).not.toBe(received[1]?.messageId);
    expect(received[1]?.subject).toBe('kept');
    await Promise.all(received.map((message) => receiver.completeMessage(message)));
  });

  it('carries a message of many frames in both directions', async () => {
    const client = newClient(await startBroker());
    const body = randomBytes(200_000).toString('hex').slice(0, 250_000);
    await client.createSender('plain').sendMessages({ body });
    const received = only(await client.createReceiver('plain').receiveMessages(1));
    expect(received.body).toBe(body);
  });

  it('drops a second message of the same id within the window and says that it was sent', async () => {
    const clock = new StandingClock();
    const broker = await startBroker({ now: clock.now });
    const sender = newClient(broker).createSender('once');
    await sender.sendMessages({ messageId: 'same', body: 1 });
    await sender.sendMessages([
      { messageId: 'same', body: 2 },
      { messageId: 'other', body: 3 },
    ]);
    expect(broker.peekAll('once').map(({ messageId }) => messageId)).toEqual(['same', 'other']);
    expect(broker.counters().queues['once']).toMatchObject({ messagesSent: 3, duplicatesDropped: 1 });
    clock.advance(10 * MINUTE);
    await sender.sendMessages({ messageId: 'same', body: 4 });
    expect(broker.peekAll('once').map(({ messageId }) => messageId)).toEqual(['same', 'other', 'same']);
  });

  it('keeps messages of the same id where duplicate detection is off', async () => {
    const broker = await startBroker();
    const sender = newClient(broker).createSender('plain');
    await sender.sendMessages([
      { messageId: 'same', body: 1 },
      { messageId: 'same', body: 2 },
    ]);
    expect(broker.queueState('plain').active).toBe(2);
  });

  it('refuses a message above the size limit for good', async () => {
    const broker = await startBroker();
    const sender = newClient(broker).createSender('plain');
    const error = await errorOf(sender.sendMessages({ body: 'x'.repeat(262_144) }));
    expect(error).toMatchObject({ code: 'MessageSizeExceeded', retryable: false });
    expect(broker.counters().queues['plain']).toMatchObject({ messagesSent: 0, sendsRefused: 1 });
  });

  it('refuses messages when the queue is full, dead letters included, until there is room', async () => {
    const broker = await startBroker();
    const client = newClient(broker);
    const sender = client.createSender('plain');
    for (let sent = 0; sent < 5; sent += 1) await sender.sendMessages({ body: 'x'.repeat(200_000) });
    const receiver = client.createReceiver('plain');
    await receiver.deadLetterMessage(only(await receiver.receiveMessages(1)));
    const error = await errorOf(sender.sendMessages({ body: 'x'.repeat(200_000) }));
    expect(error).toMatchObject({ code: 'QuotaExceeded' });
    await receiver.completeMessage(only(await receiver.receiveMessages(1)));
    await sender.sendMessages({ body: 'x'.repeat(200_000) });
    expect(broker.queueState('plain')).toEqual({ active: 4, scheduled: 0, locked: 0, deadLettered: 1 });
  });
});

describe('scheduling with the local Service Bus broker', () => {
  it('shows a scheduled message as such and delivers it when its time has come, under a new number', async () => {
    const clock = new StandingClock();
    const broker = await startBroker({ now: clock.now });
    const client = newClient(broker);
    const due = new Date(clock.now() + MINUTE);
    const numbers = await client.createSender('plain').scheduleMessages([{ body: 'first' }, { body: 'second' }], due);
    const receiver = client.createReceiver('plain');
    const peeked = await receiver.peekMessages(5);
    expect(peeked.map(({ body, state, sequenceNumber }): unknown => [body, state, sequenceNumber])).toEqual([
      ['first', 'scheduled', numbers[0]],
      ['second', 'scheduled', numbers[1]],
    ]);
    expect(await receiver.receiveMessages(1, { maxWaitTimeInMs: 100 })).toEqual([]);
    clock.advance(MINUTE);
    broker.tick();
    const received = await receiver.receiveMessages(2);
    expect(received.map(({ body }): unknown => body)).toEqual(['first', 'second']);
    expect(received.map(({ sequenceNumber }) => sequenceNumber?.toNumber())).toEqual([3, 4]);
    expect(received[0]?.enqueuedTimeUtc).toEqual(due);
    expect(received[0]?.scheduledEnqueueTimeUtc).toEqual(due);
  });

  it('wakes up by itself for a message that was sent with an enqueue time', async () => {
    const broker = await startBroker();
    const client = newClient(broker);
    const scheduledEnqueueTimeUtc = new Date(Date.now() + 300);
    await client.createSender('plain').sendMessages({ body: 'later', scheduledEnqueueTimeUtc });
    expect(broker.queueState('plain')).toMatchObject({ active: 0, scheduled: 1 });
    const received = only(await client.createReceiver('plain').receiveMessages(1, { maxWaitTimeInMs: 5000 }));
    expect(received.body).toBe('later');
    expect(Date.now()).toBeGreaterThanOrEqual(scheduledEnqueueTimeUtc.getTime());
  });

  it('cancels scheduled messages, and says so when one is not there', async () => {
    const clock = new StandingClock();
    const broker = await startBroker({ now: clock.now });
    const client = newClient(broker);
    const sender = client.createSender('plain');
    const due = new Date(clock.now() + MINUTE);
    const [first, second] = await sender.scheduleMessages([{ body: 'first' }, { body: 'second' }], due);
    await sender.cancelScheduledMessages(first ?? []);
    const error = await errorOf(sender.cancelScheduledMessages([first, second].flatMap((number) => number ?? [])));
    expect(error).toMatchObject({ code: 'MessageNotFound' });
    expect(broker.peekAll('plain').map(({ sequenceNumber }) => sequenceNumber)).toEqual([second?.toNumber()]);
    expect(broker.counters().queues['plain']).toMatchObject({ managementOperations: 3, messagesSent: 2 });
  });

  it('detects duplicates among scheduled messages from the moment they are sent', async () => {
    const clock = new StandingClock();
    const broker = await startBroker({ now: clock.now });
    const sender = newClient(broker).createSender('once');
    await sender.scheduleMessages({ messageId: 'same', body: 1 }, new Date(clock.now() + MINUTE));
    await sender.sendMessages({ messageId: 'same', body: 2 });
    await eventually(() => {
      expect(broker.queueState('once')).toMatchObject({ active: 0, scheduled: 1 });
    });
  });
});
