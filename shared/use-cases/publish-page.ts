import pLimit from 'p-limit';
import {
  DATED_SINCE,
  type Delivery,
  type FoundBy,
  isDecided,
  isUnfinished,
  ledgerKey,
  replayIdOf,
} from '../domain/delivery.ts';
import { isWanted, type Mail, type PageEntry } from '../domain/mail.ts';
import { LaneLostError, MailboxUnavailableError, TransientError } from '../errors.ts';
import { log } from '../log.ts';
import type { Ports } from '../ports.ts';
import type { NoteFailure } from './note-failure.ts';
import type { Home, PreparedEvent, PrepareEvent } from './prepare-event.ts';

export interface PageContext {
  mailbox: string;
  /** `undefined`: the mail is in no watched folder. */
  homeOf(mail: Mail): Home | undefined;
  signal: AbortSignal;
  /** Ledger rows of these mails, as far as there are any. */
  find(entries: { key: string; receivedAt: Date }[]): Promise<ReadonlyMap<string, Delivery>>;
  /** Rows of failing and parked mails, newest first. */
  unfinished(): Delivery[];
  /** Failing and parked mails of the page are tried once more. */
  retry: boolean;
  /** What is new on this page is parked without being looked at. */
  setAside: boolean;
  /** Looks at this mailbox that failed in a row, this one not counted. */
  failures: number;
  /** What brought a mail to light. */
  foundBy(id: string): FoundBy;
  /** What was published is sent once more in this run. */
  replay?: string;
  /** Stores that these are about to be sent. */
  announce(rows: Delivery[]): Promise<void>;
}

export interface PublishedPage {
  /** Rows to be stored with the link of the page. */
  deliveries: Delivery[];
  published: number;
  known: number;
  /** Named, but not in the mailbox or in no watched folder. */
  missing: { id: string; why: 'gone' | 'elsewhere' }[];
}

/** A mail that failed, perhaps for its own reasons. */
interface Suspect {
  id: string;
  /** Row key, by its received time where that is known. */
  key: string;
  row: Delivery | undefined;
  error: unknown;
}

type Deps = Pick<Ports, 'mail' | 'crmQueue'> & { prepareEvent: PrepareEvent; noteFailure: NoteFailure };

/** Outlook serves four requests at once per app and mailbox (throttling-limits, 2026-02). */
const AT_ONCE = 4;

// These concern the mailbox, the worker or the moment; anything else that goes wrong is the mail's own fault.
const concernsAll = (error: unknown) =>
  error instanceof TransientError || error instanceof MailboxUnavailableError || error instanceof LaneLostError;

/** Graph failed on this one mail: its body, its attachments, itself. Throttling and sign-in are everybody's. */
const isOfOneMail = (error: unknown) =>
  error instanceof TransientError && error.code.startsWith('graph:') && !/^graph:(401|429)/.test(error.code);

/** Failed looks before a mail is held to be the cause while others go through, and before it is even if it is alone. */
const PATIENCE = 2;
const PATIENCE_ALONE = 5;

const receivedAtOf = (entry: PageEntry) =>
  entry.kind === 'mail' ? entry.mail.receivedAt : entry.kind === 'partial' ? entry.receivedAt : undefined;

/**
 * The one way from a page of mails to the CRM queue: wanted mails that the ledger does not know become mail events.
 * Order: claim checks, then the ledger's note of what refers to them, then the queue, then (by the caller) the ledger. A
 * crash in between repeats the same sends with the same MessageIds. A mail that fails for its own reasons gets a `failing`
 * row and a ring of its own; the rest flows.
 */
