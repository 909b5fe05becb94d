import type { Gap } from '../../../shared/domain/delta.ts';
import type { Mail } from '../../../shared/domain/mail.ts';
import { MailboxUnavailableError } from '../../../shared/errors.ts';
import type { DeltaAnswer } from '../../../shared/ports.ts';
import { aMail, INBOX } from '../../support/builders.ts';
import { chainLink, readLink } from '../../support/fakes/delta-link.ts';
import { FakeMailboxes } from '../../support/fakes/graph-mail-fake.ts';

/** An inbox of which only a rule is kept: mail number `n` of `count` was received at `receivedAt(n)`, ascending. */
export interface GeneratedInbox {
  count: number;
  receivedAt(n: number): number;
}

/** What Graph was asked for and gave away. */
export interface Shown {
  requests: number;
  mails: number;
  largestPage: number;
}

const second = (time: number) => Math.floor(time / 1000);

export const generatedId = (n: number): string => `AAgen-${n}=`;

/** Mailboxes too large to hold in memory, beside the small ones: their mails are made when they are shown. */
export class GeneratedMailboxes extends FakeMailboxes {
  readonly inboxes = new Map<string, GeneratedInbox>();
  readonly shown: Shown = { requests: 0, mails: 0, largestPage: 0 };
  /** Folders that were deleted, as `<mailbox>/<folder>`. */
  readonly removed = new Set<string>();
  #epoch = 0;

  override expireLinks(): void {
    super.expireLinks();
    this.#epoch++;
  }

  override open(mailbox: string, folderId: string, since: Date, size: number): DeltaAnswer {
    this.#admit(mailbox, folderId);
    const inbox = this.inboxes.get(mailbox);
    if (!inbox) return super.open(mailbox, folderId, since, size);
    const position = firstFrom(inbox, since.getTime());
    return this.#page(inbox, mailbox, { position, served: 0, since: since.getTime() }, size);
  }

  override follow(link: string, size: number): DeltaAnswer | 'expired' {
    const chain = readLink(link);
    this.#admit(chain.mailbox, chain.folderId);
    const inbox = this.inboxes.get(chain.mailbox);
    if (!inbox) return super.follow(link, size);
    return chain.epoch === this.#epoch ? this.#page(inbox, chain.mailbox, chain, size) : 'expired';
  }

  override read(mailbox: string, id: string): Mail | 'gone' {
    const inbox = this.inboxes.get(mailbox);
    if (!inbox) return super.read(mailbox, id);
    const n = Number(/^AAgen-(\d+)=$/.exec(id)?.[1]);
    return n < inbox.count ? mailOf(inbox, n) : 'gone';
  }

  /** A stream whose end takes no turn of the event loop: virtual time would run on meanwhile. */
  override content(id: string, text: string): ReadableStream<Uint8Array> {
    void super.content(id, '').cancel();
    return ReadableStream.from([Buffer.from(text)]);
  }

  override window(mailbox: string, folderId: string, gap: Gap, size: number) {
    this.#admit(mailbox, folderId);
    const inbox = this.inboxes.get(mailbox);
    if (!inbox) return super.window(mailbox, folderId, gap, size);
    const from = firstFrom(inbox, second(gap.from.getTime()) * 1000) + gap.skip;
    const count = Math.max(0, Math.min(size, inbox.count - from));
    this.#note(count);
    return Array.from({ length: count }, (_, index) => ({
      entry: { kind: 'mail' as const, mail: mailOf(inbox, from + index) },
      at: inbox.receivedAt(from + index),
    }));
  }

  #admit(mailbox: string, folderId: string): void {
    if (this.removed.has(`${mailbox}/${folderId}`)) throw new MailboxUnavailableError('not-found', 'graph:404');
  }

  #page(
    inbox: GeneratedInbox,
    mailbox: string,
    { position, served, since }: { position: number; served: number; since: number },
    size: number,
  ): DeltaAnswer {
    const count = Math.max(0, Math.min(size, inbox.count - position, this.deltaCap - served));
    this.#note(count);
    const at = { position: position + count, served: served + count };
    const more = at.position < inbox.count && at.served < this.deltaCap;
    const link = chainLink({ mailbox, folderId: INBOX, since, ...at, epoch: this.#epoch });
    const entries = Array.from({ length: count }, (_, index) => ({
      kind: 'mail' as const,
      mail: mailOf(inbox, position + index),
    }));
    return { entries, count, next: { kind: more ? 'next' : 'delta', link } };
  }

  #note(count: number): void {
    this.shown.requests++;
    this.shown.mails += count;
    this.shown.largestPage = Math.max(this.shown.largestPage, count);
  }
}

const mailOf = (inbox: GeneratedInbox, n: number): Mail =>
  aMail({ id: generatedId(n), receivedAt: new Date(inbox.receivedAt(n)), parentFolderId: INBOX });

/** Number of the first mail received at `time` or later. */
function firstFrom(inbox: GeneratedInbox, time: number): number {
  let low = 0;
  let high = inbox.count;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (inbox.receivedAt(middle) < time) low = middle + 1;
    else high = middle;
  }
  return low;
}
