import { AUDIT_AGAIN_MS, type Audit, beginAudit, counted, nextAudit } from '../domain/audit.ts';
import type { Chain } from '../domain/delta.ts';
import { isUnfinished, ledgerKey, receivedAtOf } from '../domain/delivery.ts';
import { isWanted, type PageEntry } from '../domain/mail.ts';
import { errorCode, LaneLostError, MailboxUnavailableError } from '../errors.ts';
import { log } from '../log.ts';
import type { Ports, WindowPage } from '../ports.ts';
import type { Walk, WalkEnd } from './follow-chain.ts';
import type { PublishPage, PublishedPage } from './publish-page.ts';

type Deps = Pick<Ports, 'mail' | 'deliveries'> & { publishPage: PublishPage; catchUpMs: number };

/** Ids only, so that a page may be larger than one of whole mails; what it lacks is still one page's work. */
const PAGE = 200;

interface Listed {
  id: string;
  key: string;
  receivedAt: Date;
  entry: PageEntry;
}

/**
 * The proof of completeness: once a day every mail of the folder is compared with the ledger, what it lacks is published,
 * and what brought each mail is counted. Like a gap it is listed by time of change, for mail moved in with an old date,
 * and then by time of receipt, which is what is counted. Each page is stored before the next is asked for.
 */
export function makeAuditFolder({ mail, deliveries, publishPage, catchUpMs }: Deps) {
  async function readPage(chain: Chain, audit: Audit, walk: Walk) {
    const { context, lane } = walk;
    const window = { ...audit.at, to: audit.to, idsOnly: true };
    const page = await mail.listSince(context.mailbox, chain.folderId, window, PAGE, lane.signal);
    const now = mail.clock.now();
    const listed = page.entries.flatMap((entry): Listed[] => {
      if (entry.kind !== 'partial' || !entry.receivedAt) return [];
      const { id, receivedAt, isDraft = false } = entry;
      if (!isWanted({ isDraft, receivedAt }, chain.watchStart, now)) return [];
      return [{ id, key: ledgerKey(receivedAt, id), receivedAt, entry }];
    });
    return { page, listed };
  }

  /** The next page lists the last second of this one again, unless that second alone filled it. */
  function countedHere(audit: Audit, page: WindowPage, listed: Listed[]): Listed[] {
    const isAgain = page.more && page.skip === 0 && page.from > audit.at.from;
    const next = wholeSecond(page.from);
    return isAgain ? listed.filter(({ receivedAt }) => wholeSecond(receivedAt) < next) : listed;
  }

  async function count(audit: Audit, listed: Listed[], published: PublishedPage, walk: Walk) {
    let { counts } = audit;
    if (audit.at.by === 'lastModifiedDateTime') {
      for (const row of published.deliveries)
        if (row.state === 'published' && receivedAtOf(row.key) < audit.at.start) counts = counted(counts, 'audit');
      return counts;
    }
    const rows = await walk.context.find(listed);
    const unreadable = new Set(published.missing.filter(({ why }) => why === 'gone').map(({ id }) => id));
    for (const { id, key } of listed) {
      const row = rows.get(key);
      if (row ? isUnfinished(row) : unreadable.has(id)) counts = counted(counts, 'missing');
      else if (row?.state === 'published') counts = counted(counts, row.foundBy ?? 'catch-up');
    }
    return counts;
  }

  async function walkThrough(start: Chain, first: Audit, walk: Walk): Promise<WalkEnd> {
    let chain: Chain = { ...start, audit: first };
    let audit: Audit | undefined = first;
    while (audit) {
      const { page, listed } = await readPage(chain, audit, walk);
      const published = await publishPage(
        listed.map(({ entry }) => entry),
        walk.context,
      );
      walk.stored(published);
      await walk.askAgain(published.missing);
      const counts = await count(audit, countedHere(audit, page, listed), published, walk);
      const done: Audit = audit;
      const { by, start: begin } = done.at;
      if (page.more) audit = { ...done, counts, at: { by, from: page.from, skip: page.skip, start: begin } };
      else if (by === 'lastModifiedDateTime')
        audit = { ...done, counts, at: { by: 'receivedDateTime', from: begin, skip: 0, start: begin } };
      else audit = undefined;
      const end = audit ? {} : { auditedTo: done.to, auditAt: nextAudit(deliveries.clock.now()) };
      chain = { ...chain, audit, ...end };
      const result = audit ? undefined : { folder: chain.folder, from: begin, to: done.to, ...counts };
      await walk.lane.record(
        {
          deliveries: published.deliveries,
          chain: { folder: chain.folder, changes: { audit, ...end } },
          ...(result && { audit: result }),
        },
        false,
      );
      if (result) log(counts.missing > 0 ? 'warn' : 'info', 'folder audited', fieldsOf(walk.context.mailbox, result));
      if (audit && walk.isOver()) return { chain, finished: false, released: false };
    }
    return { chain, finished: true, released: false };
  }

  return async (chain: Chain, walk: Walk): Promise<WalkEnd> => {
    const { mailbox } = walk.context;
    const audit = chain.audit ?? beginAudit(chain, deliveries.clock.now(), catchUpMs);
    if (!audit) return { chain, finished: true, released: false };
    try {
      return await walkThrough(chain, audit, walk);
    } catch (error) {
      if (error instanceof LaneLostError || error instanceof MailboxUnavailableError) throw error;
      if (isThrottling(errorCode(error)) || walk.lane.signal.aborted) throw error;
      // The mail itself was synced before: an audit that Graph or the store does not let through must not hold it up.
      const changes = { auditAt: new Date(deliveries.clock.now() + AUDIT_AGAIN_MS) };
      log('warn', 'audit broke off', { mailbox, folder: chain.folder, code: errorCode(error) });
      await deliveries.saveChain(mailbox, chain.folder, changes);
      return { chain: { ...chain, ...changes }, finished: true, released: false };
    }
  };
}

export type AuditFolder = ReturnType<typeof makeAuditFolder>;

const wholeSecond = (time: Date) => Math.floor(time.getTime() / 1000);

const isThrottling = (code: string) => code.startsWith('graph:429');

const fieldsOf = (mailbox: string, result: { folder: string } & Audit['counts']) => {
  const { folder, notification, catchUp, audit, missing } = result;
  return { mailbox, folder, notification, catchUp, audit, missing };
};
