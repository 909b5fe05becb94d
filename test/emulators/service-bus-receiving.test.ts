import type { ServiceBusReceivedMessage } from '@azure/service-bus';
import { describe, expect, it } from 'vitest';
import { parseQueueDefinitions } from '../../local/service-bus/broker.ts';
import { errorOf, eventually, newClient, only, StandingClock, startBroker } from './service-bus-fixture.ts';

const MINUTE = 60_000;
const states = (messages: readonly ServiceBusReceivedMessage[]): unknown[] =>
  messages.map(({ body, state }): unknown => [body, state]);
const byHand = { maxAutoLockRenewalDurationInMs: 0 };

describe('receiving from the local Service Bus broker', () => {
  it('completes a message, which is then gone', async () => {
    const broker = await startBroker();
    const client = newClient(broker);
    await client.createSender('plain').sendMessages({ body: 'once' });
    const receiver = client.createReceiver('plain');
    const message = only(await receiver.receiveMessages(1));
    expect(broker.queueState('plain')).toMatchObject({ active: 0, locked: 1 });
    await receiver.completeMessage(message);
    expect(broker.queueState('plain')).toEqual({ active: 0, scheduled: 0, locked: 0, deadLettered: 0 });
    expect(broker.counters().queues['plain']).toMatchObject({ deliveries: 1, completes: 1, operations: 3 });
  });

  it('puts an abandoned message back to its old place, with the properties that were added', async () => {
    const client = newClient(await startBroker());
    await client
      .createSender('plain')
      .sendMessages([{ body: 'first', applicationProperties: { kept: 1, changed: 'old' } }, { body: 'second' }]);
    const receiver = client.createReceiver('plain');
    await receiver.abandonMessage(only(await receiver.receiveMessages(1)), { changed: 'new', attempts: 1, ok: false });
    const again = await receiver.receiveMessages(2);
    expect(again.map(({ body, deliveryCount }): unknown => [body, deliveryCount])).toEqual([
      ['first', 1],
      ['second', 0],
    ]);
    expect(again[0]?.applicationProperties).toEqual({ kept: 1, changed: 'new', attempts: 1, ok: false });
  });

  it('dead-letters a message with reason, description and properties, for the dead-letter sub-queue', async () => {
    const broker = await startBroker();
    const client = newClient(broker);
    await client.createSender('plain').sendMessages([{ body: 'other' }, { body: 'poison', messageId: 'poison-1' }]);
    const receiver = client.createReceiver('plain');
    const [other, poison] = await receiver.receiveMessages(2);
    if (other === undefined || poison === undefined) throw new Error('Expected two messages.');
    const why = { deadLetterReason: 'Unreadable', deadLetterErrorDescription: 'No JSON.', attempt: 3 };
    await receiver.deadLetterMessage(poison, why);
    const deadLetters = client.createReceiver('plain', { subQueueType: 'deadLetter' });
    const dead = only(await deadLetters.receiveMessages(1));
    expect(dead).toMatchObject({
      body: 'poison',
      messageId: 'poison-1',
      deadLetterReason: 'Unreadable',
      deadLetterErrorDescription: 'No JSON.',
      deadLetterSource: 'plain',
      deliveryCount: 0,
    });
    expect(dead.enqueuedSequenceNumber).toBe(2);
    expect(dead.applicationProperties).toMatchObject({ attempt: 3 });
    expect(broker.queueState('plain')).toMatchObject({ locked: 1, deadLettered: 1 });
    await deadLetters.completeMessage(dead);
    expect(broker.queueState('plain').deadLettered).toBe(0);
  });

  it('dead-letters without a reason when none is given', async () => {
    const broker = await startBroker();
    const client = newClient(broker);
    await client.createSender('plain').sendMessages({ body: 'poison' });
    const receiver = client.createReceiver('plain');
    await receiver.deadLetterMessage(only(await receiver.receiveMessages(1)));
    const dead = only(await client.createReceiver('plain', { subQueueType: 'deadLetter' }).receiveMessages(1));
    expect(dead.deadLetterReason).toBeUndefined();
  });

  it('dead-letters a message that was given back as often as the queue allows', async () => {
    const broker = await startBroker();
    const client = newClient(broker);
    await client.createSender('plain').sendMessages({ body: 'never' });
    const receiver = client.createReceiver('plain');
    for (let attempt = 0; attempt < 3; attempt += 1) {
      const message = only(await receiver.receiveMessages(1));
      expect(message.deliveryCount).toBe(attempt);
      await receiver.abandonMessage(message);
    }
    const deadLetters = client.createReceiver('plain', { subQueueType: 'deadLetter' });
    for (let attempt = 0; attempt < 4; attempt += 1) {
      const dead = only(await deadLetters.receiveMessages(1));
      expect(dead).toMatchObject({
        deadLetterReason: 'MaxDeliveryCountExceeded',
        deadLetterErrorDescription: 'Message could not be consumed after 3 delivery attempts.',
        deliveryCount: 3,
      });
      await deadLetters.abandonMessage(dead);
    }
    expect(broker.counters().queues['plain']).toMatchObject({ deliveryCountExceeded: 1, deadLetters: 0 });
  });

  it('sets a deferred message aside until it is asked for by number, and settles it then', async () => {
    const broker = await startBroker();
    const client = newClient(broker);
    await client.createSender('plain').sendMessages([1, 2, 3, 4].map((body) => ({ body })));
    const receiver = client.createReceiver('plain');
    const messages = await receiver.receiveMessages(4);
    for (const message of messages) await receiver.deferMessage(message, { why: 'later' });
    expect(await receiver.receiveMessages(1, { maxWaitTimeInMs: 100 })).toEqual([]);
    const numbers = messages.map(({ sequenceNumber }) => sequenceNumber ?? []).flat();
    const [first, second, third, fourth] = await receiver.receiveDeferredMessages(numbers);
    if (!first || !second || !third || !fourth) throw new Error('Expected four messages.');
    expect(first).toMatchObject({ body: 1, state: 'deferred', applicationProperties: { why: 'later' } });
    await receiver.completeMessage(first);
    await receiver.abandonMessage(second, { tried: true });
    await receiver.deadLetterMessage(third, { deadLetterReason: 'Enough', deadLetterErrorDescription: 'No more.' });
    await receiver.deferMessage(fourth);
    expect(broker.peekAll('plain')).toMatchObject([
      { sequenceNumber: 2, state: 'deferred', deliveryCount: 1, applicationProperties: { tried: true } },
      { sequenceNumber: 4, state: 'deferred', deliveryCount: 0 },
    ]);
    expect(broker.peekAll('plain', 'dead-letters')).toMatchObject([
      { applicationProperties: { DeadLetterReason: 'Enough', DeadLetterErrorDescription: 'No more.' } },
    ]);
    const error = await errorOf(receiver.receiveDeferredMessages(numbers));
    expect(error).toMatchObject({ code: 'MessageNotFound' });
  });

  it('removes at once what is received in receiveAndDelete mode', async () => {
    const broker = await startBroker();
    const client = newClient(broker);
    await client.createSender('plain').sendMessages([{ body: 1 }, { body: 2 }]);
    const receiver = client.createReceiver('plain', { receiveMode: 'receiveAndDelete' });
    expect((await receiver.receiveMessages(2)).map(({ body }): unknown => body)).toEqual([1, 2]);
    expect(broker.queueState('plain')).toMatchObject({ active: 0, locked: 0 });
  });

  it('peeks at messages of every state from a number on without touching them', async () => {
    const clock = new StandingClock();
    const broker = await startBroker({ now: clock.now });
    const client = newClient(broker);
    const sender = client.createSender('plain');
    await sender.sendMessages([1, 2, 3].map((body) => ({ body })));
    await sender.scheduleMessages({ body: 4 }, new Date(clock.now() + MINUTE));
    const receiver = client.createReceiver('plain', byHand);
    await receiver.deferMessage(only(await receiver.receiveMessages(1)));
    const { sequenceNumber: fromSequenceNumber } = only(await receiver.receiveMessages(1));
    expect(states(await receiver.peekMessages(10))).toEqual([
      [1, 'deferred'],
      [2, 'active'],
      [3, 'active'],
      [4, 'scheduled'],
    ]);
    expect(await receiver.peekMessages(10)).toEqual([]);
    expect(
      states(await receiver.peekMessages(2, fromSequenceNumber === undefined ? {} : { fromSequenceNumber })),
    ).toEqual([
      [2, 'active'],
      [3, 'active'],
    ]);
    expect(broker.queueState('plain')).toMatchObject({ active: 1, locked: 1, scheduled: 1 });
    expect(broker.peekAll('plain')).toHaveLength(4);
  });

  it('shares a queue among its receivers without giving a message twice', async () => {
    const broker = await startBroker();
    const seen: unknown[] = [];
    for (let consumer = 0; consumer < 3; consumer += 1)
      newClient(broker)
        .createReceiver('once')
        .subscribe(
          {
            processMessage: async ({ body }) => {
              seen.push(body);
            },
            processError: async () => {},
          },
          { maxConcurrentCalls: 4 },
        );
    const bodies = Array.from({ length: 300 }, (_, index) => index);
    await newClient(broker)
      .createSender('once')
      .sendMessages(bodies.map((body) => ({ body })));
    await eventually(() => {
      expect(broker.counters().queues['once']?.completes).toBe(300);
    });
    expect(seen.toSorted((a, b) => Number(a) - Number(b))).toEqual(bodies);
  });
});

