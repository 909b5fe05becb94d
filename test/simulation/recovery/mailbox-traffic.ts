import { TransientError } from '../../../shared/errors.ts';
import type { GraphMail } from '../../../shared/ports.ts';
import { readLink } from '../../support/fakes/delta-link.ts';

/** Requests for mail under way, by mailbox, over all processes; refuses what Graph would refuse. */
export class MailboxTraffic {
  readonly highest = new Map<string, number>();
  readonly requests = new Map<string, number>();
  refused = 0;
  /** A request that starts while this many are under way is answered with 429; per mailbox. */
  readonly room = new Map<string, number>();
  /** Answered with this until it is taken away; per mailbox. */
  readonly refusing = new Map<string, () => Error>();
  readonly #inFlight = new Map<string, number>();

  /** The port of one process, counted. */
  watch(mail: GraphMail): GraphMail {
    const of = <T>(mailbox: string, work: () => Promise<T>): Promise<T> => this.#pass(mailbox, work);
    return {
      ...mail,
      openChain: (mailbox, ...rest) => of(mailbox, () => mail.openChain(mailbox, ...rest)),
      followLink: (link, ...rest) => of(readLink(link).mailbox, () => mail.followLink(link, ...rest)),
      listSince: (mailbox, ...rest) => of(mailbox, () => mail.listSince(mailbox, ...rest)),
      getMail: (mailbox, ...rest) => of(mailbox, () => mail.getMail(mailbox, ...rest)),
      openMime: (mailbox, ...rest) => of(mailbox, () => mail.openMime(mailbox, ...rest)),
      openAttachment: (mailbox, ...rest) => of(mailbox, () => mail.openAttachment(mailbox, ...rest)),
    };
  }

  async #pass<T>(mailbox: string, work: () => Promise<T>): Promise<T> {
    const now = (this.#inFlight.get(mailbox) ?? 0) + 1;
    this.requests.set(mailbox, (this.requests.get(mailbox) ?? 0) + 1);
    this.highest.set(mailbox, Math.max(now, this.highest.get(mailbox) ?? 0));
    const refusal = this.refusing.get(mailbox);
    if (refusal || now > (this.room.get(mailbox) ?? Infinity)) {
      this.refused++;
      throw refusal?.() ?? new TransientError('graph:429', { retryAfterMs: 1_000 });
    }
    this.#inFlight.set(mailbox, now);
    try {
      return await work();
    } finally {
      this.#inFlight.set(mailbox, (this.#inFlight.get(mailbox) ?? 1) - 1);
    }
  }
}
