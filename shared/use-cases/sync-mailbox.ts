import { isDecided } from '../domain/delivery.ts';
import type { Chain } from '../domain/delta.ts';
import { FREE, isHeld, SLICE_MS, take, wasAbandoned } from '../domain/lane.ts';
import type { RecentMails } from '../domain/recent-mails.ts';
import { lookAgain, mayHaveMissed, mergeRings, type Ring } from '../domain/work-item.ts';
import { errorCode, LaneLostError, MailboxUnavailableError, TransientError } from '../errors.ts';
import { log } from '../log.ts';
import type { MailboxState, Ports } from '../ports.ts';
import { type GuardRing, livesOn } from './guard-ring.ts';
import type { HoldForCrm } from './hold-for-crm.ts';
import { type HeldLane, holdLane } from './hold-lane.ts';
import type { LookRound } from './look-round.ts';
import type { PauseMailbox } from './pause-mailbox.ts';
import type { ReopenFolders } from './reopen-folders.ts';

/** What became of a ring. In every case it may be completed: whatever is left to do has a ring of its own. */
export type SyncOutcome = 'synced' | 'known' | 'guarded' | 'backed-off' | 'sliced' | 'unwatched';

interface Waiting {
  ring: Ring;
  resolve(outcome: SyncOutcome | 'missed'): void;
  reject(error: unknown): void;
}

type Deps = Pick<Ports, 'deliveries' | 'workQueue' | 'newId' | 'after'> & {
  lookRound: LookRound;
  reopenFolders: ReopenFolders;
  guardRing: GuardRing;
  pauseMailbox: PauseMailbox;
  recent: RecentMails;
  /** The process is about to end: let go of the lane after the page at hand. */
  isDraining(): boolean;
  crm: Pick<HoldForCrm, 'mustBeOpen'>;
};

const lookAtAll = (mailbox: string): Ring => ({ mailbox, folders: [], ids: [], look: 'again' });

/** What was missed is a gap in the chain by now: asked for again, its listing would start over with every slice. */
const begun = (ring: Ring): Ring => (mayHaveMissed(ring) ? { ...ring, look: 'timer' } : ring);

/** A mailbox that refuses us does so for hours. */
const RETRY_REFUSED_MS = 3_600_000;

/** Rings of one mailbox that wait for the sync under way; each of them holds a worker meanwhile. */
const WAIT_AT_MOST = 4;

/**
 * Syncs the mailbox that a ring names: takes its lane, looks, publishes, lets go. Rings that come while this process is
 * at it wait for the next round and end with it; a lane held elsewhere is marked and guarded.
 * Rejects only where a send that keeps the ring alive failed, so that the queue delivers the ring again.
 */
