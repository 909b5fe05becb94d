import type { AuditResult } from '../domain/audit.ts';
import type { Chain } from '../domain/delta.ts';
import { type Delivery, isDecided, isUnfinished } from '../domain/delivery.ts';
import { backOff, EXTEND_EVERY_MS, extend, type Lane, release } from '../domain/lane.ts';
import type { RecentMails } from '../domain/recent-mails.ts';
import { LaneLostError } from '../errors.ts';
import type { LaneTag, Ports } from '../ports.ts';

export interface PageRecord {
  deliveries: Delivery[];
  chain?: { folder: string; changes: Partial<Omit<Chain, 'folder'>> };
  audit?: AuditResult;
}

/** The lane while this worker holds it. Every method throws LaneLostError once somebody else has it. */
export interface HeldLane {
  /** Aborted when the lane is lost or its lease runs out: no Graph request outlives it. */
  readonly signal: AbortSignal;
  /** A new look begins: whoever rang until now is served by it. */
  beginLook(): void;
  /** Says which folder is read next, so that a worker that dies on it leaves a trace. */
  enter(folder: string): Promise<void>;
  /**
   * Stores a page. With `letGo` the lane is released in the same transaction, unless somebody rang meanwhile;
   * the answer says whether it was.
   */
  record(page: PageRecord, letGo: boolean): Promise<{ released: boolean }>;
  /** Leaves the mailbox alone until the given time. */
  backOff(until: Date, guardAt: Date): Promise<void>;
  /** Lets go whatever else: somebody else looks again. */
  giveUp(): Promise<void>;
  /** Stops the extension timer; the lane itself is let go by `record` or `backOff`. */
  dispose(): void;
}

type Deps = Pick<Ports, 'deliveries' | 'after'> & { recent: RecentMails };

/** Keeps a lane that was just taken: extends its lease while it lasts and fences every write by the row's ETag. */
export function holdLane({ deliveries, after, recent }: Deps, mailbox: string, taken: Lane, tag: LaneTag): HeldLane {
  let lane = taken;
  let laneTag = tag;
  let marked = false;
  let turn: Promise<unknown> = Promise.resolve();
  const abort = new AbortController();
  let cancelExpiry = after(remaining(), () => abort.abort());
  let cancelExtension = after(EXTEND_EVERY_MS, extendLease);

  function remaining(): number {
    return Math.max(0, lane.leaseEnd.getTime() - deliveries.clock.now());
  }

  // One write at a time: a page and an extension that cross would each see the other's ETag as a stranger's.
  function inTurn<T>(work: () => Promise<T>): Promise<T> {
    const mine = turn.then(work);
    turn = mine.catch(() => undefined);
    return mine;
  }

  function lost(): LaneLostError {
    abort.abort();
    dispose();
    return new LaneLostError();
  }

  /** After a refused write: either somebody marked the lane (go on from what is there), or it is not ours any more. */
  async function reread(): Promise<void> {
    const current = await deliveries.readLane(mailbox);
    if (current.lane.holder !== taken.holder || current.tag === undefined) throw lost();
    lane = current.lane;
    laneTag = current.tag;
    marked ||= lane.marked;
  }

  async function write(next: (lane: Lane) => Lane, store: (lane: Lane) => Promise<LaneTag | undefined>): Promise<void> {
    for (;;) {
      if (abort.signal.aborted) throw lost();
      const wish = next(lane);
      const result = await store(wish);
      if (result !== undefined) {
        lane = wish;
        laneTag = result;
        cancelExpiry();
        if (lane.holder === '') dispose();
        else cancelExpiry = after(remaining(), () => abort.abort());
        return;
      }
      await reread();
    }
  }

  const renewed = (current: Lane) => extend({ ...current, marked: false }, deliveries.clock.now());
  const storeLane = (wish: Lane) => deliveries.writeLane(mailbox, wish, laneTag);

  function extendLease(): void {
    cancelExtension = after(EXTEND_EVERY_MS, extendLease);
    inTurn(() => write(renewed, storeLane)).catch(() => undefined);
  }

  function dispose(): void {
    cancelExpiry();
    cancelExtension();
  }

  return {
    signal: abort.signal,
    beginLook() {
      marked = false;
    },
    enter: (at) =>
      lane.at === at ? Promise.resolve() : inTurn(() => write((current) => ({ ...renewed(current), at }), storeLane)),
    giveUp: () => inTurn(() => write(release, storeLane)),
    record: (page, letGo) =>
      inTurn(async () => {
        await write(
          (current) => (letGo && !marked ? release(current) : renewed(current)),
          (wish) => deliveries.commit(mailbox, { ...page, lane: wish, laneTag }),
        );
        for (const row of page.deliveries) if (isDecided(row) && !isUnfinished(row)) recent.add(mailbox, row.id);
        return { released: lane.holder === '' };
      }),
    backOff: (until, guardAt) => inTurn(() => write((current) => ({ ...backOff(current, until), guardAt }), storeLane)),
    dispose,
  };
}
