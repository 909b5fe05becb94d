import { execFile } from 'node:child_process';
import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { connect } from 'node:net';
import { promisify } from 'node:util';
import { ServiceBusClient } from '@azure/service-bus';
import rhea from 'rhea';
import { describe, expect, it } from 'vitest';
import { startServiceBusBroker } from '../../local/service-bus/broker.ts';
import { answerAuthorization } from '../../local/service-bus/cbs.ts';
import { Counters } from '../../local/service-bus/counters.ts';
import { LOCAL_SAS_RULE, refuseSasToken } from '../../local/service-bus/sas-token.ts';
import { errorOf, eventually, newClient, only, startBroker } from './service-bus-fixture.ts';

const byHand = { maxAutoLockRenewalDurationInMs: 0 };
const noRetry = { retryOptions: { maxRetries: 0, timeoutInMs: 5000 } };

describe('who may use the local Service Bus broker', () => {
  it.each([
    ['another key', /SharedAccessKey=[^;]+/, 'SharedAccessKey=wrong'],
    ['another rule', /SharedAccessKeyName=[^;]+/, 'SharedAccessKeyName=Listen'],
  ])('refuses a client that signs with %s', async (_, part, wrong) => {
    const broker = await startBroker();
    const client = new ServiceBusClient(broker.connectionString.replace(part, wrong), noRetry);
    const error = await errorOf(client.createSender('plain').sendMessages({ body: 1 }));
    await client.close();
    expect(error).toMatchObject({ code: 'UnauthorizedAccess' });
    expect(broker.counters()).toMatchObject({ tokensAccepted: 0, tokensRefused: 1, total: { messagesSent: 0 } });
  });

  it('takes any Entra token that is there, because there is nobody to ask about it', () => {
    // The client speaks TLS unless a connection string says otherwise, so its request is played here.
    const request = { operation: 'put-token', properties: { name: 'sb://127.0.0.1/plain', type: 'jwt' } };
    const granted: string[] = [];
    const peer = { grant: (path: string) => void granted.push(path) };
    const counters = new Counters([]);
    answerAuthorization({ ...request, body: 'any' }, peer, LOCAL_SAS_RULE, counters);
    answerAuthorization({ ...request, body: '' }, peer, LOCAL_SAS_RULE, counters);
    expect(granted).toEqual(['plain']);
    expect(counters.snapshot()).toMatchObject({ tokensAccepted: 1, tokensRefused: 1 });
  });

  it.each([
    ['good', 0, 'plain', undefined],
    ['expired', -7200, 'plain', 'expired'],
    ['for another queue', 0, 'plain-but-longer', 'not for'],
  ])('judges a signature that is %s', (_, age, queue, refusal) => {
    const audience = encodeURIComponent('sb://127.0.0.1:5672/plain');
    const expiry = Math.round(Date.now() / 1000) + 3600 + age;
    const { keyName, key } = LOCAL_SAS_RULE;
    const signature = createHmac('sha256', key).update(`${audience}\n${expiry}`).digest('base64');
    const fields = `sr=${audience}&sig=${encodeURIComponent(signature)}&se=${expiry}&skn=${keyName}`;
    const answer = refuseSasToken(
      `SharedAccessSignature ${fields}`,
      `sb://127.0.0.1:5672/${queue}`,
      LOCAL_SAS_RULE,
      Date.now(),
    );
    if (refusal === undefined) expect(answer).toBeUndefined();
    else expect(answer).toContain(refusal);
  });

  it('offers the mechanism that the clients of other languages look for', async () => {
    const { port } = await startBroker();
    const socket = connect(port, '127.0.0.1', () => socket.write('AMQP\u0003\u0001\u0000\u0000'));
    let heard = '';
    socket.on('data', (bytes: Buffer) => {
      heard += bytes.toString('latin1');
    });
    await eventually(() => {
      expect(heard).toContain('MSSBCBS');
    });
    expect(heard).toContain('ANONYMOUS');
    socket.destroy();
  });

  it('refuses a link for which no token was shown', async () => {
    const { port } = await startBroker();
    const container = rhea.create_container();
    // rhea takes an event for unhandled when its only listener was a passing one.
    container.on('sender_error', () => {});
    const refused = once(container, 'sender_error');
    const connection = container.connect({ host: '127.0.0.1', port, username: 'any', reconnect: false });
    const sender = connection.open_sender('plain');
    await refused;
    expect(sender.error).toMatchObject({ condition: 'amqp:unauthorized-access' });
    connection.close();
    await once(container, 'connection_close');
  });

  it('says that a queue is missing', async () => {
    const client = newClient(await startBroker(), noRetry);
    const sending = await errorOf(client.createSender('missing').sendMessages({ body: 1 }));
    const receiving = await errorOf(client.createReceiver('missing').receiveMessages(1));
    expect(sending).toMatchObject({ code: 'MessagingEntityNotFound' });
    expect(receiving).toMatchObject({ code: 'MessagingEntityNotFound' });
  });

  it('refuses session receivers, because it has no sessions', async () => {
    const client = newClient(await startBroker(), noRetry);
    const error = await errorOf(client.acceptNextSession('plain'));
    expect(error.message).toContain('has no sessions');
  });

  it('finds queues whatever the case of their name', async () => {
    const broker = await startBroker();
    await newClient(broker).createSender('PLAIN').sendMessages({ body: 1 });
    expect(broker.queueState('Plain').active).toBe(1);
  });
});

