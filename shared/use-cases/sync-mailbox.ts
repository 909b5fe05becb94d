import type { Chain } from '../domain/delta.ts';
import {
  backOffMs,
  FREE,
  guarded,
  guardTime,
  isGuarded,
  isHeld,
  type Lane,
  SLICE_MS,
  take,
  wasAbandoned,
} from '../domain/lane.ts';
import { mergeRings, type Ring } from '../domain/work-item.ts';
import { errorCode, LaneLostError, MailboxUnavailableError, TransientError } from '../errors.ts';
import { log } from '../log.ts';
import type { LaneTag, MailboxState, Ports } from '../ports.ts';
import { type HeldLane, holdLane } from './hold-lane.ts';
import type { LookRound } from './look-round.ts';

/** What became of a ring. In every case it may be completed: whatever is left to do has a ring of its own. */
export type SyncOutcome = 'synced' | 'known' | 'guarded' | 'backed-off' | 'sliced' | 'unwatched';

interface Waiting {
  ring: Ring;
  resolve(outcome: SyncOutcome): void;
  reject(error: unknown): void;
}

type Deps = Pick<Ports, 'deliveries' | 'workQueue' | 'random' | 'newId' | 'after'> & { lookRound: LookRound };

/** A guard ring of ours comes just after the pause; the pause itself has the jitter. */
const AFTER_PAUSE_MS = 250;

/**
 * Syncs the mailbox that a ring names: takes its lane, looks, publishes, lets go. Rings that come while this process is
 * at it wait for the next round and end with it; a lane held elsewhere is marked and guarded.
 * Rejects only where a send that keeps the ring alive failed, so that the queue delivers the ring again.
 */
