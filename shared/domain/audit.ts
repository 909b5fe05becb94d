import type { Chain, Gap } from './delta.ts';
import type { FoundBy } from './delivery.ts';

/** What an audit has counted of the mails received in its stretch of time, by what brought them. */
export interface AuditCounts {
  notification: number;
  catchUp: number;
  audit: number;
  /** Listed by Graph but not on the CRM queue: failing, parked, or not readable by id. */
  missing: number;
}

/** An audit of one folder under way: where its listing stands, up to when it goes, what it has counted. */
export interface Audit {
  at: Gap;
  to: Date;
  counts: AuditCounts;
}

/** The outcome of a finished audit of one folder. */
export interface AuditResult extends AuditCounts {
  /** Short folder hash. */
  folder: string;
  from: Date;
  to: Date;
}

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** An audit that broke off goes on after this time. */
export const AUDIT_AGAIN_MS = HOUR_MS;

export const NOTHING_COUNTED: AuditCounts = { notification: 0, catchUp: 0, audit: 0, missing: 0 };

const COUNTED_AS: Readonly<Record<FoundBy, keyof AuditCounts>> = {
  notification: 'notification',
  'catch-up': 'catchUp',
  audit: 'audit',
};

export const counted = (counts: AuditCounts, by: FoundBy | 'missing'): AuditCounts => {
  const name = by === 'missing' ? 'missing' : COUNTED_AS[by];
  return { ...counts, [name]: counts[name] + 1 };
};

/** A day after the watch began, and then a day after each audit that finished; one under way is due until it ends. */
export const isAuditDue = (chain: Chain, now: number): boolean =>
  (chain.auditAt ?? nextAudit(chain.watchStart.getTime())).getTime() <= now;

export const nextAudit = (now: number): Date => new Date(now + DAY_MS);

/**
 * An audit from an hour before the end of the last finished one up to a catch-up interval ago: what is younger may be
 * on its way. `undefined`: nothing is old enough.
 */
export function beginAudit(chain: Chain, now: number, catchUpMs: number): Audit | undefined {
  const watchStart = chain.watchStart.getTime();
  const start = new Date(Math.max(watchStart, (chain.auditedTo?.getTime() ?? watchStart) - HOUR_MS));
  const to = new Date(now - catchUpMs);
  if (to <= start) return undefined;
  return { at: { by: 'lastModifiedDateTime', from: start, skip: 0, start }, to, counts: NOTHING_COUNTED };
}