describe('faults of the local Service Bus broker', () => {
  it('is busy as often as told, which the client rides out', async () => {
    const broker = await startBroker();
    const sender = newClient(broker).createSender('plain');
    broker.setFault({ kind: 'refuse-sends', queue: 'plain', as: 'server-busy', times: 2 });
    await sender.sendMessages({ body: 1 });
    expect(broker.counters().queues['plain']).toMatchObject({ sendsRefused: 2, sendOperations: 1, messagesSent: 1 });
  });

  it('refuses a share of the sends for want of room until the fault is removed', async () => {
    const broker = await startBroker();
    const sender = newClient(broker, noRetry).createSender('plain');
    const remove = broker.setFault({ kind: 'refuse-sends', queue: 'plain', as: 'quota-exceeded', share: 0.25 });
    const codes: unknown[] = [];
    for (let sent = 0; sent < 8; sent += 1)
      codes.push(
        await sender.sendMessages({ body: sent }).then(
          () => 'sent',
          (error: { code: unknown }) => error.code,
        ),
      );
    const three = ['sent', 'sent', 'sent'];
    expect(codes).toEqual([...three, 'QuotaExceeded', ...three, 'QuotaExceeded']);
    remove();
    await sender.sendMessages([{ body: 1 }, { body: 2 }]);
    expect(broker.queueState('plain').active).toBe(8);
  });

  it('leaves a sender in the dark, whose second try duplicate detection drops', async () => {
    const broker = await startBroker();
    const retryOptions = { maxRetries: 2, retryDelayInMs: 10, timeoutInMs: 300 };
    const sender = newClient(broker, { retryOptions }).createSender('once');
    broker.setFault({ kind: 'lose-outcomes', queue: 'once', of: 'send', times: 1 });
    await sender.sendMessages({ messageId: 'stable', body: 1 });
    expect(broker.queueState('once').active).toBe(1);
    expect(broker.counters().queues['once']).toMatchObject({ messagesSent: 2, duplicatesDropped: 1 });
  });

  it('completes a message and never says so', async () => {
    const broker = await startBroker();
    const client = newClient(broker, { retryOptions: { maxRetries: 0, timeoutInMs: 300 } });
    await client.createSender('plain').sendMessages([{ body: 1 }, { body: 2 }]);
    const receiver = client.createReceiver('plain', byHand);
    const [first, second] = await receiver.receiveMessages(2);
    if (first === undefined || second === undefined) throw new Error('Expected two messages.');
    broker.setFault({ kind: 'lose-outcomes', queue: 'plain', of: 'settle', times: 1 });
    await errorOf(receiver.completeMessage(first));
    expect(broker.queueState('plain')).toMatchObject({ active: 0, locked: 1 });
    await receiver.completeMessage(second);
    expect(broker.queueState('plain').locked).toBe(0);
  });

  it.each(['send', 'settle'] as const)('delays the outcome of a %s, which then arrives', async (of) => {
    const broker = await startBroker();
    const client = newClient(broker);
    broker.setFault({ kind: 'delay-outcomes', queue: 'plain', of, delayMs: 200, times: 1 });
    const began = performance.now();
    await client.createSender('plain').sendMessages({ body: 1 });
    const receiver = client.createReceiver('plain');
    await receiver.completeMessage(only(await receiver.receiveMessages(1)));
    expect(performance.now() - began).toBeGreaterThanOrEqual(190);
    expect(broker.queueState('plain').locked).toBe(0);
  });

  it('refuses to renew locks', async () => {
    const broker = await startBroker();
    const client = newClient(broker, noRetry);
    await client.createSender('plain').sendMessages({ body: 1 });
    const receiver = client.createReceiver('plain', byHand);
    const message = only(await receiver.receiveMessages(1));
    broker.setFault({ kind: 'refuse-renewals', queue: 'plain', times: 1 });
    expect(await errorOf(receiver.renewMessageLock(message))).toMatchObject({ code: 'MessageLockLost' });
    await receiver.renewMessageLock(message);
    await receiver.completeMessage(message);
  });

  it('ends all locks at once', async () => {
    const broker = await startBroker();
    const client = newClient(broker);
    await client.createSender('plain').sendMessages({ body: 1 });
    const receiver = client.createReceiver('plain', byHand);
    const message = only(await receiver.receiveMessages(1));
    broker.setFault({ kind: 'expire-locks', queue: 'plain' });
    expect(await errorOf(receiver.completeMessage(message))).toMatchObject({ code: 'MessageLockLost' });
    expect(only(await receiver.receiveMessages(1)).deliveryCount).toBe(1);
  });

  it.each([
    ['not-found', 'MessagingEntityNotFound'],
    ['disabled', 'MessagingEntityDisabled'],
  ] as const)('closes and refuses the links of a queue that is %s, until it is back', async (as, code) => {
    const broker = await startBroker();
    const client = newClient(broker, { retryOptions: { maxRetries: 0, timeoutInMs: 300 } });
    const sender = client.createSender('plain');
    await sender.sendMessages({ body: 1 });
    const enable = broker.setFault({ kind: 'disable-queue', queue: 'plain', as });
    // A message that crosses with the closing of its link hangs until the client gives it up.
    await eventually(async () => {
      expect(await errorOf(sender.sendMessages({ body: 2 }))).toMatchObject({ code });
    });
    enable();
    await sender.sendMessages({ body: 3 });
    expect(broker.queueState('plain').active).toBe(2);
  });

  it('says which queues there are when a fault names another', async () => {
    const broker = await startBroker();
    expect(() => broker.setFault({ kind: 'expire-locks', queue: 'missing' })).toThrow('plain, once');
  });
});