export function makeSyncMailbox(deps: Deps) {
  const { deliveries, workQueue, random, newId, lookRound } = deps;
  const running = new Map<string, Waiting[]>();

  const isKnown = (ring: Ring, state: MailboxState) => {
    if (ring.look || ring.ids.length === 0) return false;
    const known = new Set([...state.ledger.rows.values()].map((row) => row.id));
    return ring.ids.every((id) => known.has(id));
  };

  /** Makes sure that somebody looks again once the lane is free. `false`: the lane changed meanwhile, look afresh. */
  async function guard(ring: Ring, lane: Lane, tag: LaneTag | undefined): Promise<boolean> {
    if (isGuarded(lane)) return true;
    const guardAt = guardTime(lane);
    await workQueue.send([{ ...ring, look: ring.look ?? 'again' }], { at: guardAt });
    return (await deliveries.writeLane(ring.mailbox, guarded(lane, guardAt), tag)) !== undefined;
  }

  /** Leaves the mailbox alone for a while; the ring that ends the pause is sent before the pause is written. */
  async function pause(ring: Ring, lane: HeldLane, failures: number, error: TransientError): Promise<void> {
    const waitMs = backOffMs(failures, error.retryAfterMs, random());
    const until = new Date(deliveries.clock.now() + waitMs);
    const guardAt = new Date(until.getTime() + AFTER_PAUSE_MS);
    await workQueue.send([{ ...ring, look: ring.look ?? 'again' }], { at: guardAt });
    log('warn', 'mailbox backs off', { mailbox: ring.mailbox, code: error.code, waitMs });
    await lane.backOff(until, guardAt).catch((cause: unknown) => {
      // The lease runs out by itself and the ring is on its way.
      log('warn', 'back-off not stored', { mailbox: ring.mailbox, code: errorCode(cause) });
    });
  }

  /** Looks until nobody waits and the lane is let go. */
  async function work(first: Ring, state: MailboxState, lane: HeldLane, waiting: Waiting[]): Promise<SyncOutcome> {
    const startedAt = deliveries.clock.now();
    const isOver = () => deliveries.clock.now() - startedAt > SLICE_MS;
    let round: Waiting[] = [];
    let ring = first;
    try {
      for (;;) {
        const end = await lookRound(ring, state, lane, { isOver, othersWait: () => waiting.length > 0 });
        if (end.outcome === 'sliced') {
          await workQueue.send([{ ...ring, look: ring.look ?? 'again' }]);
          await lane.record({ deliveries: [] }, true);
        }
        for (const item of round) item.resolve(end.outcome);
        if (end.released || end.outcome === 'sliced') return end.outcome;
        round = waiting.splice(0);
        const [next, ...others] = round.map((item) => item.ring);
        ring = others.reduce(mergeRings, next ?? { mailbox: first.mailbox, folders: [], ids: [], look: 'again' });
      }
    } catch (error) {
      const everything = [...round, ...waiting.splice(0)];
      const merged = everything.map((item) => item.ring).reduce(mergeRings, ring);
      try {
        const outcome = await afterFailure(error, merged, lane, state.lane.failures);
        for (const item of everything) item.resolve(outcome);
        return outcome;
      } catch (fatal) {
        for (const item of everything) item.reject(fatal);
        throw fatal;
      }
    }
  }

  async function afterFailure(error: unknown, ring: Ring, lane: HeldLane, failures: number): Promise<SyncOutcome> {
    if (error instanceof LaneLostError) {
      log('warn', 'lane lost', { mailbox: ring.mailbox });
      await workQueue.send([{ ...ring, look: ring.look ?? 'again' }]);
      return 'guarded';
    }
    if (error instanceof MailboxUnavailableError) {
      await lane.record({ deliveries: [] }, true).catch(() => undefined);
      return 'unwatched';
    }
    const transient = error instanceof TransientError ? error : new TransientError(errorCode(error), { cause: error });
    if (!(error instanceof TransientError))
      log('error', 'sync failed', { mailbox: ring.mailbox, code: errorCode(error) });
    await pause(ring, lane, failures, transient);
    return 'backed-off';
  }

  async function rememberTakeover(ring: Ring, chains: Chain[]): Promise<Chain[]> {
    log('warn', 'lane taken over from a worker that vanished', { mailbox: ring.mailbox });
    const smaller = chains.map((chain) => ({ ...chain, takeovers: chain.takeovers + 1 }));
    await Promise.all(
      smaller.map((chain) => deliveries.saveChain(ring.mailbox, chain.folder, { takeovers: chain.takeovers })),
    );
    return smaller;
  }

  async function start(ring: Ring, waiting: Waiting[]): Promise<SyncOutcome> {
    for (;;) {
      const state = await deliveries.load(ring.mailbox);
      if (!state.chains.some((chain) => chain.wanted)) return 'unwatched';
      if (isKnown(ring, state)) return 'known';
      const now = deliveries.clock.now();
      if (isHeld(state.lane, now)) {
        if (await guard(ring, state.lane, state.laneTag)) return 'guarded';
        continue;
      }
      const taken = take(state.laneTag ? state.lane : FREE, newId(), now);
      const tag = await deliveries.writeLane(ring.mailbox, taken, state.laneTag);
      if (tag === undefined) continue;
      const lane = holdLane(deps, ring.mailbox, taken, tag);
      try {
        const chains = wasAbandoned(state.lane, now) ? await rememberTakeover(ring, state.chains) : state.chains;
        return await work(ring, { ...state, chains }, lane, waiting);
      } finally {
        lane.dispose();
      }
    }
  }

  async function syncMailbox(ring: Ring): Promise<SyncOutcome> {
    const waiting = running.get(ring.mailbox);
    if (waiting) return new Promise((resolve, reject) => waiting.push({ ring, resolve, reject }));
    const mine: Waiting[] = [];
    running.set(ring.mailbox, mine);
    try {
      return await start(ring, mine);
    } finally {
      running.delete(ring.mailbox);
      // They came after the last look: the first begins anew, the others join it.
      for (const item of mine) void syncMailbox(item.ring).then(item.resolve, item.reject);
    }
  }

  return syncMailbox;
}
