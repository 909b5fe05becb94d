import type { AuditCounts, AuditResult } from '../domain/audit.ts';
import { END_OF_TIME, messageIdOf } from '../domain/delivery.ts';
import type { WatchedFolder } from '../domain/watched-folder.ts';
import { errorCode } from '../errors.ts';
import { log } from '../log.ts';
import type { FolderReport, Ports } from '../ports.ts';
import type { BorrowedLane, BorrowLane } from './borrow-lane.ts';
import type { EnsureSubscription } from './ensure-subscription.ts';
import { unresolvedKey } from './wanted-mailboxes.ts';
import type { WatchMailbox } from './watch-mailbox.ts';

type Services = 'folders' | 'deliveries' | 'claims' | 'directory' | 'subscriptions' | 'workQueue' | 'newId' | 'after';
type Deps = Pick<Ports, Services> & {
  watch: WatchMailbox;
  ensureSubscription: EnsureSubscription;
  borrowLane: BorrowLane;
  folderNames: string[];
  tenant: string;
  now: () => number;
};

/** Whoever reads a mailbox lets go of it within seconds, unless thousands of mails are waiting. */
const LANE_TURNS = 20;
const LANE_TURN_MS = 1_000;

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

export interface Removal {
  /** MessageIds of mail events that may still be queued. */
  erased: string[];
  /** Code of the step that failed: rows or blobs are left. */
  left?: string;
}

export type Refusal = { refused: 'not-found' | 'no-access' | 'named-in-settings' | 'named-in-group' | 'busy' };

const reportOf = (row: WatchedFolder): FolderReport => ({
  mailbox: row.mailbox,
  address: row.address,
  folder: row.folderName,
  state: row.state,
  reason: row.reason,
  since: row.since.toISOString(),
  move: row.move,
});

