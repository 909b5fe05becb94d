// What the app asks of Graph, Service Bus and storage for each mail, by the emulators' own counters.
import { randomUUID } from 'node:crypto';
import { countedOperations, isIdle } from '../../local/start/counted-operations.ts';
import { startWholeApp, until, type WholeApp } from '../support/app/whole-app.ts';

export interface PerMail {
  mails: number;
  graphRequests: number;
  busOperations: number;
  tableCalls: number;
  blobCalls: number;
}

const mailboxes = (count: number) =>
  Array.from({ length: count }, (_, index) => ({
    id: randomUUID(),
    address: `mailbox-${index}@northwind.example`,
    displayName: `Mailbox ${index}`,
  }));

async function measure(app: WholeApp, feed: () => Promise<string[]>): Promise<PerMail> {
  const before = countedOperations(app.environment);
  const sent = await feed();
  await until('every mail arrived', () => app.events.length >= sent.length);
  // Graph's notifications of a burst trickle in at twenty a second; they count, so they are waited for.
  await until('the work is done', () => isIdle(app.environment), 300_000);
  const after = countedOperations(app.environment);
  if (new Set(app.received()).size !== sent.length || after.sends - before.sends !== sent.length)
    throw new Error(`${sent.length} mails sent, ${app.events.length} received, ${after.sends - before.sends} sends.`);
  const each = (total: number) => Math.round((total / sent.length) * 1000) / 1000;
  return {
    mails: sent.length,
    graphRequests: each(after.graphRequests - before.graphRequests),
    busOperations: each(after.busOperations - before.busOperations),
    tableCalls: each(after.tableCalls - before.tableCalls),
    blobCalls: each(after.blobCalls - before.blobCalls),
  };
}

async function withApp<T>(count: number, work: (app: WholeApp) => Promise<T>): Promise<T> {
  const app = await startWholeApp({ mailboxes: mailboxes(count) });
  try {
    await until('the first looks are over', () => isIdle(app.environment));
    // Set-up is counted apart: three minutes after a subscription was made the mailbox is looked at once more.
    app.environment.advanceClock(200_000);
    await until(
      'the second looks are over',
      () => app.environment.serviceBus.queueState('mailbox-work').scheduled === 0,
    );
    await until('the second looks are done', () => isIdle(app.environment));
    return await work(app);
  } finally {
    await app.close();
  }
}

/** One mail a minute in each mailbox; the minutes pass on the emulators' clock. Catch-up and reports count. */
export const trickle = (count: number, minutes: number): Promise<PerMail> =>
  withApp(count, (app) =>
    measure(app, async () => {
      const sent: string[] = [];
      for (let minute = 0; minute < minutes; minute++) {
        app.environment.advanceClock(60_000);
        for (let mailbox = 0; mailbox < count; mailbox++) sent.push(...app.deliver(1, mailbox));
        await until('the minute is over', () => app.events.length >= sent.length && isIdle(app.environment));
        await app.run('reconcileMailboxes');
      }
      return sent;
    }),
  );

/** `perMailbox` mails in each mailbox as fast as the emulator takes them, in waves. */
export const burst = (count: number, perMailbox: number): Promise<PerMail> =>
  withApp(count, (app) =>
    measure(app, async () => {
      const sent: string[] = [];
      const waves = 10;
      for (let wave = 0; wave < waves; wave++) {
        for (let mailbox = 0; mailbox < count; mailbox++) sent.push(...app.deliver(perMailbox / waves, mailbox));
        await until('the wave is under way', () => app.events.length >= sent.length / 2);
      }
      return sent;
    }),
  );
