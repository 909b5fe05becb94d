import { isAuditDue } from '../domain/audit.ts';
import { type Delivery, type FoundBy, isDecided, isUnfinished } from '../domain/delivery.ts';
import { type Chain, withMissed } from '../domain/delta.ts';
import type { RecentMails } from '../domain/recent-mails.ts';
import { active, inTrouble, type WatchedFolder } from '../domain/watched-folder.ts';
import { isCatchUp, mayHaveMissed, type Ring } from '../domain/work-item.ts';
import { MailboxUnavailableError } from '../errors.ts';
import { log } from '../log.ts';
import type { MailboxState, Ports } from '../ports.ts';
import type { AuditFolder } from './audit-folder.ts';
import type { makeFollowChain, Walk } from './follow-chain.ts';
import type { HeldLane } from './hold-lane.ts';
import type { Home } from './prepare-event.ts';
import type { PageContext, PublishedPage, PublishPage } from './publish-page.ts';
import type { ReplayFolder } from './replay-folder.ts';

export interface RoundEnd {
  /** `false`: the slice was over first. */
  finished: boolean;
  released: boolean;
}

export interface RoundHooks {
  isOver(): boolean;
  /** Rings wait for the next round: do not let go of the lane. */
  othersWait(): boolean;
}

export type LookRound = (ring: Ring, state: MailboxState, lane: HeldLane, hooks: RoundHooks) => Promise<RoundEnd>;

type Deps = Pick<Ports, 'deliveries' | 'folders' | 'workQueue'> & {
  recent: RecentMails;
  catchUpMs: number;
  followChain: ReturnType<typeof makeFollowChain>;
  auditFolder: AuditFolder;
  replayFolder: ReplayFolder;
  publishPage: PublishPage;
  /** Called with the row of a folder that was just reported; renews its subscription if need be. */
  onReported(folder: WatchedFolder): Promise<void>;
};

/** A mail that a notification named but that is not there yet is asked for once more after this time. */
const SECOND_LOOK_MS = 30_000;

/** Longer than the longest pause between two tries of a mail. */
const OVERDUE_MS = 3_600_000;

/** Times farther apart than this are asked for each by itself: what lies between may be weeks of mail. */
const APART_MS = 6 * 3_600_000;

function stretches(times: number[]): { from: Date; to: Date }[] {
  const found: { from: Date; to: Date }[] = [];
  for (const time of times.toSorted((a, b) => a - b)) {
    const last = found.at(-1);
    if (last && time - last.to.getTime() <= APART_MS) last.to = new Date(time);
    else found.push({ from: new Date(time), to: new Date(time) });
  }
  return found;
}

const homeOf = ({ folderId, address, watchStart }: Chain): Home => ({ folderId, address, watchStart });

/**
 * One look at a mailbox whose lane is held: the chains of the folders rung (all of them if the ring names none), then,
 * by id, the mails that the ring named and delta does not show yet, and those that are to be retried.
 */