describe('the life of the local Service Bus broker', () => {
  it('goes on after all connections were cut, for sender and subscriber alike', async () => {
    const broker = await startBroker();
    const retryOptions = { maxRetries: 5, retryDelayInMs: 50, timeoutInMs: 2000 };
    const client = newClient(broker, { retryOptions });
    const seen: unknown[] = [];
    client.createReceiver('plain').subscribe({
      processMessage: async ({ body }) => {
        seen.push(body);
      },
      processError: async () => {},
    });
    const sender = client.createSender('plain');
    await sender.sendMessages({ body: 'before' });
    await eventually(() => {
      expect(seen).toEqual(['before']);
      expect(broker.counters().queues['plain']?.completes).toBe(1);
    });
    broker.dropConnections();
    await sender.sendMessages({ body: 'after' });
    await eventually(() => {
      expect(seen).toEqual(['before', 'after']);
    });
    expect(broker.counters().connections).toBeGreaterThan(1);
  });

  it('answers nothing while it hangs and everything afterwards, to old and new clients', async () => {
    const broker = await startBroker();
    const sender = newClient(broker).createSender('plain');
    await sender.sendMessages({ body: 'before' });
    broker.pause();
    let settled = 0;
    const sends = [sender, newClient(broker).createSender('plain')].map(async (each) => {
      await each.sendMessages({ body: 'during' });
      settled += 1;
    });
    // A full turn on the wire: another broker answers a new client completely meanwhile.
    await newClient(await startBroker())
      .createSender('plain')
      .sendMessages({ body: 'elsewhere' });
    expect(settled).toBe(0);
    expect(broker.queueState('plain').active).toBe(1);
    broker.resume();
    await Promise.all(sends);
    expect(broker.queueState('plain').active).toBe(3);
  });

  it('forgets everything on reset and keeps its connections', async () => {
    const broker = await startBroker();
    const sender = newClient(broker).createSender('once');
    await sender.sendMessages({ messageId: 'same', body: 1 });
    broker.setFault({ kind: 'refuse-sends', queue: 'once', as: 'quota-exceeded' });
    broker.reset();
    expect(broker.queueState('once').active).toBe(0);
    expect(broker.counters().total.operations).toBe(0);
    await sender.sendMessages({ messageId: 'same', body: 2 });
    expect(broker.peekAll('once')).toMatchObject([{ messageId: 'same', sequenceNumber: 1 }]);
    expect(broker.counters().connections).toBe(0);
  });

  it('is not harmed by clients that speak something else', async () => {
    const broker = await startBroker();
    await Promise.all(
      ['GET / HTTP/1.1\r\n\r\n', 'AMQP\u0003\u0001\u0000\u0000garbage garbage garbage', '\u0000'.repeat(64)].map(
        (noise) =>
          new Promise<void>((resolve) => {
            const socket = connect(broker.port, '127.0.0.1', () => socket.end(noise));
            socket.on('error', () => {});
            socket.on('close', () => {
              resolve();
            });
            socket.resume();
          }),
      ),
    );
    await newClient(broker).createSender('plain').sendMessages({ body: 1 });
    expect(broker.queueState('plain').active).toBe(1);
  });

  it('rejects when its port is taken', async () => {
    const { port } = await startBroker();
    await expect(startServiceBusBroker({ port, queues: [] })).rejects.toThrow('EADDRINUSE');
  });

  it('leaves nothing behind: the process ends by itself, though clients hung and were cut', async () => {
    const script = `
      import { once } from 'node:events';
      import { connect } from 'node:net';
      import { ServiceBusClient } from '@azure/service-bus';
      import { parseQueueDefinitions, startServiceBusBroker } from './local/service-bus/broker.ts';
      const queues = parseQueueDefinitions([{ name: 'plain', properties: {} }]);
      const broker = await startServiceBusBroker({ queues });
      const client = new ServiceBusClient(broker.connectionString, { retryOptions: { maxRetries: 0, timeoutInMs: 500 } });
      const sender = client.createSender('plain');
      await sender.sendMessages({ body: 1, scheduledEnqueueTimeUtc: new Date(Date.now() + 3600000) });
      broker.dropConnections();
      await sender.sendMessages({ body: 2 }).catch(() => {});
      await client.createReceiver('plain').receiveMessages(1, { maxWaitTimeInMs: 100 });
      await client.close();
      const stranger = connect(broker.port, '127.0.0.1');
      await once(stranger, 'connect');
      broker.pause();
      const late = connect(broker.port, '127.0.0.1');
      await once(late, 'connect');
      await Promise.all([once(stranger, 'close'), once(late, 'close'), broker.close()]);
      console.log('closed');`;
    const options = ['--experimental-strip-types', '--disable-warning=ExperimentalWarning', '--input-type=module'];
    const { stdout } = await promisify(execFile)(process.execPath, [...options, '--eval', script], {
      timeout: 15_000,
    });
    expect(stdout).toBe('closed\n');
  }, 20_000);
});
