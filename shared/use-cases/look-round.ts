import type { Chain } from '../domain/delta.ts';
import { type Delivery, isUnfinished } from '../domain/delivery.ts';
import type { PageEntry } from '../domain/mail.ts';
import { type WatchedFolder, active, suspended } from '../domain/watched-folder.ts';
import type { Ring } from '../domain/work-item.ts';
import { MailboxUnavailableError } from '../errors.ts';
import { log } from '../log.ts';
import type { MailboxState, Ports } from '../ports.ts';
import type { makeFollowChain } from './follow-chain.ts';
import type { HeldLane } from './hold-lane.ts';
import type { makePublishPage, PageContext, PublishedPage } from './publish-page.ts';

export interface RoundEnd {
  outcome: 'synced' | 'sliced';
  released: boolean;
}

export interface RoundHooks {
  isOver(): boolean;
  /** Rings wait for the next round: do not let go of the lane. */
  othersWait(): boolean;
}

export type LookRound = (ring: Ring, state: MailboxState, lane: HeldLane, hooks: RoundHooks) => Promise<RoundEnd>;

type Deps = Pick<Ports, 'mail' | 'deliveries' | 'folders' | 'workQueue'> & {
  tenant: string;
  catchUpMs: number;
  followChain: ReturnType<typeof makeFollowChain>;
  publishPage: ReturnType<typeof makePublishPage>;
  /** Called with the row of a folder that was just reported; renews its subscription if need be. */
  onReported(folder: WatchedFolder): Promise<void>;
};

/** A mail that a notification named but that is not there yet is asked for once more after this time. */
const SECOND_LOOK_MS = 30_000;

/**
 * One look at a mailbox whose lane is held: the chains of the folders rung (all of them if the ring names none), then,
 * by id, the mails that the ring named and delta does not show yet.
 */
export function makeLookRound(deps: Deps): LookRound {
  const { mail, deliveries, folders, workQueue, followChain, publishPage, tenant, catchUpMs, onReported } = deps;

  return async (ring, state, lane, hooks) => {
    const seen = new Set<string>();
    const ledger = state.ledger.rows;
    const retry = ring.look === 'retry';
    const wanted = state.chains.filter((chain) => chain.wanted);
    const rung = wanted.filter((chain) => ring.folders.length === 0 || ring.folders.includes(chain.folder));
    const totals = { published: 0, known: 0 };

    // A ring to retry asks for its unfinished mails although delta or the ledger know them.
    const leftovers = () => {
      if (ring.ids.length === 0) return [];
      const settled = new Set([...ledger.values()].filter((row) => !(retry && isUnfinished(row))).map((row) => row.id));
      return ring.ids.filter((id) => !settled.has(id) && (retry || !seen.has(id)));
    };

    const find = async (entries: { key: string; receivedAt: Date }[]): Promise<ReadonlyMap<string, Delivery>> => {
      const beyond = entries.filter((entry) => entry.receivedAt < state.ledger.completeFrom && !ledger.has(entry.key));
      if (beyond.length > 0) {
        const times = beyond.map((entry) => entry.receivedAt.getTime());
        const rows = await deliveries.between(ring.mailbox, new Date(Math.min(...times)), new Date(Math.max(...times)));
        for (const row of rows) ledger.set(row.key, row);
      }
      return ledger;
    };

    const contextOf = (chain: Chain): PageContext => ({
      tenant,
      mailbox: ring.mailbox,
      address: chain.address,
      folderId: chain.folderId,
      watchStart: chain.watchStart,
      signal: lane.signal,
      find,
      retry,
    });

    const stored = (page: PublishedPage) => {
      totals.published += page.published;
      totals.known += page.known;
      for (const row of page.deliveries) ledger.set(row.key, row);
    };

    /** The folder was read: tell watchedFolders, at most twice in a catch-up interval. */
    const report = async (chain: Chain): Promise<void> => {
      const now = deliveries.clock.now();
      if (chain.reportedAt && now - chain.reportedAt.getTime() < catchUpMs / 2) return;
      const row = await folders.update({ mailbox: ring.mailbox, folder: chain.folder }, (folder) => ({
        syncedAt: new Date(now),
        ...(folder.state === 'suspended' && folder.subscription ? active(folder, now) : {}),
      }));
      chain.reportedAt = new Date(now);
      if (row) await onReported(row);
    };

    const refuse = async (chain: Chain, error: MailboxUnavailableError): Promise<void> => {
      const now = deliveries.clock.now();
      log('warn', 'folder suspended', { mailbox: ring.mailbox, folder: chain.folder, code: error.code });
      await folders.update({ mailbox: ring.mailbox, folder: chain.folder }, (folder) =>
        suspended(folder, error.trouble, now),
      );
      // The next look that succeeds has to say so.
      await deliveries.saveChain(ring.mailbox, chain.folder, { reportedAt: undefined });
      chain.reportedAt = undefined;
    };

    const byId = async (ids: string[]): Promise<Delivery[]> => {
      const rows: Delivery[] = [];
      for (const id of ids) {
        const item = await mail.getMail(ring.mailbox, id, lane.signal);
        if (item === 'gone') {
          const row = [...ledger.values()].find((known) => known.id === id);
          if (retry && row) rows.push({ ...row, state: 'gone', recordedAt: new Date(deliveries.clock.now()) });
          else await askAgain(id);
          continue;
        }
        const home = wanted.find((chain) => chain.folderId === item.parentFolderId);
        if (!home) continue;
        const entry: PageEntry = { kind: 'mail', mail: item };
        const page = await publishPage([entry], contextOf(home));
        stored(page);
        rows.push(...page.deliveries);
      }
      return rows;
    };

    /** 404 for a fresh mail may be a copy that is still being made (fact sheet 13); the second 404 is final. */
    const askAgain = async (id: string): Promise<void> => {
      if (retry) {
        log('info', 'mail gone before it was read', { mailbox: ring.mailbox, mail: id });
        return;
      }
      const again: Ring = { mailbox: ring.mailbox, folders: ring.folders, ids: [id], look: 'retry' };
      await workQueue.send([again], { at: new Date(deliveries.clock.now() + SECOND_LOOK_MS) });
    };

    for (const [position, chain] of rung.entries()) {
      const last = position === rung.length - 1;
      const reportDue = () => !chain.reportedAt || deliveries.clock.now() - chain.reportedAt.getTime() >= catchUpMs / 2;
      try {
        const end = await followChain(chain, {
          context: contextOf(chain),
          lane,
          seen: (id) => seen.add(id),
          stored,
          isOver: hooks.isOver,
          mayLetGo: () => last && !hooks.othersWait() && leftovers().length === 0 && !reportDue(),
        });
        Object.assign(chain, end.chain);
        if (!end.finished) return { outcome: 'sliced', released: false };
        if (end.released) return { outcome: 'synced', released: true };
        await report(chain);
      } catch (error) {
        if (!(error instanceof MailboxUnavailableError)) throw error;
        await refuse(chain, error);
      }
    }

    const rows = await byId(leftovers());
    const reported = rung.at(-1);
    const changes = reported && { folder: reported.folder, changes: { reportedAt: reported.reportedAt } };
    const { released } = await lane.record(
      { deliveries: rows, ...(changes && { chain: changes }) },
      !hooks.othersWait(),
    );
    if (totals.published + totals.known > 1) log('info', 'mailbox synced', { mailbox: ring.mailbox, ...totals });
    return { outcome: 'synced', released };
  };
}
