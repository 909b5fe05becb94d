import pLimit from 'p-limit';
import { type Delivery, isUnfinished, ledgerKey, messageIdOf, PARK_AT } from '../domain/delivery.ts';
import { isWanted, type Mail, type PageEntry } from '../domain/mail.ts';
import { fitEvent, type Place, toMailEvent } from '../domain/mail-event.ts';
import { errorCode, LaneLostError, MailboxUnavailableError, TransientError } from '../errors.ts';
import { log } from '../log.ts';
import type { OutgoingEvent, Ports } from '../ports.ts';

export interface PageContext extends Place {
  watchStart: Date;
  signal: AbortSignal;
  /** What the ledger says about a mail; asked only for mails that are wanted. */
  find(entries: { key: string; receivedAt: Date }[]): Promise<ReadonlyMap<string, Delivery>>;
  /** Failing and parked mails are tried again only when a ring asks for them. */
  retry: boolean;
}

export interface PublishedPage {
  /** Rows to be stored with the link of the page. */
  deliveries: Delivery[];
  published: number;
  known: number;
}

export interface PublishOptions {
  tenant: string;
  includeMime: boolean;
  includeAttachments: boolean;
}

type Deps = Pick<Ports, 'mail' | 'crmQueue' | 'workQueue' | 'claims' | 'random'> & { options: PublishOptions };

/** Outlook serves four requests at once per app and mailbox (throttling-limits, 2026-02). */
const AT_ONCE = 4;
const RETRY_FIRST_MS = 60_000;

// These concern the mailbox, the worker or the moment; anything else that goes wrong is the mail's own fault.
const concernsAll = (error: unknown) =>
  error instanceof TransientError || error instanceof MailboxUnavailableError || error instanceof LaneLostError;

/**
 * The one way from a page of mails to the CRM queue: wanted mails that the ledger does not know become mail events.
 * Order: claim checks, then the queue, then (by the caller) the ledger. A crash in between repeats the same sends with
 * the same MessageIds. A mail that fails for its own reasons gets a `failing` row and a ring of its own; the rest flows.
 */
export function makePublishPage({ mail, crmQueue, workQueue, claims, random, options }: Deps) {
  const limit = pLimit(AT_ONCE);

  async function complete(entry: PageEntry, context: PageContext): Promise<Mail | undefined> {
    if (entry.kind === 'mail') return entry.mail;
    if (entry.id === undefined) return undefined;
    const fetched = await limit(() => mail.getMail(context.mailbox, entry.id ?? '', context.signal));
    return fetched === 'gone' ? undefined : fetched;
  }

  async function prepare(item: Mail, key: string, context: PageContext): Promise<OutgoingEvent> {
    const messageId = messageIdOf(options.tenant, context.mailbox, item.id);
    const event = toMailEvent(item, context, messageId);
    const folder = `${context.mailbox}/${key.replaceAll(':', '-')}`;
    const message = event.data.message;
    if (message && options.includeMime) {
      const content = await limit(() => mail.openMime(context.mailbox, item.id, context.signal));
      message.mime = await claims.copy(`${folder}/mime`, 'message/rfc822', content);
    }
    if (message && options.includeAttachments) {
      for (const [position, attachment] of message.attachments.entries()) {
        if (attachment.kind === 'reference') continue;
        const content = await limit(() => mail.openAttachment(context.mailbox, item.id, attachment.id, context.signal));
        const type = attachment.contentType ?? 'application/octet-stream';
        attachment.claimCheck = await claims.copy(`${folder}/attachment-${position}`, type, content);
      }
    }
    const { body, parts } = fitEvent(event, claims.container, folder);
    for (const part of parts) await claims.put(part);
    return { messageId, body };
  }

  /** Sends the retry ring before the row is stored: a row without a ring would wait for ever. */
  async function fail(id: string, key: string, before: Delivery | undefined, error: unknown, context: PageContext) {
    const attempts = (before?.attempts ?? 0) + 1;
    const parked = attempts >= PARK_AT;
    const reason = errorCode(error);
    log('error', parked ? 'mail parked' : 'mail failing', {
      mailbox: context.mailbox,
      mail: id,
      code: reason,
      attempt: attempts,
    });
    if (!parked) {
      const wait = RETRY_FIRST_MS * 2 ** (attempts - 1) * (1 + random() / 2);
      const ring = { mailbox: context.mailbox, folders: [], ids: [id], look: 'retry' as const };
      await workQueue.send([ring], { at: new Date(mail.clock.now() + wait) });
    }
    const state = parked ? ('parked' as const) : ('failing' as const);
    return { key, id, state, attempts, reason, recordedAt: new Date(mail.clock.now()) };
  }

  return async (entries: PageEntry[], context: PageContext): Promise<PublishedPage> => {
    const deliveries: Delivery[] = [];
    const now = mail.clock.now();
    const unique = new Map<string, PageEntry>();
    for (const entry of entries) {
      const id = entry.kind === 'mail' ? entry.mail.id : entry.id;
      if (id === undefined) log('error', 'page entry unreadable', { mailbox: context.mailbox, reason: 'no id' });
      else unique.set(id, entry);
    }

    // Ledger first for what can be judged without fetching; a partial entry of a known mail costs no request.
    const datable = [...unique].flatMap(([id, entry]) => {
      const receivedAt =
        entry.kind === 'mail' ? entry.mail.receivedAt : entry.kind === 'partial' ? entry.receivedAt : undefined;
      return receivedAt ? [{ id, key: ledgerKey(receivedAt, id), receivedAt }] : [];
    });
    const rows = new Map(await context.find(datable));
    const settled = (row: Delivery | undefined) => row !== undefined && !(context.retry && isUnfinished(row));
    const known = new Set(datable.filter(({ key }) => settled(rows.get(key))).map(({ id }) => id));

    const events: OutgoingEvent[] = [];
    const sent: { mail: Mail; key: string }[] = [];
    await Promise.all(
      [...unique].map(async ([id, entry]) => {
        if (known.has(id)) return;
        let key = datable.find((item) => item.id === id)?.key ?? ledgerKey(new Date(now), id);
        try {
          const item = await complete(entry, context);
          if (!item || !isWanted(item, context.watchStart, now)) return;
          const itemKey = ledgerKey(item.receivedAt, item.id);
          if (itemKey !== key) {
            key = itemKey;
            const row = (await context.find([{ key, receivedAt: item.receivedAt }])).get(key);
            if (row) rows.set(key, row);
            if (settled(row)) {
              known.add(id);
              return;
            }
          }
          events.push(await prepare(item, key, context));
          sent.push({ mail: item, key });
        } catch (error) {
          if (concernsAll(error) || context.signal.aborted) throw error;
          deliveries.push(await fail(id, key, rows.get(key), error, context));
        }
      }),
    );

    if (events.length > 0) await crmQueue.publish(events);
    for (const { mail: item, key } of sent) {
      deliveries.push({ key, id: item.id, state: 'published', attempts: 0, recordedAt: new Date(now) });
      const messageId = messageIdOf(options.tenant, context.mailbox, item.id);
      log('info', 'mail published', { mailbox: context.mailbox, messageId, waitMs: now - item.receivedAt.getTime() });
    }
    return { deliveries, published: sent.length, known: known.size };
  };
}
