import pLimit from 'p-limit';
import { isCatchUpDue, needsSubscription, type WatchedFolder } from '../domain/watched-folder.ts';
import { mergeRings, type Ring } from '../domain/work-item.ts';
import { log } from '../log.ts';
import type { Ports } from '../ports.ts';
import type { EnsureSubscription } from './ensure-subscription.ts';
import { isPurgeDue, purged } from './purge-mailbox.ts';
import type { makeRenewDue } from './renew-due.ts';
import { runStep } from './run-step.ts';
import type { Membership, WantedMailbox } from './wanted-mailboxes.ts';
import type { WatchMailbox } from './watch-mailbox.ts';

type Deps = Pick<Ports, 'folders' | 'subscriptions' | 'workQueue'> & {
  wantedMailboxes(rows: WatchedFolder[]): Promise<Membership>;
  watch: WatchMailbox;
  ensureSubscription: EnsureSubscription;
  renewDue: ReturnType<typeof makeRenewDue>;
  /** `false`: not all of it could be seen to. */
  purgeMailbox(mailbox: string): Promise<boolean>;
  folderNames: string[];
  catchUpMs: number;
  /** By the clock of the stored times. */
  now: () => number;
  /** Mailboxes of the settings are wanted since the process that first reads them started. */
  startedAt: Date;
};

/** A mailbox leaves only when two readings this far apart both lack it. */
const REMOVE_AFTER_MS = 3_600_000;
const DEAD_LETTERS_AT_ONCE = 200;
const AT_ONCE = 8;
const ADOPT_FOR_MS = 40_000;
/** Nearly until the next turn: thousands that come due at once take all that Graph allows. */
const RENEW_FOR_MS = 54_000;
const BARE_FOR_MS = 40_000;
const PURGE_FOR_MS = 10_000;

/** The rows were read a while ago: an administrator may have added the mailbox since, or another timer found it again. */
const isWantedAlike = (one: WatchedFolder, other: WatchedFolder): boolean =>
  one.wanted === other.wanted &&
  one.addedByAdmin === other.addedByAdmin &&
  one.missingSince?.getTime() === other.missingSince?.getTime();

/** A stopped row that names a subscription got it while it was being stopped. */
const isStopped = (row: WatchedFolder) => row.state === 'stopped' && row.subscription === undefined;

const needsProbe = (row: WatchedFolder, now: number) => row.probeAt.getTime() <= now;

/**
 * The fast timer: brings what is watched in line with what is wanted, and rings whatever has not been looked at for a
 * catch-up interval. One part that fails leaves the others to run.
 */
