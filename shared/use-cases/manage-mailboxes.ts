import { messageIdOf } from '../domain/delivery.ts';
import type { WatchedFolder } from '../domain/watched-folder.ts';
import type { FolderReport, Ports } from '../ports.ts';
import type { EnsureSubscription } from './ensure-subscription.ts';
import { unresolvedKey } from './wanted-mailboxes.ts';
import type { WatchMailbox } from './watch-mailbox.ts';

type Deps = Pick<Ports, 'folders' | 'deliveries' | 'claims' | 'directory' | 'subscriptions' | 'workQueue'> & {
  watch: WatchMailbox;
  ensureSubscription: EnsureSubscription;
  folderNames: string[];
  tenant: string;
  now: () => number;
};

export interface MailboxReport {
  id: string;
  address: string;
  source: string;
  folders: FolderReport[];
  /** Mails that wait for a retry or for the operator. */
  unfinished?: { id: string; state: string; attempts: number; reason: string }[];
}

export type Refusal = { refused: 'not-found' | 'no-access' | 'named-in-settings' | 'named-in-group' };

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

/** What an administrator can see and do. Mailboxes are named by object id or address. */
export function makeManageMailboxes(deps: Deps) {
  const { folders, deliveries, claims, directory, subscriptions, workQueue, watch, ensureSubscription } = deps;
  const { folderNames, tenant, now } = deps;

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
    return {
      ...found,
      unfinished: unfinished.map(({ id, state, attempts, reason }) => ({ id, state, attempts, reason: reason ?? '' })),
    };
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
        if (row?.wanted) continue;
        if (row) await watch.resume(row, mailbox);
        const started = row ?? (await watch.start(mailbox, folderName, new Date(now())));
        if (started) await ensureSubscription(started, 'if-due');
      }
      return (await report(found.id)) ?? { refused: 'not-found' };
    },

    /**
     * Stops watching; with `erase` every row and blob goes too. MessageIds of what may still be queued are returned for
     * the CRM to drop. A mailbox of the settings has to be taken out of them first.
     */
    async remove(name: string, erase: boolean): Promise<{ erased: string[] } | Refusal> {
      const rows = await rowsOf(name);
      const [first] = rows;
      if (!first) return { refused: 'not-found' };
      if (rows.some((row) => row.source === 'settings' && row.wanted && row.mailbox !== unresolvedKey(row.address)))
        return { refused: 'named-in-settings' };
      if (rows.some((row) => row.source === 'group' && row.wanted)) return { refused: 'named-in-group' };
      for (const row of rows) {
        await watch.stop(row);
        if (row.subscription) await subscriptions.remove(row.subscription);
      }
      if (!erase) return { erased: [] };
      await claims.erase(first.mailbox);
      const ledger = await deliveries.erase(first.mailbox);
      for (const row of rows) await folders.remove(row);
      const published = ledger.filter((row) => row.state === 'published');
      return { erased: published.map((row) => messageIdOf(tenant, first.mailbox, row.id)) };
    },

    /** Looks now; with `retryParked` the parked and failing mails are tried once more. */
    async sync(name: string, retryParked: boolean): Promise<{ rung: boolean; retried: number } | Refusal> {
      const rows = await rowsOf(name);
      // What was not found is looked for again with the next turn of the timer, instead of when its probe is due.
      for (const row of rows) if (row.folderId === '') await folders.update(row, () => ({ probeAt: new Date(0) }));
      const first = rows.find((row) => row.folderId !== '');
      if (!first) return rows.length > 0 ? { rung: false, retried: 0 } : { refused: 'not-found' };
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
