import type { WatchedFolder } from '../domain/watched-folder.ts';
import type { Ports } from '../ports.ts';
import type { EnsureSubscription } from './ensure-subscription.ts';
import type { EraseMailbox, Erasure } from './erase-mailbox.ts';
import { type MailboxReport, reportByMailbox, type ReportMailbox } from './report-mailbox.ts';
import { unresolvedKey } from './wanted-mailboxes.ts';
import type { WatchMailbox } from './watch-mailbox.ts';

type Services = 'folders' | 'deliveries' | 'directory' | 'subscriptions' | 'workQueue' | 'newId';
type Deps = Pick<Ports, Services> & {
  watch: WatchMailbox;
  ensureSubscription: EnsureSubscription;
  eraseMailbox: EraseMailbox;
  reportMailbox: ReportMailbox;
  folderNames: string[];
  now: () => number;
};

export type Refusal = {
  refused: 'not-found' | 'no-access' | 'named-in-settings' | 'named-in-group' | 'busy' | 'taken-back';
};

/** What an administrator can see and do. Mailboxes are named by object id or address. */
export function makeManageMailboxes(deps: Deps) {
  const { folders, deliveries, directory, subscriptions, workQueue, newId, watch, ensureSubscription } = deps;
  const { eraseMailbox, reportMailbox, folderNames, now } = deps;

  async function rowsOf(name: string): Promise<WatchedFolder[]> {
    const wanted = name.toLowerCase();
    const direct = await folders.list({ mailbox: wanted });
    if (direct.length > 0) return direct;
    return (await folders.list()).filter((row) => row.address.toLowerCase() === wanted);
  }

  const report = async (name: string): Promise<MailboxReport | undefined> => reportMailbox(await rowsOf(name));

  return {
    list: async (): Promise<MailboxReport[]> => reportByMailbox(await folders.list()),
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
     * the CRM to drop. A mailbox of the settings has to be taken out of them first.
     */
    async remove(name: string, erase: boolean): Promise<Erasure | Refusal> {
      const rows = await rowsOf(name);
      const [first] = rows;
      if (!first) return { refused: 'not-found' };
      if (rows.some((row) => row.source === 'settings' && row.wanted && row.mailbox !== unresolvedKey(row.address)))
        return { refused: 'named-in-settings' };
      if (rows.some((row) => row.source === 'group' && row.wanted)) return { refused: 'named-in-group' };
      // Before the first folder stops: as long as one of them is the administrator's, a timer would resume the others.
      for (const row of rows) if (row.addedByAdmin) await folders.update(row, () => ({ addedByAdmin: false }));
      for (const row of rows) {
        if (!(await watch.stop(row, (known) => !known.addedByAdmin))) return { refused: 'taken-back' };
        if (row.subscription) await subscriptions.remove(row.subscription);
      }
      return erase ? eraseMailbox(first.mailbox, rows) : { erased: [] };
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
