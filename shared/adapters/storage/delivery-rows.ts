import * as z from 'zod';
import { type Chain, WHOLE_WATCH_MS } from '../../domain/delta.ts';
import type { Delivery } from '../../domain/delivery.ts';
import type { Lane } from '../../domain/lane.ts';

/*
 * Rows of table `deliveries` as they are stored. A merge cannot clear a property (null is dropped on the way), so that
 * `''` stands for "none" in texts and the epoch in times.
 */

export const LANE_KEY = 'a';
const NEVER = new Date(0);
const LATEST = 9_999_999_999_999;

const none = (text: string) => (text === '' ? undefined : text);
const past = (time: Date) => (time.getTime() === 0 ? undefined : time);
// Azurite and the SDK give times as Date, a transaction's echo as text.
const time = z.union([z.date(), z.iso.datetime({ offset: true }).transform((text) => new Date(text))]);

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
});

export const chainKey = (folder: string): string => `c:${folder}`;

export function chainFrom(row: unknown): Chain {
  const { rowKey, gapBy, gapFrom, gapSkip, gapStart, address, ...chain } = chainSchema.parse(row);
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
  };
}

/** Only the properties named in `changes`; one that is named with `undefined` is cleared. */
export function chainRow(mailbox: string, folder: string, changes: Partial<Omit<Chain, 'folder'>>) {
  const { gap, link, options, linkAt, reportedAt, address, ...rest } = changes;
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
  };
}

const deliverySchema = z.looseObject({
  rowKey: z.string().startsWith('d:'),
  id: z.string(),
  state: z.enum(['published', 'failing', 'parked', 'gone']),
  attempts: z.number().default(0),
  reason: z.string().optional(),
  recordedAt: time,
});

export function deliveryFrom(row: unknown): Delivery {
  const { rowKey, id, state, attempts, reason, recordedAt } = deliverySchema.parse(row);
  return { key: rowKey, id, state, attempts, ...(reason && { reason }), recordedAt };
}

export const deliveryRow = (mailbox: string, { key, ...row }: Delivery) => ({
  partitionKey: mailbox,
  rowKey: key,
  ...row,
});

/** Received time of a mail, from its ledger key. */
export const receivedAtOf = (key: string): Date => new Date(LATEST - Number(key.slice(2, 15)));
