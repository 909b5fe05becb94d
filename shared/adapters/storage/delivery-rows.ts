import * as z from 'zod';
import { type Chain, type Replay, WHOLE_WATCH_MS } from '../../domain/delta.ts';
import type { Audit, AuditCounts, AuditResult } from '../../domain/audit.ts';
import { type Delivery, descending } from '../../domain/delivery.ts';
import type { Lane } from '../../domain/lane.ts';

/*
 * Rows of table `deliveries` as they are stored. A merge cannot clear a property (null is dropped on the way), so that
 * `''` stands for "none" in texts and the epoch in times.
 */

export const LANE_KEY = 'a';
const NEVER = new Date(0);

const none = (text: string) => (text === '' ? undefined : text);
const past = (time: Date) => (time.getTime() === 0 ? undefined : time);
// Azurite and the SDK give times as Date, a transaction's echo as text.
const time = z
  .union([z.date(), z.iso.datetime({ offset: true }).transform((text) => new Date(text))])
  // The table has no later one, and Graph takes years of four digits only.
  .refine((moment) => moment.getTime() < Date.UTC(10_000, 0));

const laneSchema = z.looseObject({
  holder: z.string(),
  leaseEnd: time,
  marked: z.boolean(),
  guardAt: time,
  failures: z.number(),
  at: z.string().default(''),
});

export function laneFrom(row: unknown): Lane {
  const { holder, leaseEnd, marked, guardAt, failures, at } = laneSchema.parse(row);
  return { holder, leaseEnd, marked, guardAt, failures, at };
}

export const laneRow = (mailbox: string, lane: Lane) => ({ partitionKey: mailbox, rowKey: LANE_KEY, ...lane });

const chainSchema = z.looseObject({
  rowKey: z.string().startsWith('c:'),
  folderId: z.string(),
  address: z.string().default(''),
  watchStart: time,
  wanted: z.boolean(),
  link: z.string().default('').transform(none),
  options: z.string().default('').transform(none),
  results: z.number().default(0),
  linkAt: time.default(NEVER).transform(past),
  gapBy: z.enum(['', 'lastModifiedDateTime', 'receivedDateTime']).default(''),
  gapFrom: time.default(NEVER),
  gapSkip: z.number().default(0),
  gapStart: time.default(NEVER),
  window: z.number().default(WHOLE_WATCH_MS),
  takeovers: z.number().default(0),
  reportedAt: time.default(NEVER).transform(past),
  auditBy: z.enum(['', 'lastModifiedDateTime', 'receivedDateTime']).default(''),
  auditFrom: time.default(NEVER),
  auditSkip: z.number().default(0),
  auditStart: time.default(NEVER),
  auditTo: time.default(NEVER),
  auditFound: z.string().default('0 0 0 0'),
  auditedTo: time.default(NEVER).transform(past),
  auditAt: time.default(NEVER).transform(past),
  replayRun: z.string().default(''),
  replayFrom: time.default(NEVER),
  replaySkip: z.number().default(0),
  replayTo: time.default(NEVER),
});

export const chainKey = (folder: string): string => `c:${folder}`;

export function chainFrom(row: unknown): Chain {
  const { rowKey, gapBy, gapFrom, gapSkip, gapStart, address, ...chain } = chainSchema.parse(row);
  const { auditBy, auditFrom, auditSkip, auditStart } = chain;
  return {
    folder: rowKey.slice(2),
    folderId: chain.folderId,
    address: none(address),
    watchStart: chain.watchStart,
    wanted: chain.wanted,
    link: chain.link,
    options: chain.options,
    results: chain.results,
    linkAt: chain.linkAt,
    gap: gapBy === '' ? undefined : { by: gapBy, from: gapFrom, skip: gapSkip, start: gapStart },
    window: chain.window,
    takeovers: chain.takeovers,
    reportedAt: chain.reportedAt,
    audit:
      auditBy === ''
        ? undefined
        : {
            at: { by: auditBy, from: auditFrom, skip: auditSkip, start: auditStart },
            to: chain.auditTo,
            counts: countsFrom(chain.auditFound),
          },
    auditedTo: chain.auditedTo,
    auditAt: chain.auditAt,
    replay: chain.replayRun === '' ? undefined : replayFrom(chain),
  };
}

