import type { Mail, PageEntry } from '../../../shared/domain/mail.ts';
import {
  MailboxUnavailableError,
  type MailboxTrouble,
  PermanentError,
  TransientError,
} from '../../../shared/errors.ts';
import type { Clock, DeltaAnswer, GraphMail, Window } from '../../../shared/ports.ts';
import { chainLink, readLink } from './delta-link.ts';
import type { Gate } from './gate.ts';

/** How Graph shows a mail: whole, with fields left out, or in a form that cannot be read. */
type Shape = 'whole' | 'partial' | 'undated' | 'unreadable';

interface StoredMail {
  mail: Mail;
  folderId: string;
  modifiedAt: number;
  /** By id it can be read from then on. */
  readableAt: number;
  shape: Shape;
  /** Reading it by id fails for good this many more times. */
  breaks: number;
}

export interface MailOptions {
  /** Delta shows it this much later. */
  deltaLagMs?: number;
  /** Reading by id gives 404 for this long. */
  byIdLagMs?: number;
  shape?: Shape;
  breaks?: number;
}

interface Arrival {
  id: string;
  visibleAt: number;
}

const second = (time: number) => Math.floor(time / 1000);

/** All mailboxes of the tenant as Graph would show them: folders with an append-only log of arrivals. */
export class FakeMailboxes {
  /** Changing them makes every stored link out of date. */
  options = 'options-1';
  hasDelta = true;
  /** A filtered delta ends here without a word. */
  deltaCap = 5_000;
  /** Every next link leads to its own page. */
  linksToItself = false;
  /** Mailboxes that refuse us. */
  readonly troubles = new Map<string, MailboxTrouble>();
  /** What every request for one mail by its id comes to, its MIME and attachments included; by mail id. */
  readonly refusals = new Map<string, () => Error>();
  readonly clock: Clock;
  #epoch = 0;
  readonly #mails = new Map<string, Map<string, StoredMail>>();
  readonly #logs = new Map<string, Arrival[]>();

  constructor(clock: Clock) {
    this.clock = clock;
  }

  /** Delivers a mail into its folder. */
  add(mailbox: string, mail: Mail, options: MailOptions = {}): Mail {
    const now = this.clock.now();
    const { deltaLagMs = 0, byIdLagMs = 0, shape = 'whole', breaks = 0 } = options;
    const folderId = mail.parentFolderId ?? 'inbox-id';
    const stored = { mail: { ...mail, parentFolderId: folderId }, folderId, modifiedAt: now, shape, breaks };
    this.#of(mailbox).set(mail.id, { ...stored, readableAt: now + byIdLagMs });
    this.#arrive(mailbox, folderId, { id: mail.id, visibleAt: now + deltaLagMs });
    return stored.mail;
  }

  /** The user moves a mail; it keeps its id and its received time. */
  move(mailbox: string, id: string, folderId: string): void {
    const stored = this.#of(mailbox).get(id);
    if (!stored) return;
    stored.folderId = folderId;
    stored.mail = { ...stored.mail, parentFolderId: folderId };
    stored.modifiedAt = this.clock.now();
    this.#arrive(mailbox, folderId, { id, visibleAt: this.clock.now() });
  }

  remove(mailbox: string, id: string): void {
    this.#of(mailbox).delete(id);
  }

  /** The service forgets every delta token. */
  expireLinks(): void {
    this.#epoch++;
  }

  stored(mailbox: string, id: string): StoredMail | undefined {
    return this.#of(mailbox).get(id);
  }

  open(mailbox: string, folderId: string, since: Date, size: number): DeltaAnswer {
    this.#admit(mailbox);
    return this.#page({ mailbox, folderId, since: since.getTime(), position: 0, served: 0, epoch: this.#epoch }, size);
  }

  follow(link: string, size: number): DeltaAnswer | 'expired' {
    const chain = readLink(link);
    this.#admit(chain.mailbox);
    return chain.epoch === this.#epoch ? this.#page(chain, size) : 'expired';
  }

  read(mailbox: string, id: string): Mail | 'gone' {
    this.#admit(mailbox);
    this.#admitMail(id);
    const stored = this.#of(mailbox).get(id);
    if (!stored || stored.readableAt > this.clock.now()) return 'gone';
    if (stored.breaks > 0) {
      stored.breaks--;
      throw new PermanentError('graph:message-unreadable');
    }
    return structuredClone(stored.mail);
  }

  content(id: string, text: string): ReadableStream<Uint8Array> {
    this.#admitMail(id);
    return new Blob([text]).stream();
  }

  window(mailbox: string, folderId: string, { by, from, skip, to, idsOnly = false }: Window, size: number) {
    this.#admit(mailbox);
    const timeOf = (stored: StoredMail) =>
      by === 'receivedDateTime' ? stored.mail.receivedAt.getTime() : stored.modifiedAt;
    return [...this.#of(mailbox).values()]
      .filter((stored) => stored.folderId === folderId && second(timeOf(stored)) >= second(from.getTime()))
      .filter((stored) => !to || second(timeOf(stored)) < second(to.getTime()))
      .toSorted((a, b) => timeOf(a) - timeOf(b) || (a.mail.id < b.mail.id ? -1 : 1))
      .slice(skip, skip + size)
      .map((stored) => ({ entry: idsOnly ? toName(stored) : toEntry(stored), at: timeOf(stored) }));
  }

  #of(mailbox: string): Map<string, StoredMail> {
    const known = this.#mails.get(mailbox) ?? new Map<string, StoredMail>();
    this.#mails.set(mailbox, known);
    return known;
  }

