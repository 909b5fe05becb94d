import { ServiceBusClient } from '@azure/service-bus';

/** Puts a ring among the dead letters of the work queue, as a platform does that used up its deliveries; no host may run. */
export async function sendToDeadLetters(connectionString: string, ring: string): Promise<void> {
  const client = new ServiceBusClient(connectionString);
  try {
    await client
      .createSender('mailbox-work')
      .sendMessages({ body: Buffer.from(ring), contentType: 'application/json' });
    const receiver = client.createReceiver('mailbox-work', { skipParsingBodyAsJson: true });
    const [message] = await receiver.receiveMessages(1, { maxWaitTimeInMs: 5_000 });
    if (message === undefined) throw new Error('The ring for the dead letters did not come back.');
    await receiver.deadLetterMessage(message);
  } finally {
    await client.close();
  }
}