export function makeSyncMailbox(deps: Deps) {
  const { deliveries, workQueue, newId, lookRound, reopenFolders, guardRing, pauseMailbox, crm, recent, isDraining } =
    deps;
  const running = new Map<string, Waiting[]>();

  /** Nothing but repeats: every mail that it names was dealt with, and nobody asks to look. */
  const isKnown = (ring: Ring, known: (id: string) => boolean) =>
    !ring.look && !ring.retry && ring.ids.length > 0 && ring.ids.every(known);

  /** Looks until nobody waits and the lane is let go. */
  async function work(first: Ring, state: MailboxState, lane: HeldLane, waiting: Waiting[]): Promise<SyncOutcome> {
    const startedAt = deliveries.clock.now();
    const isOver = () => isDraining() || deliveries.clock.now() - startedAt > SLICE_MS;
    let round: Waiting[] = [];
    let ring = first;
    try {
      crm.mustBeOpen();
      for (;;) {
        lane.beginLook();
        const { finished, released } = await lookRound(ring, state, lane, {
          isOver,
          othersWait: () => waiting.length > 0,
        });
        if (finished) {
          for (const item of round.splice(0)) item.resolve('synced');
          if (released) return 'synced';
        }
        if (!finished || isOver()) {
          // Everybody who waits is served by one ring, and others get the worker.
          round.push(...waiting.splice(0));
          const unfinished = finished ? lookAtAll(ring.mailbox) : mergeRings(begun(ring), lookAtAll(ring.mailbox));
          const left = round.map((item) => item.ring).reduce(mergeRings, unfinished);
          await workQueue.send([lookAgain(left)]);
          await lane.giveUp();
          for (const item of round.splice(0)) item.resolve('sliced');
          return 'sliced';
        }
        round = waiting.splice(0);
        const [next, ...others] = round.map((item) => item.ring);
        // Nobody waits here, so the mark came from another process: which folder it is about is not known.
        ring = others.reduce(mergeRings, next ?? lookAtAll(first.mailbox));
      }
    } catch (error) {
      const everybody = [...round, ...waiting.splice(0)];
      const merged = everybody.map((item) => item.ring).reduce(mergeRings, ring);
      try {
        const outcome = await afterFailure(error, merged, lane, state.lane.failures);
        for (const item of everybody) item.resolve(outcome);
        return outcome;
      } catch (fatal) {
        for (const item of everybody) item.reject(fatal);
        throw fatal;
      }
    }
  }

  async function afterFailure(error: unknown, ring: Ring, lane: HeldLane, failures: number): Promise<SyncOutcome> {
    if (error instanceof LaneLostError) {
      log('warn', 'lane lost', { mailbox: ring.mailbox });
      await workQueue.send([lookAgain(ring)]);
      return 'guarded';
    }
    if (error instanceof MailboxUnavailableError) {
      // The folder is probed anyway, but nobody else knows which mails wait for a retry.
      if (ring.retry) await workQueue.send([ring], { at: new Date(deliveries.clock.now() + RETRY_REFUSED_MS) });
      await lane.giveUp().catch(() => undefined);
      return 'unwatched';
    }
    const transient = error instanceof TransientError ? error : new TransientError(errorCode(error), { cause: error });
    if (transient !== error) log('error', 'sync failed', { mailbox: ring.mailbox, code: errorCode(error) });
    await pauseMailbox(ring, lane, failures, transient);
    return 'backed-off';
  }

  /** The page that the vanished worker was at is asked for smaller. */
  async function rememberTakeover(ring: Ring, at: string, chains: Chain[]): Promise<Chain[]> {
    log('warn', 'lane taken over from a worker that vanished', { mailbox: ring.mailbox });
    const suspect = chains.find((chain) => chain.folder === at);
    if (!suspect) return chains;
    const takeovers = suspect.takeovers + 1;
    await deliveries.saveChain(ring.mailbox, at, { takeovers });
    return chains.map((chain) => (chain === suspect ? { ...chain, takeovers } : chain));
  }

  async function start(ring: Ring, waiting: Waiting[]): Promise<SyncOutcome> {
    let copyAt: Date | undefined;
    for (;;) {
      const state = await (copyAt ? deliveries.load(ring.mailbox).catch(livesOn) : deliveries.load(ring.mailbox));
      if (state === 'guarded') return state;
      const isWatched = state.chains.some((chain) => chain.wanted);
      const closed = state.chains.filter(
        ({ wanted, folder }) => !wanted && (!isWatched || ring.folders.includes(folder)),
      );
      // Not once a copy of the ring is on its way: a failure here would send another one.
      if (copyAt === undefined && (await reopenFolders(ring.mailbox, closed))) continue;
      if (!isWatched) return 'unwatched';
      const rows = new Set([...state.ledger.rows.values()].filter(isDecided).map((row) => row.id));
      if (isKnown(ring, (id) => rows.has(id) || recent.has(ring.mailbox, id))) return 'known';
      const now = deliveries.clock.now();
      if (isHeld(state.lane, now)) {
        const outcome = await guardRing(ring, state.lane, state.laneTag, copyAt);
        if (outcome === 'guarded') return outcome;
        copyAt = outcome;
        continue;
      }
      // A mark that nobody answered may be about any folder.
      const asked = state.lane.marked ? { ...ring, folders: [] } : ring;
      const first = state.chains.find(
        (chain) => chain.wanted && (asked.folders.length === 0 || asked.folders.includes(chain.folder)),
      );
      const taken = take(state.laneTag ? state.lane : FREE, newId(), first?.folder ?? '', now);
      const tag = await deliveries.writeLane(ring.mailbox, taken, state.laneTag);
      if (tag === undefined) continue;
      const lane = holdLane(deps, ring.mailbox, taken, tag);
      try {
        const chains = wasAbandoned(state.lane, now)
          ? await rememberTakeover(ring, state.lane.at, state.chains)
          : state.chains;
        return await work(asked, { ...state, chains }, lane, waiting);
      } finally {
        lane.dispose();
      }
    }
  }

  return async (ring: Ring): Promise<SyncOutcome> => {
    for (;;) {
      if (isKnown(ring, (id) => recent.has(ring.mailbox, id))) return 'known';
      const others = running.get(ring.mailbox);
      // One busy mailbox must not keep every worker of the process waiting: further rings leave a mark and a guard.
      if (others && others.length >= WAIT_AT_MOST) return start(ring, []);
      if (others) {
        const outcome = await new Promise<SyncOutcome | 'missed'>((resolve, reject) =>
          others.push({ ring, resolve, reject }),
        );
        // Too late for the last look. The ring begins anew by itself, so that its log lines are its own.
        if (outcome === 'missed') continue;
        return outcome;
      }
      const mine: Waiting[] = [];
      running.set(ring.mailbox, mine);
      try {
        return await start(ring, mine);
      } finally {
        running.delete(ring.mailbox);
        for (const item of mine) item.resolve('missed');
      }
    }
  };
}
