// The figures of a run, for people and as JSON.
import type { Books } from './mail-ledger.ts';

/** Operations that the app caused, as the emulators counted them. */
export type Operations = { graphRequests: number; busOperations: number; tableCalls: number; blobCalls: number };

/** The object that `--json` writes; its keys are a promise. */
export type Summary = {
  sent: number;
  received: number;
  lost: number;
  duplicated: number;
  /** Mail events the app sent, before the broker's duplicate detection. */
  sends: number;
  perMail: Operations;
  latencyMs: { p50: number; p99: number };
};

/** The value below which a share of all values lies (nearest rank); 0 for none. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? 0;
}

const round = (value: number, digits: number): number => Number(value.toFixed(digits));

/** What happened between two readings of the counters. */
export function operationsBetween(before: Operations, after: Operations): Operations {
  return {
    graphRequests: after.graphRequests - before.graphRequests,
    busOperations: after.busOperations - before.busOperations,
    tableCalls: after.tableCalls - before.tableCalls,
    blobCalls: after.blobCalls - before.blobCalls,
  };
}

/** Puts the figures together. Mails that others put into the mailboxes meanwhile count as sent when they arrived. */
export function summarize(books: Books, sends: number, operations: Operations): Summary {
  const sent = books.sent + books.foreign.length;
  const mails = Math.max(1, sent);
  return {
    sent,
    received: books.received,
    lost: books.lost.length,
    duplicated: books.duplicated.length,
    sends,
    perMail: {
      graphRequests: round(operations.graphRequests / mails, 3),
      busOperations: round(operations.busOperations / mails, 3),
      tableCalls: round(operations.tableCalls / mails, 3),
      blobCalls: round(operations.blobCalls / mails, 3),
    },
    latencyMs: {
      p50: round(percentile(books.latenciesMs, 0.5), 1),
      p99: round(percentile(books.latenciesMs, 0.99), 1),
    },
  };
}

/** True if every mail arrived exactly once and was sent exactly once. */
export function isExactlyOnce(summary: Summary): boolean {
  return (
    summary.lost === 0 &&
    summary.duplicated === 0 &&
    summary.received === summary.sent &&
    summary.sends === summary.received
  );
}

const figure = (value: number): string => value.toLocaleString('en', { maximumFractionDigits: 2 });

/** The summary in a few lines. */
export function summaryLines(summary: Summary): string[] {
  const { perMail, latencyMs } = summary;
  return [
    `${summary.sent} sent · ${summary.received} received · ${summary.lost} lost · ${summary.duplicated} duplicated · ${summary.sends} sends`,
    `per mail: ${figure(perMail.graphRequests)} Graph requests · ${figure(perMail.busOperations)} Service Bus operations · ` +
      `${figure(perMail.tableCalls)} table calls · ${figure(perMail.blobCalls)} blob calls`,
    ...(summary.received === 0
      ? []
      : [`from mailbox to CRM: half within ${figure(latencyMs.p50)} ms, 99 % within ${figure(latencyMs.p99)} ms`]),
  ];
}