function group(rows: WatchedFolder[]): MailboxReport[] {
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

/** What an administrator can see and do. Mailboxes are named by object id or address. */
export function makeManageMailboxes(deps: Deps) {
  const { folders, deliveries, claims, directory, subscriptions, workQueue, watch, ensureSubscription } = deps;
  const { borrowLane, folderNames, tenant, newId, after, now } = deps;

  async function rowsOf(name: string): Promise<WatchedFolder[]> {
    const wanted = name.toLowerCase();
    const direct = await folders.list({ mailbox: wanted });
    if (direct.length > 0) return direct;
    return (await folders.list()).filter((row) => row.address.toLowerCase() === wanted);
  }

  async function report(name: string): Promise<MailboxReport | undefined> {
    const [found] = group(await rowsOf(name));
    if (!found) return undefined;
    const unfinished = await deliveries.unfinished(found.id);
    const audits = byDay(await deliveries.audits(found.id));
    return {
      ...found,
      unfinished: unfinished.map(({ id, state, attempts, reason }) => ({ id, state, attempts, reason: reason ?? '' })),
      audits,
    };
  }

  /** Nobody may be storing mail of a mailbox that is erased. `undefined`: somebody is, for longer than a caller waits. */
  async function waitForLane(mailbox: string): Promise<BorrowedLane | undefined> {
    for (let turn = 0; turn < LANE_TURNS; turn++) {
      const borrowed = await borrowLane(mailbox);
      if (borrowed) return borrowed;
      await new Promise<void>((resolve) => after(LANE_TURN_MS, resolve));
    }
    return undefined;
  }

  /** Every blob and row of a mailbox, its lane among them. `undefined`: all is gone; else the code of what failed. */
  async function eraseAll(rows: WatchedFolder[], mailbox: string, lane: BorrowedLane): Promise<string | undefined> {
    try {
      await claims.erase(mailbox);
      await deliveries.erase(mailbox);
      // Last: by these the mailbox is found when it has to be erased again.
      for (const row of rows) await folders.remove(row);
      return undefined;
    } catch (error) {
      log('error', 'erasure broke off', { mailbox, code: errorCode(error) });
      await lane.giveBack().catch(() => undefined);
      return errorCode(error);
    }
  }

  return {
    list: async (): Promise<MailboxReport[]> => group(await folders.list()),
    report,

    /** Watches a mailbox from now on; one that is watched already is left as it is. */
    async add(name: string): Promise<MailboxReport | Refusal> {
      const found = await directory.findMailbox(name);
      if (typeof found === 'string') return { refused: found };
      const rows = await folders.list({ mailbox: found.id });
      const mailbox = { ...found, source: 'admin' as const };
      for (const folderName of folderNames) {
        const row = rows.find((item) => item.folderName === folderName && item.folderId !== '');
        if (row?.wanted) {
          if (!row.addedByAdmin) await folders.update(row, () => ({ addedByAdmin: true }));
          continue;
        }
        if (row) await watch.resume(row, mailbox);
        const started = row ?? (await watch.start(mailbox, folderName, new Date(now())));
        if (started) await ensureSubscription(started, 'if-due');
      }
      return (await report(found.id)) ?? { refused: 'not-found' };
    },

    /**
     * Stops watching; with `erase` every row and blob goes too. MessageIds of what may still be queued are returned for
     * the CRM to drop, also where a step fails (`left`): a second call ends the erasure, but may not know them any more.
     * A mailbox of the settings has to be taken out of them first.
     */
    async remove(name: string, erase: boolean): Promise<Removal | Refusal> {
      const rows = await rowsOf(name);
      const [first] = rows;
      if (!first) return { refused: 'not-found' };
      if (rows.some((row) => row.source === 'settings' && row.wanted && row.mailbox !== unresolvedKey(row.address)))
        return { refused: 'named-in-settings' };
      if (rows.some((row) => row.source === 'group' && row.wanted)) return { refused: 'named-in-group' };
      // Before the first folder stops: as long as one of them is the administrator's, a timer would resume the others.
      for (const row of rows) if (row.addedByAdmin) await folders.update(row, () => ({ addedByAdmin: false }));
      for (const row of rows) {
        await watch.stop(row);
        if (row.subscription) await subscriptions.remove(row.subscription);
      }
      if (!erase) return { erased: [] };
      const lane = await waitForLane(first.mailbox);
      if (!lane) return { refused: 'busy' };
      const ledger = await deliveries.between(first.mailbox, new Date(0), END_OF_TIME);
      const queued = ledger.filter((row) => row.state === 'published' || row.state === 'sending');
      const erased = queued.map((row) => messageIdOf(tenant, first.mailbox, row.id));
      const left = await eraseAll(rows, first.mailbox, lane);
      return left === undefined ? { erased } : { erased, left };
    },

    /**
     * Looks now; with `retryParked` the parked and failing mails are tried once more; with `replayFrom` the events of mail
     * received since then are sent once more, with new MessageIds.
     */
    async sync(
      name: string,
      retryParked: boolean,
      replayFrom?: Date,
    ): Promise<{ rung: boolean; retried: number } | Refusal> {
      const rows = await rowsOf(name);
      // What was not found is looked for again with the next turn of the timer, instead of when its probe is due.
      for (const row of rows) if (row.folderId === '') await folders.update(row, () => ({ probeAt: new Date(0) }));
      const first = rows.find((row) => row.folderId !== '');
      if (!first) return rows.length > 0 ? { rung: false, retried: 0 } : { refused: 'not-found' };
      if (replayFrom) {
        const at = { by: 'receivedDateTime' as const, from: replayFrom, skip: 0, start: replayFrom };
        const replay = { run: newId(), at, to: new Date(now()) };
        for (const row of rows)
          if (row.wanted && row.folderId !== '') await deliveries.saveChain(row.mailbox, row.folder, { replay });
      }
      const ring = { mailbox: first.mailbox, folders: [], look: 'operator' as const };
      const ids = retryParked ? (await deliveries.unfinished(first.mailbox)).map((row) => row.id) : [];
      await workQueue.send([{ ...ring, ids: [] }]);
      for (let from = 0; from < ids.length; from += 100)
        await workQueue.send([{ ...ring, ids: [], retry: ids.slice(from, from + 100) }]);
      return { rung: true, retried: ids.length };
    },
  };
}

export type ManageMailboxes = ReturnType<typeof makeManageMailboxes>;
