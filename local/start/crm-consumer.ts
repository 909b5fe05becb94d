// The CRM side: takes mail events from its queue as any consumer would, with the official SDKs and nothing else.
import { ServiceBusClient } from '@azure/service-bus';
import { BlobServiceClient } from '@azure/storage-blob';
import { type MailEvent, readMailEvent } from './mail-event.ts';

/** What the consumer needs. */
export type CrmConsumerOptions = {
  serviceBusConnectionString: string;
  storageConnectionString: string;
  queue: string;
  onMailEvent(event: MailEvent, arrivedAtMs: number): void;
  /** A message that is no mail event, or a broken connection. */
  onProblem(text: string): void;
};

/** Starts consuming; each mail event is completed before it is shown. */
export function startCrmConsumer(options: CrmConsumerOptions): { close(): Promise<void> } {
  const client = new ServiceBusClient(options.serviceBusConnectionString);
  const blobs = BlobServiceClient.fromConnectionString(options.storageConnectionString);
  const receiver = client.createReceiver(options.queue, { receiveMode: 'peekLock' });
  let closing = false;
  receiver.subscribe(
    {
      async processMessage(message) {
        const arrivedAtMs = performance.now();
        let event: MailEvent;
        try {
          const body: unknown = message.body;
          event = await readMailEvent(body, async ({ container, blob }) => {
            const content = await blobs.getContainerClient(container).getBlobClient(blob).downloadToBuffer();
            return content.toString('utf8');
          });
        } catch (error) {
          const reason = error instanceof Error ? error.message : String(error);
          await receiver.deadLetterMessage(message, {
            deadLetterReason: 'unreadable',
            deadLetterErrorDescription: reason.slice(0, 1000),
          });
          options.onProblem(`The CRM could not read a message and dead-lettered it. ${reason}`);
          return;
        }
        await receiver.completeMessage(message);
        options.onMailEvent(event, arrivedAtMs);
      },
      processError({ error }) {
        if (!closing) options.onProblem(`The CRM has trouble with Service Bus: ${error.message}`);
        return Promise.resolve();
      },
    },
    { autoCompleteMessages: false, maxConcurrentCalls: 16 },
  );
  return {
    async close() {
      closing = true;
      await receiver.close();
      await client.close();
    },
  };
}