describe('locks of the local Service Bus broker', () => {
  it('gives a message out again when its lock has ended, and refuses the late settlement', async () => {
    const clock = new StandingClock();
    const broker = await startBroker({ now: clock.now });
    const client = newClient(broker);
    await client.createSender('plain').sendMessages({ body: 'slow' });
    const receiver = client.createReceiver('plain', byHand);
    const first = only(await receiver.receiveMessages(1));
    expect(first.lockedUntilUtc).toEqual(new Date(clock.now() + MINUTE));
    clock.advance(MINUTE - 1);
    expect(broker.queueState('plain')).toMatchObject({ active: 0, locked: 1 });
    clock.advance(1);
    const second = only(await receiver.receiveMessages(1));
    expect(second).toMatchObject({ body: 'slow', deliveryCount: 1 });
    expect(await errorOf(receiver.completeMessage(first))).toMatchObject({ code: 'MessageLockLost' });
    await receiver.completeMessage(second);
    expect(broker.counters().queues['plain']).toMatchObject({ locksExpired: 1, locksLost: 1, completes: 1 });
  });

  it('wakes a waiting receiver when a lock ends', async () => {
    const queues = [{ name: 'short', properties: { lockDuration: 'PT0.2S' } }];
    const client = newClient(await startBroker({ queues: parseQueueDefinitions(queues) }));
    await client.createSender('short').sendMessages({ body: 'again' });
    await client.createReceiver('short', byHand).receiveMessages(1);
    const again = only(await client.createReceiver('short', byHand).receiveMessages(1, { maxWaitTimeInMs: 5000 }));
    expect(again.deliveryCount).toBe(1);
  });

  it('prolongs a lock on request, and not once it has ended', async () => {
    const clock = new StandingClock();
    const broker = await startBroker({ now: clock.now });
    const client = newClient(broker);
    await client.createSender('plain').sendMessages({ body: 'long' });
    const receiver = client.createReceiver('plain', byHand);
    const message = only(await receiver.receiveMessages(1));
    clock.advance(MINUTE / 2);
    expect(await receiver.renewMessageLock(message)).toEqual(new Date(clock.now() + MINUTE));
    clock.advance(MINUTE - 1);
    expect(broker.queueState('plain')).toMatchObject({ active: 0, locked: 1 });
    clock.advance(1);
    expect(await errorOf(receiver.renewMessageLock(message))).toMatchObject({ code: 'MessageLockLost' });
    expect(broker.counters().queues['plain']).toMatchObject({ renewals: 1, locksExpired: 1, locksLost: 1 });
  });

  it('keeps locks when the receiver is gone, until they end', async () => {
    const clock = new StandingClock();
    const broker = await startBroker({ now: clock.now });
    const gone = newClient(broker);
    await gone.createSender('plain').sendMessages({ body: 'held' });
    await gone.createReceiver('plain', byHand).receiveMessages(1);
    await gone.close();
    const receiver = newClient(broker).createReceiver('plain', byHand);
    expect(await receiver.receiveMessages(1, { maxWaitTimeInMs: 100 })).toEqual([]);
    clock.advance(MINUTE);
    broker.tick();
    expect(only(await receiver.receiveMessages(1)).deliveryCount).toBe(1);
  });

  it('lets the client renew the locks of slow handlers by itself', async () => {
    const queues = [{ name: 'short', properties: { lockDuration: 'PT1S', maxDeliveryCount: 1 } }];
    const broker = await startBroker({ queues: parseQueueDefinitions(queues) });
    const client = newClient(broker);
    await client.createSender('short').sendMessages({ body: 'slow' });
    client.createReceiver('short').subscribe({
      processMessage: () =>
        eventually(() => {
          expect(broker.counters().queues['short']?.renewals).toBeGreaterThanOrEqual(2);
        }),
      processError: async () => {},
    });
    await eventually(() => {
      expect(broker.counters().queues['short']).toMatchObject({ completes: 1, locksExpired: 0 });
    });
  });
});

