import { messageIdOf } from '../../../shared/domain/delivery.ts';
import { TENANT } from '../../support/builders.ts';
import type { FakeCrmQueue } from '../../support/fakes/crm-queue-fake.ts';

/** Which mails must arrive, and what came of them. */
export class MailBooks {
  readonly #deliveredAt = new Map<string, { mailbox: string; at: number }>();
  readonly #crmQueue: FakeCrmQueue;
  readonly #now: () => number;

  constructor(crmQueue: FakeCrmQueue, now: () => number) {
    this.#crmQueue = crmQueue;
    this.#now = now;
  }

  /** Counts a mail among those that must arrive, from now on. */
  expect(mailbox: string, id: string): void {
    this.#deliveredAt.set(messageIdOf(TENANT, mailbox, id), { mailbox, at: this.#now() });
  }

  /** Takes a mail out of those that must arrive. */
  forgo(mailbox: string, id: string): void {
    this.#deliveredAt.delete(messageIdOf(TENANT, mailbox, id));
  }

  /** MessageIds that the CRM got, each time it got them. */
  arrivals(): string[] {
    return this.#crmQueue.events.map(({ messageId }) => messageId);
  }

  /** Mails that were delivered and did not arrive, and MessageIds that arrived unasked for or more than once. */
  difference(): { missing: number; extra: number } {
    const arrived = this.arrivals();
    const once = new Set(arrived);
    const missing = [...this.#deliveredAt.keys()].filter((id) => !once.has(id)).length;
    const extra = arrived.length - [...once].filter((id) => this.#deliveredAt.has(id)).length;
    return { missing, extra };
  }

  /** How long each arrived mail took, in ms; those of the mailboxes that `of` accepts. */
  delays(of: (mailbox: string) => boolean = () => true): number[] {
    const delays = new Map<string, number>();
    for (const { messageId, at } of this.#crmQueue.sends) {
      const known = this.#deliveredAt.get(messageId);
      if (known && !delays.has(messageId) && of(known.mailbox)) delays.set(messageId, at - known.at);
    }
    return [...delays.values()];
  }

  /** How many mail events went out with the last send. */
  lastPublish(): number {
    const { sends } = this.#crmQueue;
    const last = sends.at(-1)?.at;
    return sends.slice(-1_000).filter(({ at }) => at === last).length;
  }
}