export function makeLookRound(deps: Deps): LookRound {
  const { deliveries, folders, workQueue, followChain, auditFolder, replayFolder, publishPage } = deps;
  const { recent, catchUpMs, onReported } = deps;
  const now = () => deliveries.clock.now();

  return async (ring, state, lane, hooks) => {
    const { mailbox } = ring;
    const seen = new Set<string>();
    const ledger = state.ledger.rows;
    const wanted = state.chains.filter((chain) => chain.wanted);
    const rung = wanted.filter((chain) => ring.folders.length === 0 || ring.folders.includes(chain.folder));
    const totals = { published: 0, known: 0 };
    const asked = ring.retry ?? [];
    if (asked.length > 0 || isCatchUp(ring))
      for (const row of await deliveries.unfinished(mailbox)) ledger.set(row.key, row);
    // A failing mail has a ring of its own, which comes within minutes; without this one it would be lost with that ring.
    const overdue = [...ledger.values()]
      .filter((row) => row.state === 'failing' && now() - row.recordedAt.getTime() > OVERDUE_MS)
      .map(({ id }) => id);
    const retry = [...new Set([...asked, ...overdue])];

    const rowsById = (id: string) => [...ledger.values()].filter((row) => row.id === id);

    /** Ids that the ring named and that neither the ledger nor delta knows. */
    const leftovers = () => {
      if (ring.ids.length === 0) return [];
      const known = new Set([...ledger.values()].filter(isDecided).map((row) => row.id));
      return ring.ids.filter((id) => !known.has(id) && !seen.has(id) && !recent.has(mailbox, id));
    };

    const named = new Set(ring.ids);
    const foundBy = (id: string): FoundBy => (isCatchUp(ring) && !named.has(id) ? 'catch-up' : 'notification');

    const context = (place: PageContext['homeOf'], again: boolean): PageContext => ({
      mailbox,
      homeOf: place,
      signal: lane.signal,
      retry: again,
      setAside: false,
      failures: state.lane.failures,
      foundBy,
      async announce(rows) {
        await lane.record({ deliveries: rows }, false);
        for (const row of rows) ledger.set(row.key, row);
      },
      unfinished: () => [...ledger.values()].filter(isUnfinished).toSorted((a, b) => (a.key < b.key ? -1 : 1)),
      async find(entries) {
        const beyond = entries.filter(
          ({ key, receivedAt }) => receivedAt < state.ledger.completeFrom && !ledger.has(key),
        );
        for (const { from, to } of stretches(beyond.map(({ receivedAt }) => receivedAt.getTime())))
          for (const row of await deliveries.between(mailbox, from, to)) ledger.set(row.key, row);
        return ledger;
      },
    });

    const stored = (page: PublishedPage) => {
      totals.published += page.published;
      totals.known += page.known;
      for (const row of page.deliveries) ledger.set(row.key, row);
    };

    const isReportDue = (chain: Chain) => !chain.reportedAt || now() - chain.reportedAt.getTime() >= catchUpMs / 2;

    /** The folder was read: tell watchedFolders, at most twice in a catch-up interval. */
    const report = async (chain: Chain): Promise<void> => {
      const at = now();
      const row = await folders.update({ mailbox, folder: chain.folder }, (folder) => ({
        syncedAt: new Date(at),
        ...(folder.subscription ? active(folder, at) : {}),
      }));
      chain.reportedAt = new Date(at);
      if (row) await onReported(row);
    };

    const refuse = async (chain: Chain, error: MailboxUnavailableError): Promise<void> => {
      log('warn', 'folder suspended', { mailbox, folder: chain.folder, code: error.code });
      await folders.update({ mailbox, folder: chain.folder }, (folder) => inTrouble(folder, error.trouble, now()));
      // The next look that succeeds has to say so.
      await deliveries.saveChain(mailbox, chain.folder, { reportedAt: undefined });
      chain.reportedAt = undefined;
    };

    /** 404 for a fresh mail may be a copy that is still being made (fact sheet 13); the second 404 is final. */
    const askAgain = async (missing: PublishedPage['missing']): Promise<void> => {
      const ids = missing.filter(({ why }) => why === 'gone').map(({ id }) => id);
      if (ids.length === 0) return;
      const again: Ring = { mailbox, folders: ring.folders, ids: [], retry: ids, look: 'again' };
      await workQueue.send([again], { at: new Date(now() + SECOND_LOOK_MS) });
    };

    /** Publishes mails by id; returns the rows to store. */
    const byId = async (ids: string[], again: boolean): Promise<Delivery[]> => {
      if (ids.length === 0) return [];
      const entries = ids.map((id) => ({ kind: 'partial' as const, id, receivedAt: undefined }));
      const byFolder = context((item) => {
        const wasWanted = again && rowsById(item.id).length > 0;
        // It was wanted when it failed: where it is now, and since when that folder is watched, does not matter.
        const home =
          wanted.find((chain) => chain.folderId === item.parentFolderId) ?? (wasWanted ? wanted[0] : undefined);
        return home && { ...homeOf(home), ...(wasWanted && { watchStart: new Date(0) }) };
      }, again);
      const page = await publishPage(entries, byFolder);
      stored(page);
      const gone: Delivery[] = [];
      for (const { id, why } of page.missing) {
        if (!again) continue;
        const rows = rowsById(id);
        const left = rows.filter((row) => row.state !== 'published');
        if (why === 'gone' && left.length === rows.length)
          log('warn', 'mail gone before it was published', { mailbox, mail: id });
        gone.push(...left.map((row) => ({ ...row, state: 'gone' as const, reason: why, recordedAt: new Date(now()) })));
      }
      if (!again) await askAgain(page.missing);
      return [...page.deliveries, ...gone];
    };

    for (const [position, chain] of rung.entries()) {
      const last = position === rung.length - 1;
      await lane.enter(chain.folder);
      try {
        const isRest = () =>
          retry.length > 0 ||
          leftovers().length > 0 ||
          chain.replay !== undefined ||
          isReportDue(chain) ||
          isAuditDue(chain, now());
        const walk: Walk = {
          context: context(() => homeOf(chain), false),
          lane,
          seen: (id) => seen.add(id),
          askAgain,
          stored,
          isOver: hooks.isOver,
          mayLetGo: () => last && !hooks.othersWait() && !isRest(),
        };
        const end = await followChain(mayHaveMissed(ring) ? withMissed(chain) : chain, walk);
        Object.assign(chain, end.chain);
        if (!end.finished || end.released) return { finished: end.finished, released: end.released };
        if (chain.replay) {
          const replayed = await replayFolder(chain, walk);
          Object.assign(chain, replayed.chain);
          if (!replayed.finished) return { finished: false, released: false };
        }
        if (isAuditDue(chain, now())) {
          const audited = await auditFolder(chain, {
            ...walk,
            context: { ...walk.context, foundBy: () => 'audit' },
          });
          Object.assign(chain, audited.chain);
          if (!audited.finished) return { finished: false, released: false };
        }
        if (isReportDue(chain)) await report(chain);
      } catch (error) {
        if (!(error instanceof MailboxUnavailableError)) throw error;
        await refuse(chain, error);
      }
    }

    // A late notification is more likely about a mail of an hour ago than about one that delta lags behind with.
    if (leftovers().length > 0 && state.ledger.completeFrom.getTime() > 0)
      for (const row of await deliveries.older(mailbox, state.ledger.completeFrom)) ledger.set(row.key, row);
    const rows = [...(await byId(leftovers(), false)), ...(await byId(retry, true))];
    const reported = rung.at(-1);
    const changes = reported && { folder: reported.folder, changes: { reportedAt: reported.reportedAt } };
    const page = { deliveries: rows, ...(changes && { chain: changes }) };
    const { released } = await lane.record(page, !hooks.othersWait());
    if (totals.published > 1) log('info', 'mailbox synced', { mailbox, ...totals });
    return { finished: true, released };
  };
}