describe('time to live in the local Service Bus broker', () => {
  it('dead-letters an expired message where the queue says so', async () => {
    const clock = new StandingClock();
    const broker = await startBroker({ now: clock.now });
    const client = newClient(broker);
    await client.createSender('plain').sendMessages([{ body: 'brief', timeToLive: 1000 }, { body: 'lasting' }]);
    clock.advance(1000);
    const dead = only(await client.createReceiver('plain', { subQueueType: 'deadLetter' }).receiveMessages(1));
    expect(dead).toMatchObject({ body: 'brief', deadLetterReason: 'TTLExpiredException' });
    expect(broker.peekAll('plain')).toMatchObject([{ sequenceNumber: 2 }]);
  });

  it('lets an expired message vanish where the queue does not', async () => {
    const clock = new StandingClock();
    const broker = await startBroker({ now: clock.now });
    await newClient(broker).createSender('once').sendMessages({ body: 'brief', timeToLive: 1000 });
    clock.advance(1000);
    expect(broker.queueState('once')).toEqual({ active: 0, scheduled: 0, locked: 0, deadLettered: 0 });
    expect(broker.counters().queues['once']?.messagesExpired).toBe(1);
  });
});

describe('credit and drain of the local Service Bus broker', () => {
  it('answers every drain, so that the client keeps its link', async () => {
    const broker = await startBroker();
    const client = newClient(broker);
    const sender = client.createSender('once');
    const receiver = client.createReceiver('once');
    await receiver.receiveMessages(1, { maxWaitTimeInMs: 1 });
    await sender.sendMessages({ body: 'warm-up' });
    await receiver.completeMessage(only(await receiver.receiveMessages(1)));
    const { tokensAccepted } = broker.counters();
    // Sends and drains cross on the wire, which is when rhea on its own would not answer.
    const sends = (async () => {
      for (let sent = 0; sent < 200; sent += 1) await sender.sendMessages({ body: sent });
    })();
    const bodies: unknown[] = [];
    while (bodies.length < 200)
      for (const message of await receiver.receiveMessages(7, { maxWaitTimeInMs: 2 })) {
        bodies.push(message.body);
        await receiver.completeMessage(message);
      }
    await sends;
    expect(bodies).toEqual(Array.from({ length: 200 }, (_, index) => index));
    expect(broker.queueState('once')).toEqual({ active: 0, scheduled: 0, locked: 0, deadLettered: 0 });
    // The client asks for a token before it opens a link.
    expect(broker.counters().tokensAccepted).toBe(tokensAccepted);
  });

  it('gives a link no more messages than it asked for', async () => {
    const broker = await startBroker();
    const client = newClient(broker);
    await client.createSender('once').sendMessages(Array.from({ length: 50 }, (_, body) => ({ body })));
    expect(await client.createReceiver('once').receiveMessages(5)).toHaveLength(5);
    expect(broker.queueState('once')).toMatchObject({ active: 45, locked: 5 });
  });

  it('delivers 5,000 messages through a subscription of 32, past the 2048 places of a link', async () => {
    const broker = await startBroker();
    const client = newClient(broker);
    const sender = client.createSender('once');
    for (let start = 0; start < 5000; start += 500)
      await sender.sendMessages(
        Array.from({ length: 500 }, (_, index) => ({ messageId: `${start + index}`, body: start + index })),
      );
    const seen = new Set<unknown>();
    client.createReceiver('once').subscribe(
      {
        processMessage: async ({ body }) => {
          seen.add(body);
        },
        processError: async () => {},
      },
      { maxConcurrentCalls: 32 },
    );
    await eventually(() => {
      expect(broker.counters().queues['once']?.completes).toBe(5000);
    });
    expect(seen.size).toBe(5000);
    expect(broker.counters().queues['once']).toMatchObject({ deliveries: 5000, sendOperations: 10, locksLost: 0 });
  });

  it('stops at 2048 unsettled messages a link instead of breaking it, and goes on when they are settled', async () => {
    const broker = await startBroker();
    const client = newClient(broker);
    const sender = client.createSender('once');
    for (let start = 0; start < 3000; start += 500)
      await sender.sendMessages(Array.from({ length: 500 }, (_, index) => ({ body: start + index })));
    const receiver = client.createReceiver('once', byHand);
    const held = await receiver.receiveMessages(3000, { maxWaitTimeInMs: 1000 });
    expect(held.length).toBeLessThanOrEqual(2048);
    expect(held.length).toBeGreaterThan(2000);
    await Promise.all(held.map((message) => receiver.completeMessage(message)));
    const rest = await receiver.receiveMessages(3000, { maxWaitTimeInMs: 1000 });
    expect(held.length + rest.length).toBe(3000);
  });
});
