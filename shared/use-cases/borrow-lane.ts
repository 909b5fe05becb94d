import { isHeld, take } from '../domain/lane.ts';
import type { Ports } from '../ports.ts';

export interface BorrowedLane {
  /** Leaves the lane as it was found, pauses included. Somebody who rang meanwhile has a guard ring on the way. */
  giveBack(): Promise<void>;
}

export type BorrowLane = (mailbox: string) => Promise<BorrowedLane | undefined>;

/**
 * Takes the lane of a mailbox for a moment, not to read it but so that nobody stores mail of it meanwhile. `undefined`:
 * somebody does just now.
 */
export const makeBorrowLane =
  ({ deliveries, newId }: Pick<Ports, 'deliveries' | 'newId'>): BorrowLane =>
  async (mailbox) => {
    const now = deliveries.clock.now();
    const { lane: was, tag: before } = await deliveries.readLane(mailbox);
    if (was.holder !== '' && isHeld(was, now)) return undefined;
    const tag = await deliveries.writeLane(mailbox, take(was, newId(), '', now), before);
    if (tag === undefined) return undefined;
    return {
      async giveBack() {
        await deliveries.writeLane(mailbox, was, tag);
      },
    };
  };
