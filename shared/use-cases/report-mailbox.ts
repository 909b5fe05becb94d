import type { AuditCounts, AuditResult } from '../domain/audit.ts';
import type { WatchedFolder } from '../domain/watched-folder.ts';
import type { FolderReport, Ports } from '../ports.ts';

export interface MailboxReport {
  id: string;
  address: string;
  source: string;
  folders: FolderReport[];
  /** Mails that wait for a retry or for the operator. */
  unfinished?: { id: string; state: string; attempts: number; reason: string }[];
  /** What the daily audits counted, newest day first. */
  audits?: AuditedDay[];
}

/** Mails received up to the end of the audits of one day (UTC), by what brought them. */
export interface AuditedDay extends AuditCounts {
  day: string;
}

const reportOf = (row: WatchedFolder): FolderReport => ({
  mailbox: row.mailbox,
  address: row.address,
  folder: row.folderName,
  state: row.state,
  reason: row.reason,
  since: row.since.toISOString(),
  move: row.move,
});

/** One report for each mailbox that has a row among these. */
export function reportByMailbox(rows: WatchedFolder[]): MailboxReport[] {
  const reports = new Map<string, MailboxReport>();
  for (const row of rows) {
    const report = reports.get(row.mailbox) ?? {
      id: row.mailbox,
      address: row.address,
      source: row.source,
      folders: [],
    };
    report.folders.push(reportOf(row));
    reports.set(row.mailbox, report);
  }
  return [...reports.values()];
}

function byDay(results: AuditResult[]): AuditedDay[] {
  const days = Map.groupBy(results, ({ to }) => to.toISOString().slice(0, 10));
  const sum = (of: AuditResult[], name: keyof AuditCounts) => of.reduce((total, result) => total + result[name], 0);
  return [...days].map(([day, of]) => ({
    day,
    notification: sum(of, 'notification'),
    catchUp: sum(of, 'catchUp'),
    audit: sum(of, 'audit'),
    missing: sum(of, 'missing'),
  }));
}

/** What is known of the mailbox whose folder rows these are; `undefined`: there are none. */
export const makeReportMailbox =
  ({ deliveries }: Pick<Ports, 'deliveries'>) =>
  async (rows: WatchedFolder[]): Promise<MailboxReport | undefined> => {
    const [found] = reportByMailbox(rows);
    if (!found) return undefined;
    const unfinished = await deliveries.unfinished(found.id);
    const audits = byDay(await deliveries.audits(found.id));
    return {
      ...found,
      unfinished: unfinished.map(({ id, state, attempts, reason }) => ({ id, state, attempts, reason: reason ?? '' })),
      audits,
    };
  };

export type ReportMailbox = ReturnType<typeof makeReportMailbox>;
