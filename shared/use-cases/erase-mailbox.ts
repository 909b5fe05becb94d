import { END_OF_TIME, messageIdOf } from '../domain/delivery.ts';
import type { WatchedFolder } from '../domain/watched-folder.ts';
import { errorCode } from '../errors.ts';
import { log } from '../log.ts';
import type { Ports } from '../ports.ts';
import type { BorrowedLane, BorrowLane } from './borrow-lane.ts';

type Deps = Pick<Ports, 'folders' | 'deliveries' | 'claims' | 'after'> & { borrowLane: BorrowLane; tenant: string };

/** Whoever reads a mailbox lets go of it within seconds, unless thousands of mails are waiting. */
const LANE_TURNS = 20;
const LANE_TURN_MS = 1_000;

export interface Erasure {
  /** MessageIds of mail events that may still be queued. */
  erased: string[];
  /** Code of the step that failed: rows or blobs are left. */
  left?: string;
}

/**
 * Removes every row and blob of a mailbox that is no longer watched; `rows` are those of its folders. The MessageIds are
 * in the answer also where a step fails: a second call ends the erasure, but may not know them any more.
 */
export function makeEraseMailbox({ folders, deliveries, claims, after, borrowLane, tenant }: Deps) {
  /** Nobody may be storing mail of it meanwhile. `undefined`: somebody is, for longer than a caller waits. */
  async function waitForLane(mailbox: string): Promise<BorrowedLane | undefined> {
    for (let turn = 0; turn < LANE_TURNS; turn++) {
      const borrowed = await borrowLane(mailbox);
      if (borrowed) return borrowed;
      await new Promise<void>((resolve) => after(LANE_TURN_MS, resolve));
    }
    return undefined;
  }

  return async (mailbox: string, rows: WatchedFolder[]): Promise<Erasure | { refused: 'busy' }> => {
    const lane = await waitForLane(mailbox);
    if (!lane) return { refused: 'busy' };
    let erased: string[] | undefined;
    try {
      const ledger = await deliveries.between(mailbox, new Date(0), END_OF_TIME);
      const queued = ledger.filter((row) => row.state === 'published' || row.state === 'sending');
      erased = queued.map((row) => messageIdOf(tenant, mailbox, row.id));
      await claims.erase(mailbox);
      // The lane goes with it.
      await deliveries.erase(mailbox);
      // Last: by these the mailbox is found when it has to be erased again.
      for (const row of rows) await folders.remove(row);
      return { erased };
    } catch (error) {
      log('error', 'erasure broke off', { mailbox, code: errorCode(error) });
      await lane.giveBack().catch(() => undefined);
      if (!erased) throw error;
      return { erased, left: errorCode(error) };
    }
  };
}

export type EraseMailbox = ReturnType<typeof makeEraseMailbox>;
