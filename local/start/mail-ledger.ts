// What was fed and what came out: the independent count of lost and doubled mails.
import type { MailEvent } from './mail-event.ts';

/** A mail that was fed. `id` is the immutable id the mailbox gave it. */
export type SentMail = { name: string; mailboxId: string; id: string; internetMessageId: string; sentAtMs: number };

/** A mail event that the CRM took from the queue. */
export type Arrival = { mailboxId: string; id: string; internetMessageId: string; arrivedAtMs: number };

/** The books of a run. */
export type Books = {
  sent: number;
  received: number;
  lost: SentMail[];
  /** Arrivals beyond the first of the same mail. */
  duplicated: Arrival[];
  /** Arrivals that belong to no mail fed here. */
  foreign: Arrival[];
  /** From feeding to the CRM, for the first arrival of each mail. */
  latenciesMs: number[];
};

const keyOf = (mail: { mailboxId: string; id: string }): string => `${mail.mailboxId.toLowerCase()} ${mail.id}`;

/** Turns a mail event into an arrival. */
export function toArrival(event: MailEvent, arrivedAtMs: number): Arrival {
  const { mailbox, message } = event;
  return {
    mailboxId: mailbox.id,
    id: message.id,
    internetMessageId: message.internetMessageId ?? '',
    arrivedAtMs,
  };
}

/** Keeps the books. An arrival may be noted before its mail: the queue can be faster than the answer to the feeder. */
export class MailLedger {
  #sent = new Map<string, SentMail>();
  #first = new Map<string, Arrival>();
  #again: Arrival[] = [];

  sent(mail: SentMail): void {
    this.#sent.set(keyOf(mail), mail);
  }

  /** Notes an arrival; true if it is the first of its mail. */
  arrived(arrival: Arrival): boolean {
    const key = keyOf(arrival);
    if (this.#first.has(key)) {
      this.#again.push(arrival);
      return false;
    }
    this.#first.set(key, arrival);
    return true;
  }

  get sentCount(): number {
    return this.#sent.size;
  }

  get receivedCount(): number {
    return this.#first.size + this.#again.length;
  }

  /** True once every mail fed so far has arrived. */
  get isComplete(): boolean {
    for (const key of this.#sent.keys()) if (!this.#first.has(key)) return false;
    return true;
  }

  /** From feeding to this arrival, once both are known. */
  latencyMs(arrival: Arrival): number | undefined {
    const mail = this.#sent.get(keyOf(arrival));
    return mail && arrival.arrivedAtMs - mail.sentAtMs;
  }

  books(): Books {
    const latenciesMs: number[] = [];
    const lost: SentMail[] = [];
    for (const [key, mail] of this.#sent) {
      const arrival = this.#first.get(key);
      if (arrival === undefined) lost.push(mail);
      else latenciesMs.push(arrival.arrivedAtMs - mail.sentAtMs);
    }
    const foreign = [...this.#first].filter(([key]) => !this.#sent.has(key)).map(([, arrival]) => arrival);
    return { sent: this.#sent.size, received: this.receivedCount, lost, duplicated: this.#again, foreign, latenciesMs };
  }
}