  #arrive(mailbox: string, folderId: string, arrival: Arrival): void {
    const log = this.#logs.get(`${mailbox}/${folderId}`) ?? [];
    const later = log.findIndex((other) => other.visibleAt > arrival.visibleAt);
    log.splice(later === -1 ? log.length : later, 0, arrival);
    this.#logs.set(`${mailbox}/${folderId}`, log);
  }

  #admit(mailbox: string): void {
    const trouble = this.troubles.get(mailbox);
    if (trouble) throw new MailboxUnavailableError(trouble, trouble === 'no-access' ? 'graph:403' : 'graph:404');
  }

  #admitMail(id: string): void {
    const refusal = this.refusals.get(id);
    if (refusal) throw refusal();
  }

  #page(chain: ReturnType<typeof readLink>, size: number): DeltaAnswer {
    const log = this.#logs.get(`${chain.mailbox}/${chain.folderId}`) ?? [];
    const entries: PageEntry[] = [];
    let { position } = chain;
    const room = Math.min(size, this.deltaCap - chain.served);
    const shows = (arrival: Arrival) => {
      const stored = this.#of(chain.mailbox).get(arrival.id);
      const belongs = stored?.folderId === chain.folderId && stored.mail.receivedAt.getTime() >= chain.since;
      return belongs ? stored : undefined;
    };
    for (; position < log.length && entries.length < room; position++) {
      const arrival = log[position];
      if (!arrival || arrival.visibleAt > this.clock.now()) break;
      const stored = shows(arrival);
      if (stored) entries.push(toEntry(stored));
    }
    const served = chain.served + entries.length;
    const rest = log.slice(position).some((arrival) => arrival.visibleAt <= this.clock.now() && shows(arrival));
    const more = rest && served < this.deltaCap;
    const next = chainLink(this.linksToItself && more ? chain : { ...chain, position, served });
    return { entries, count: entries.length, next: { kind: more ? 'next' : 'delta', link: next } };
  }
}

const toName = ({ mail: { id, receivedAt, isDraft } }: StoredMail): PageEntry => ({
  kind: 'partial',
  id,
  receivedAt,
  ...(isDraft && { isDraft }),
});

function toEntry({ mail, shape }: StoredMail): PageEntry {
  if (shape === 'unreadable') return { kind: 'unreadable', id: mail.id, reason: 'unexpected form' };
  if (shape === 'whole') return { kind: 'mail', mail: structuredClone(mail) };
  return { kind: 'partial', id: mail.id, receivedAt: shape === 'partial' ? mail.receivedAt : undefined };
}

async function abortable<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
  const aborted = () => new TransientError('graph:no-answer');
  if (signal.aborted) throw aborted();
  let stop: () => void = () => undefined;
  const stopped = new Promise<never>((_, reject) => {
    stop = () => reject(aborted());
    signal.addEventListener('abort', stop, { once: true });
  });
  try {
    return await Promise.race([work(), stopped]);
  } finally {
    signal.removeEventListener('abort', stop);
  }
}

/** The port as one process sees it. */
export const fakeGraphMail = (mailboxes: FakeMailboxes, gate: Gate): GraphMail => ({
  clock: mailboxes.clock,
  hasDelta: mailboxes.hasDelta,
  isCurrent: (options) => options === mailboxes.options,
  openChain: (mailbox, folderId, since, size, signal) =>
    abortable(signal, () =>
      gate.pass('mail.openChain', () => ({
        ...mailboxes.open(mailbox, folderId, since, size),
        options: mailboxes.options,
      })),
    ),
  followLink: (link, size, signal) =>
    abortable(signal, () => gate.pass('mail.followLink', () => mailboxes.follow(link, size))),

  listSince: (mailbox, folderId, gap, size, signal) =>
    abortable(signal, () =>
      gate.pass('mail.listSince', () => {
        const rows = mailboxes.window(mailbox, folderId, gap, size);
        const last = rows.at(-1)?.at;
        const advanced = last !== undefined && second(last) > second(gap.from.getTime());
        const place = advanced ? { from: new Date(last), skip: 0 } : { from: gap.from, skip: gap.skip + rows.length };
        return { entries: rows.map((row) => row.entry), count: rows.length, ...place, more: rows.length >= size };
      }),
    ),

  getMail: (mailbox, id, signal) =>
    abortable(signal, () => gate.pass('mail.getMail', () => mailboxes.read(mailbox, id))),
  openMime: (mailbox, id, signal) =>
    abortable(signal, () => gate.pass('mail.openMime', () => mailboxes.content(id, `mime of ${mailbox} ${id}`))),
  openAttachment: (mailbox, id, attachment, signal) =>
    abortable(signal, () =>
      gate.pass('mail.openAttachment', () => mailboxes.content(id, `${attachment} of ${mailbox} ${id}`)),
    ),
});