export function makeReconcileMailboxes(deps: Deps) {
  const { folders, subscriptions, workQueue, wantedMailboxes, watch, ensureSubscription, renewDue } = deps;
  const { purgeMailbox, folderNames, catchUpMs, now, startedAt } = deps;

  /** Makes sure that one mailbox is watched; `rows` are its own. */
  async function adopt(mailbox: WantedMailbox, rows: WatchedFolder[]): Promise<void> {
    for (const folderName of folderNames) {
      const named = rows.filter((item) => item.folderName === folderName);
      const row = named.find((item) => item.folderId !== '');
      const refused = named.find((item) => item.folderId === '');
      if (!row) {
        await begin(mailbox, folderName, refused);
        continue;
      }
      // It could not be found once, and was found since.
      if (refused) await folders.remove(refused);
      if (row.wanted && row.state === 'suspended' && needsProbe(row, now())) {
        const anew = await watch.follow(row, mailbox);
        if (anew) await ensureSubscription(anew, 'if-due');
        continue;
      }
      if (!row.wanted) {
        await watch.resume(row, mailbox);
        await ensureSubscription(row, 'if-due');
      } else if (row.missingSince || row.source !== mailbox.source) {
        await folders.update(row, () => ({ missingSince: undefined, source: mailbox.source }));
      }
    }
  }

  async function begin(mailbox: WantedMailbox, folderName: string, refused: WatchedFolder | undefined): Promise<void> {
    if (refused && !needsProbe(refused, now())) return;
    // By the store's clock at the latest: mail of the first minutes is not lost to a process whose clock is ahead.
    const since = new Date(mailbox.source === 'settings' ? Math.min(startedAt.getTime(), now()) : now());
    const started = await watch.start(mailbox, folderName, since);
    if (!started) return;
    if (refused) await folders.remove(refused);
    await ensureSubscription(started, 'if-due');
  }

  async function dismiss(rows: WatchedFolder[], membership: Membership): Promise<void> {
    const wanted = new Set(membership.wanted.map((mailbox) => mailbox.id));
    const missing = [...membership.unresolved.map((item) => item.address), ...membership.waiting];
    const named = new Set(missing.map((address) => address.toLowerCase()));
    for (const row of rows.filter((item) => item.wanted || !isStopped(item))) {
      const stays = wanted.has(row.mailbox) && folderNames.includes(row.folderName);
      if (stays || (row.mailbox.startsWith('?') && named.has(row.address.toLowerCase()))) continue;
      if (!membership.complete) continue;
      // Found since, or not asked for any more: of what was never found there is nothing but the row.
      if (row.folderId === '') {
        await folders.remove(row);
        continue;
      }
      // A removal that broke off is finished at once.
      const isOver = !row.wanted || (row.missingSince && now() - row.missingSince.getTime() >= REMOVE_AFTER_MS);
      if (isOver) {
        const isDone = await watch.stop(row, (known) => isWantedAlike(known, row));
        if (isDone && row.subscription) await subscriptions.remove(row.subscription);
      } else if (!row.missingSince) await folders.update(row, () => ({ missingSince: new Date(now()) }));
    }
  }

  async function ringDue(rows: WatchedFolder[]): Promise<void> {
    const due = rows.filter((row) => {
      if (!row.wanted || row.folderId === '') return false;
      if (row.state === 'suspended' && !needsProbe(row, now())) return false;
      return isCatchUpDue(row, now(), catchUpMs);
    });
    const rings = new Map<string, Ring>();
    for (const row of due) {
      const ring: Ring = { mailbox: row.mailbox, folders: [row.folder], ids: [], look: 'timer' };
      const known = rings.get(row.mailbox);
      rings.set(row.mailbox, known ? mergeRings(known, ring) : ring);
    }
    if (rings.size === 0) return;
    await workQueue.send([...rings.values()]);
    const rungAt = new Date(now());
    for (const row of due) await folders.touch(row, { rungAt });
    log('info', 'catch-up', { count: rings.size });
  }

  /** Retention of mailboxes that are watched or were; a few at a time, so that the run stays short. */
  async function purgeDue(rows: WatchedFolder[]): Promise<void> {
    const until = now() + PURGE_FOR_MS;
    const due = rows.filter((row) => row.folderId !== '' && isPurgeDue(row, now()));
    for (const [mailbox, own] of Map.groupBy(due, (row) => row.mailbox)) {
      if (now() >= until) return;
      const isDone = await purgeMailbox(mailbox);
      for (const row of own) await folders.touch(row, purged(isDone, now()));
    }
  }

  /** Dead-lettered rings are doorbells too: the platform may have used up their deliveries without our code running. */
  async function reviveDeadLetters(): Promise<void> {
    const drained = await workQueue.drainDeadLetters(DEAD_LETTERS_AT_ONCE, async (dead) => {
      const rings = new Map<string, Ring>();
      for (const ring of dead) {
        const known = rings.get(ring.mailbox);
        rings.set(ring.mailbox, mergeRings(known ?? ring, { ...ring, look: ring.look ?? 'again' }));
      }
      if (rings.size > 0) await workQueue.send([...rings.values()]);
    });
    if (drained > 0) log('error', 'work items were dead-lettered and ring again', { count: drained });
  }

  return async (): Promise<void> => {
    await runStep('dead letters', reviveDeadLetters);
    await runStep('mailboxes', async () => {
      const rows = await folders.list();
      const membership = await wantedMailboxes(rows);
      for (const { address, trouble, code } of membership.unresolved) await watch.refuseAddress(address, trouble, code);
      const byMailbox = Map.groupBy(rows, (row) => row.mailbox);
      const limit = pLimit(AT_ONCE);
      // Thousands of new mailboxes are spread over several runs, so that the rest of this one is not kept waiting.
      const until = now() + ADOPT_FOR_MS;
      await Promise.all(
        membership.wanted.map((mailbox) =>
          limit(async () => {
            if (now() < until) await runStep('mailbox', () => adopt(mailbox, byMailbox.get(mailbox.id) ?? []));
          }),
        ),
      );
      await dismiss(rows, membership);
    });
    const rows = await folders.list();
    await runStep('catch-up', () => ringDue(rows));
    await runStep('renewals', () => renewDue(rows, RENEW_FOR_MS));
    const until = now() + BARE_FOR_MS;
    const bare = rows.filter(
      (row) => row.wanted && row.folderId !== '' && needsSubscription(row, now()) && needsProbe(row, now()),
    );
    const limit = pLimit(AT_ONCE);
    const cover = async (row: WatchedFolder) => {
      if (now() < until) await ensureSubscription(row, 'if-due');
    };
    await Promise.all(bare.map((row) => limit(() => cover(row))));
    await runStep('retention', () => purgeDue(rows));
  };
}