const replayFrom = (row: Pick<z.infer<typeof chainSchema>, keyof ReturnType<typeof replayColumns>>): Replay => ({
  run: row.replayRun,
  at: { by: 'receivedDateTime', from: row.replayFrom, skip: row.replaySkip, start: row.replayFrom },
  to: row.replayTo,
});

const replayColumns = (replay: Replay | undefined) => ({
  replayRun: replay?.run ?? '',
  replayFrom: replay?.at.from ?? NEVER,
  replaySkip: replay?.at.skip ?? 0,
  replayTo: replay?.to ?? NEVER,
});

/** Four numbers in one text: notification, catch-up, audit, missing. */
function countsFrom(text: string): AuditCounts {
  const [notification = 0, catchUp = 0, audit = 0, missing = 0] = text.split(' ').map(Number);
  return { notification, catchUp, audit, missing };
}

const auditColumns = (audit: Audit | undefined) => ({
  auditBy: audit?.at.by ?? '',
  auditFrom: audit?.at.from ?? NEVER,
  auditSkip: audit?.at.skip ?? 0,
  auditStart: audit?.at.start ?? NEVER,
  auditTo: audit?.to ?? NEVER,
  auditFound: audit ? countsText(audit.counts) : '0 0 0 0',
});

const countsText = ({ notification, catchUp, audit, missing }: AuditCounts) =>
  [notification, catchUp, audit, missing].join(' ');

/** Only the properties named in `changes`; one that is named with `undefined` is cleared. */
export function chainRow(mailbox: string, folder: string, changes: Partial<Omit<Chain, 'folder'>>) {
  const { gap, link, options, linkAt, reportedAt, address, audit, auditedTo, auditAt, replay, ...rest } = changes;
  return {
    partitionKey: mailbox,
    rowKey: chainKey(folder),
    ...rest,
    ...('address' in changes && { address: address ?? '' }),
    ...('link' in changes && { link: link ?? '' }),
    ...('options' in changes && { options: options ?? '' }),
    ...('linkAt' in changes && { linkAt: linkAt ?? NEVER }),
    ...('reportedAt' in changes && { reportedAt: reportedAt ?? NEVER }),
    ...('gap' in changes && {
      gapBy: gap?.by ?? '',
      gapFrom: gap?.from ?? NEVER,
      gapSkip: gap?.skip ?? 0,
      gapStart: gap?.start ?? NEVER,
    }),
    ...('audit' in changes && auditColumns(audit)),
    ...('auditedTo' in changes && { auditedTo: auditedTo ?? NEVER }),
    ...('auditAt' in changes && { auditAt: auditAt ?? NEVER }),
    ...('replay' in changes && replayColumns(replay)),
  };
}

const deliverySchema = z.looseObject({
  rowKey: z.string().startsWith('d:'),
  id: z.string(),
  state: z.enum(['sending', 'published', 'failing', 'parked', 'gone']),
  attempts: z.number().default(0),
  reason: z.string().optional(),
  foundBy: z.enum(['notification', 'catch-up', 'audit']).optional(),
  recordedAt: time,
});

export function deliveryFrom(row: unknown): Delivery {
  const { rowKey, id, state, attempts, reason, foundBy, recordedAt } = deliverySchema.parse(row);
  return { key: rowKey, id, state, attempts, ...(reason && { reason }), ...(foundBy && { foundBy }), recordedAt };
}

export const deliveryRow = (mailbox: string, { key, ...row }: Delivery) => ({
  partitionKey: mailbox,
  rowKey: key,
  ...row,
});

/** Sorts after the ledger, newest first, so that reading the newest part of a mailbox never meets one. */
export const AUDITS = { from: 'u:', to: 'u;' } as const;

const auditSchema = z.looseObject({
  folder: z.string(),
  from: time,
  to: time,
  notification: z.number(),
  catchUp: z.number(),
  audit: z.number(),
  missing: z.number(),
});

export function resultFrom(row: unknown): AuditResult {
  const { folder, from, to, notification, catchUp, audit, missing } = auditSchema.parse(row);
  return { folder, from, to, notification, catchUp, audit, missing };
}

export const auditRow = (mailbox: string, result: AuditResult) => ({
  partitionKey: mailbox,
  rowKey: `u:${descending(result.to)}:${result.folder}`,
  ...result,
});