export function makePublishPage({ mail, crmQueue, prepareEvent, noteFailure }: Deps) {
  return async (entries: PageEntry[], context: PageContext): Promise<PublishedPage> => {
    // A mailbox that was too busy for four is asked more gently until a look succeeds.
    const limit = pLimit(Math.max(1, AT_ONCE >> context.failures));
    const halt = new AbortController();
    const signal = AbortSignal.any([context.signal, halt.signal]);
    const { mailbox } = context;
    const now = mail.clock.now();
    const deliveries: Delivery[] = [];
    const missing: PublishedPage['missing'] = [];
    const ready: { event: PreparedEvent; row: Delivery; receivedAt: Date }[] = [];
    const suspects: Suspect[] = [];
    let known = 0;

    const unique = new Map<string, PageEntry>();
    for (const entry of entries) {
      const id = entry.kind === 'mail' ? entry.mail.id : entry.id;
      if (id === undefined) log('error', 'page entry unreadable', { mailbox, reason: 'no id' });
      else unique.set(id, entry);
    }
    const dated = [...unique].flatMap(([id, entry]) => {
      const receivedAt = receivedAtOf(entry);
      return receivedAt ? [{ id, key: ledgerKey(receivedAt, id), receivedAt }] : [];
    });
    const rows = dated.length > 0 ? await context.find(dated) : new Map<string, Delivery>();
    const keys = new Map(dated.map(({ id, key }) => [id, key]));
    const notes = Map.groupBy(context.unfinished(), (row) => row.id);
    // The oldest is under its received time, if one of them is: a mail fails after it was received.
    const failedBefore = (id: string) => notes.get(id)?.at(-1);
    const isReplayed = (row: Delivery | undefined) => context.replay !== undefined && row?.state === 'published';
    const isSettled = (row: Delivery) => isDecided(row) && !(context.retry && isUnfinished(row)) && !isReplayed(row);

    async function read(id: string, entry: PageEntry): Promise<Mail | undefined> {
      if (entry.kind === 'mail') return entry.mail;
      const fetched = await mail.getMail(mailbox, id, signal);
      if (fetched !== 'gone') return fetched;
      missing.push({ id, why: 'gone' });
      return undefined;
    }

    /** What the ledger says about a mail, asked again only where its received time was not known before. */
    async function rowOf(item: Mail): Promise<Delivery | undefined> {
      const key = ledgerKey(item.receivedAt, item.id);
      const row =
        keys.get(item.id) === key
          ? rows.get(key)
          : (await context.find([{ key, receivedAt: item.receivedAt }])).get(key);
      return row ?? failedBefore(item.id);
    }

    /** Closes every note of a failure of this mail but the row under `key`: a mail has one row. */
    const closeNotes = (id: string, key: string | undefined, reason = DATED_SINCE): Delivery[] =>
      (notes.get(id) ?? [])
        .filter((row) => row.key !== key)
        .map((row) => ({ ...row, state: 'gone', reason, recordedAt: new Date(now) }));

    const settleKnown = (id: string, row: Delivery | undefined): boolean => {
      if (row === undefined || !isSettled(row)) return false;
      known++;
      if (!isUnfinished(row)) deliveries.push(...closeNotes(id, row.key));
      return true;
    };

    const failed = async ({ id, key, row, error }: Suspect): Promise<void> => {
      deliveries.push(await noteFailure(mailbox, { id, key, before: row, error }), ...closeNotes(id, key));
    };

    async function handle(id: string, entry: PageEntry): Promise<void> {
      let row = rows.get(keys.get(id) ?? '') ?? failedBefore(id);
      if (settleKnown(id, row)) return;
      let key = keys.get(id) ?? row?.key ?? ledgerKey(new Date(now), id);
      try {
        const item = await read(id, entry);
        if (!item) return;
        row = await rowOf(item);
        if (settleKnown(id, row)) return;
        const home = context.homeOf(item);
        if (!home) {
          missing.push({ id, why: 'elsewhere' });
          return;
        }
        if (!isWanted(item, home.watchStart, now)) {
          // What could not be read turns out to be a draft, or has failed for so long that it is old mail by now.
          deliveries.push(...closeNotes(id, undefined, 'not wanted'));
          return;
        }
        key = ledgerKey(item.receivedAt, item.id);
        if (context.setAside) {
          const reason = 'workers die on it';
          log('error', 'mail parked', { mailbox, mail: id, reason });
          deliveries.push({ key, id, state: 'parked', attempts: 0, reason, recordedAt: new Date(now) });
          deliveries.push(...closeNotes(id, key));
          return;
        }
        const prepared = await prepareEvent(item, key, home, mailbox, signal);
        const { replay } = context;
        const event =
          replay !== undefined && isReplayed(row)
            ? { ...prepared, messageId: replayIdOf(replay, prepared.messageId) }
            : prepared;
        const foundBy = row?.foundBy ?? context.foundBy(id);
        const published: Delivery = { key, id, state: 'published', attempts: 0, foundBy, recordedAt: new Date(now) };
        ready.push({ event, row: published, receivedAt: item.receivedAt });
      } catch (error) {
        if (signal.aborted) throw error;
        if (isOfOneMail(error) && (context.retry || context.failures >= PATIENCE)) {
          suspects.push({ id, key, row, error });
          // So many at once look like an outage, in which the others need not be asked for; if it lasts, they are.
          const isFew = suspects.length < AT_ONCE || context.failures >= PATIENCE_ALONE;
          if (context.retry || ready.length > 0 || isFew) return;
          throw error;
        }
        if (concernsAll(error)) throw error;
        await failed({ id, key, row, error });
      }
    }

    let cause: unknown;
    const stopAtFirst = async (id: string, entry: PageEntry): Promise<void> => {
      if (signal.aborted) return;
      try {
        await handle(id, entry);
      } catch (error) {
        // No request is left running behind the lane's back, and none is sent into a throttled mailbox.
        cause ??= error;
        halt.abort();
      }
    };
    await Promise.all([...unique].map(([id, entry]) => limit(() => stopAtFirst(id, entry))));
    const [suspect] = suspects;
    const isAlone = suspects.length === 1 && context.failures >= PATIENCE_ALONE;
    const blameTheMail = context.retry || ready.length > 0 || isAlone;
    if (suspect && !blameTheMail) cause ??= suspect.error;
    if (cause !== undefined) throw cause instanceof Error ? cause : new TransientError('unknown', { cause });
    if (context.signal.aborted) throw new LaneLostError();
    for (const item of suspects) await failed(item);
    const sending = ready
      .filter(({ event }) => event.hasBlobs)
      .map(({ row }) => ({ ...row, state: 'sending' as const }));
    if (sending.length > 0) await context.announce(sending);
    if (ready.length > 0) await crmQueue.publish(ready.map(({ event: { messageId, body } }) => ({ messageId, body })));
    for (const { event, row, receivedAt } of ready) {
      deliveries.push(row, ...closeNotes(row.id, row.key));
      const waitMs = now - receivedAt.getTime();
      log('info', 'mail published', { mailbox, messageId: event.messageId, waitMs });
    }
    return { deliveries, published: ready.length, known, missing };
  };
}

export type PublishPage = ReturnType<typeof makePublishPage>;
