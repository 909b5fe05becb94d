import { ServiceBusClient } from '@azure/service-bus';
import { afterEach, describe, expect, test } from 'vitest';
import { eventually, expectExactlyOnce } from '../support/app/eventually.ts';
import { startWholeApp, type WholeApp } from '../support/app/whole-app.ts';

const DELIVERIES = 10;

let app: WholeApp;
afterEach(() => app.close());

/** Puts bodies on the work queue, and gives them back until the broker gives up on them: no worker ever ran. */
async function wearOut(bodies: object[]): Promise<void> {
  const { settings, serviceBus } = app.environment;
  const client = new ServiceBusClient(settings.serviceBusConnectionString);
  const messages = bodies.map((body) => ({ body: Buffer.from(JSON.stringify(body)) }));
  await client.createSender('mailbox-work').sendMessages(messages);
  const receiver = client.createReceiver('mailbox-work');
  while (serviceBus.queueState('mailbox-work').deadLettered < bodies.length)
    for (const message of await receiver.receiveMessages(50, { maxWaitTimeInMs: 1_000 }))
      await receiver.abandonMessage(message);
  await client.close();
}

describe('rings that were delivered ten times without a worker', () => {
  test('ring again when the app is back, and what is no ring stays for the operator [F58, F59, F74]', async () => {
    app = await startWholeApp();
    const { graph, serviceBus, mailboxes } = app.environment;
    await app.stopHost();
    graph.control.setNotifications({ off: true });
    const sent = mailboxes.map((_, index) => app.deliver(5, index));
    const rings = mailboxes.map(({ id }, index) => ({ v: 1, mailbox: id, folders: [], ids: sent[index] ?? [] }));
    await wearOut([...Array.from({ length: 5 }, (_, number) => ({ junk: number })), ...rings]);
    const [dead] = serviceBus.peekAll('mailbox-work', 'dead-letters');
    expect(dead?.deliveryCount).toBeGreaterThanOrEqual(DELIVERIES);

    await app.startHost();
    await eventually(() => app.received().length).toBe(sent.flat().length);
    expectExactlyOnce(app.received(), sent.flat());
    await eventually(() => serviceBus.queueState('mailbox-work')).toMatchObject({
      active: 0,
      locked: 0,
      deadLettered: 5,
    });
  }, 90_000);
});
