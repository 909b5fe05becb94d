import { compose } from '../../../shared/compose.ts';
import type { Mail } from '../../../shared/domain/mail.ts';
import { aChain, aConfig, aFolder, aMail, INBOX, INBOX_KEY, MAILBOX } from '../../support/builders.ts';
import { Gate } from '../../support/fakes/gate.ts';
import type { MailOptions } from '../../support/fakes/graph-mail-fake.ts';
import { START } from '../../support/in-memory-ports.ts';
import { VirtualClock } from '../../support/virtual-clock.ts';
import { SteppingGate } from './stepping.ts';
import { makeStores, portsThrough } from './stores.ts';

/** One watched mailbox in sync, with processes whose calls can be ordered at will. */
export function makeSteppingWorld() {
  const clock = new VirtualClock(START);
  const stores = makeStores(clock, 1);
  stores.deliveries.of(MAILBOX).chains.set(INBOX_KEY, { ...aChain() });
  const expiresAt = new Date(START + 8e8);
  const subscription = stores.subscriptions.put({ mailbox: MAILBOX, folderId: INBOX, expiresAt, ours: true });
  stores.folders.put(aFolder({ subscription, expiresAt, renewAt: new Date(START + 4e8) }));
  const mails: Mail[] = [];

  return {
    clock,
    stores,
    /** Every mail that was delivered. */
    mails,

    deliver(options: MailOptions = {}): Mail {
      const mail = stores.mailboxes.add(MAILBOX, aMail(), options);
      mails.push(mail);
      return mail;
    },

    /** A process whose every call waits for its turn. `frozen`: it does not see time pass. */
    worker({ frozen = false } = {}) {
      const gate = new SteppingGate(clock);
      const after = frozen ? () => () => undefined : clock.after;
      const app = compose(aConfig(), portsThrough(stores, gate, after), new Date(START));
      /** Answers a ring; one that cannot be kept alive comes again. */
      const answer = (ring: object): Promise<void> =>
        app.processMailboxWork(ring).catch(() => stores.workQueue.put(JSON.stringify(ring)));
      return { gate, answer };
    },

    /** Whatever rings are left are answered by an ordinary process, until none is. */
    async finish(): Promise<void> {
      const app = compose(aConfig(), portsThrough(stores, new Gate(clock), clock.after), new Date(START));
      for (;;) {
        const received = stores.workQueue.receive();
        if (received) {
          await clock.runUntilDone(app.processMailboxWork(received.body));
          stores.workQueue.complete(received.number);
          continue;
        }
        const next = stores.workQueue.nextAt();
        if (next === undefined) return;
        await clock.advance(Math.max(0, next - clock.now()));
      }
    },

    /** MessageIds that the CRM got. */
    arrived: () => stores.crmQueue.events.map(({ messageId }) => messageId),
  };
}

export type SteppingWorld = ReturnType<typeof makeSteppingWorld>;

/** A ring as it lies on the queue. */
export const queuedRing = (look: string | undefined, ...ids: string[]) => ({
  v: 1,
  mailbox: MAILBOX,
  folders: [INBOX_KEY],
  ids,
  ...(look && { look }),
});
