import { guarded, guardTime, isGuarded, type Lane } from '../domain/lane.ts';
import { lookAgain, mayHaveMissed, type Ring } from '../domain/work-item.ts';
import { TransientError } from '../errors.ts';
import type { LaneTag, Ports } from '../ports.ts';

const MOST_WAITS = 5;

/** The copy of a ring is on its way: without a mark in the lane it only comes later than it might. */
export const livesOn = (error: unknown): 'guarded' => {
  if (error instanceof TransientError) return 'guarded';
  throw error;
};

/**
 * Makes sure that somebody looks again once the lane is free that somebody else holds: a mark in the lane and a guard, a
 * copy of the ring that comes when the lease is over. Where the lane changed meanwhile it says when the copy comes that it
 * sent (`copyAt` of the next try): whoever tries again must not send another one.
 */
export const makeGuardRing =
  ({ deliveries, workQueue }: Pick<Ports, 'deliveries' | 'workQueue'>) =>
  async (ring: Ring, lane: Lane, tag: LaneTag | undefined, copyAt: Date | undefined): Promise<'guarded' | Date> => {
    const now = deliveries.clock.now();
    const copy = copyAt && copyAt > lane.leaseEnd ? copyAt : undefined;
    // Somebody's guard looks at every folder, but it knows nothing of mails that are to be retried or were missed. A ring
    // that was sent on often ends there all the same: what a queue doubles on the way would grow without end, and a later
    // look retries what has been failing for long, as the audit finds what was missed.
    const { waited = 0 } = ring;
    const asksForMore = ring.retry !== undefined || mayHaveMissed(ring);
    if (isGuarded(lane, now) && (copy || !asksForMore || waited >= MOST_WAITS)) return 'guarded';
    const guardAt = copy ?? guardTime(lane, now);
    const sentOn = lookAgain(asksForMore ? { ...ring, waited: waited + 1 } : ring);
    if (!copy) await workQueue.send([sentOn], { at: guardAt });
    const written = await deliveries.writeLane(ring.mailbox, guarded(lane, guardAt), tag).catch(livesOn);
    return written === undefined ? guardAt : 'guarded';
  };

export type GuardRing = ReturnType<typeof makeGuardRing>;
