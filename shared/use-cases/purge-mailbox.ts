import { keyOfBlob, receivedAtOf } from '../domain/delivery.ts';
import { isHeld } from '../domain/lane.ts';
import { WANTED_FOR_MS } from '../domain/mail.ts';
import type { WatchedFolder } from '../domain/watched-folder.ts';
import { log } from '../log.ts';
import type { Ports, StoredBlob } from '../ports.ts';
import type { BorrowLane } from './borrow-lane.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** By received time; a day longer than mail is wanted, so that no mail outlives its row and is sent again. */
const LEDGER_FOR_MS = WANTED_FOR_MS + DAY_MS;
/** Longer than a mail event can lie in the queue and then among its dead letters. */
const BLOBS_FOR_MS = 90 * DAY_MS;
/** A blob without a ledger row this long after it was stored was never sent; runs are half a day apart. */
const ORPHAN_AFTER_MS = 11 * HOUR_MS;
/** Orphans are looked for among the blobs of the last days: whatever is older was looked at when it was young. */
const LOOKED_AT_FOR_MS = 7 * DAY_MS;

/** Time between two runs for one mailbox. */
const PURGE_EVERY_MS = 12 * HOUR_MS;
/** Soon: after an hour it could be in step with the looks of catch-up for ever. */
const AGAIN_AFTER_MS = 60_000;

export const isPurgeDue = ({ purgedAt }: WatchedFolder, now: number): boolean =>
  purgedAt.getTime() + PURGE_EVERY_MS <= now;

/** What a run leaves in the row. One that could not look at everything is repeated in a minute. */
export const purged = (isDone: boolean, now: number) => ({
  purgedAt: new Date(isDone ? now : now - PURGE_EVERY_MS + AGAIN_AFTER_MS),
});

/**
 * Ends the retention of one mailbox: ledger rows after 60 days, blobs after 90, blobs that nothing refers to within a day.
 * `false`: not everything could be looked at, because somebody reads the mailbox.
 */
export const makePurgeMailbox =
  ({ deliveries, claims, borrowLane }: Pick<Ports, 'deliveries' | 'claims'> & { borrowLane: BorrowLane }) =>
  async (mailbox: string): Promise<boolean> => {
    const now = deliveries.clock.now();
    // Whoever has just been rung is at it now; the blobs need not be listed in vain.
    const { lane } = await deliveries.readLane(mailbox);
    if (lane.holder !== '' && isHeld(lane, now)) return false;
    const rows = await deliveries.purge(mailbox, new Date(now - LEDGER_FOR_MS));

    async function orphansOf(blobs: StoredBlob[]): Promise<StoredBlob[]> {
      const suspects = blobs.flatMap((stored) => {
        const key = keyOfBlob(stored.blob);
        const age = now - stored.storedAt.getTime();
        if (!key || age < ORPHAN_AFTER_MS || age > LOOKED_AT_FOR_MS) return [];
        // Its row may have been purged before: by received time, and a mail may have been moved in late.
        const receivedAt = receivedAtOf(key);
        return now - receivedAt.getTime() < WANTED_FOR_MS ? [{ stored, key, receivedAt }] : [];
      });
      if (suspects.length === 0) return [];
      const times = suspects.map(({ receivedAt }) => receivedAt.getTime());
      const from = new Date(times.reduce((a, b) => Math.min(a, b)));
      const known = await deliveries.between(mailbox, from, new Date(times.reduce((a, b) => Math.max(a, b))));
      const keys = new Set(known.map((row) => row.key));
      return suspects.filter(({ key }) => !keys.has(key)).map(({ stored }) => stored);
    }

    let removed = 0;
    let isDone = true;
    const remove = async (blobs: StoredBlob[]) => {
      for (const { blob } of blobs) {
        await claims.remove(blob);
        removed++;
      }
    };

    await claims.visit(mailbox, async (blobs) => {
      await remove(blobs.filter(({ storedAt }) => now - storedAt.getTime() > BLOBS_FOR_MS));
      if ((await orphansOf(blobs)).length === 0) return;
      // A late retry may be about to send what refers to them: it is asked again while nobody reads the mailbox.
      const borrowed = await borrowLane(mailbox);
      if (!borrowed) {
        isDone = false;
        return;
      }
      try {
        await remove(await orphansOf(blobs));
      } finally {
        await borrowed.giveBack();
      }
    });
    if (rows + removed > 0) log('info', 'mailbox purged', { mailbox, rows, blobs: removed });
    return isDone;
  };
