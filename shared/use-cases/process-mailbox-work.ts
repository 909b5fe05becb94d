import { parseRing, type Ring } from '../domain/work-item.ts';
import { errorCode, PermanentError } from '../errors.ts';
import { log } from '../log.ts';
import type { Ports } from '../ports.ts';
import type { EnsureSubscription } from './ensure-subscription.ts';
import type { SyncOutcome } from './sync-mailbox.ts';

type Deps = Pick<Ports, 'workQueue' | 'deliveries' | 'folders' | 'random'> & {
  ensureSubscription: EnsureSubscription;
  syncMailbox(ring: Ring): Promise<SyncOutcome>;
};

const RETRY_FIRST_MS = 5_000;
const RETRY_SPREAD_MS = 25_000;
const RETRY_CAP_MS = 300_000;

/** Twice as long each time: in an outage of hours every further delivery is one more that the queue may double. */
const waitFor = (putOff: number, random: number) =>
  Math.min(RETRY_CAP_MS, (RETRY_FIRST_MS + random * RETRY_SPREAD_MS) * 2 ** Math.min(putOff, 10));

/**
 * Answers a ring from the work queue. Rejects only when the ring could not be kept alive by a send, so that no outage of
 * Graph or storage uses up its deliveries; the queue then delivers it again.
 */
export const makeProcessMailboxWork =
  ({ workQueue, deliveries, folders, random, ensureSubscription, syncMailbox }: Deps) =>
  async (body: unknown): Promise<void> => {
    const parsed = parseRing(body);
    if (!parsed) {
      // Whoever put it there has to see it: after its deliveries it lies among the dead letters.
      log('error', 'work item unreadable', { outcome: 'dead-lettered' });
      throw new PermanentError('work:unreadable');
    }
    const { putOff = 0, ...ring } = parsed;
    try {
      if (ring.look === 'renew' || ring.look === 'removed') {
        const urgency = ring.look === 'renew' ? 'renew' : 'verify';
        const rung = await folders.list({ mailbox: ring.mailbox });
        for (const folder of rung)
          if (ring.folders.length === 0 || ring.folders.includes(folder.folder))
            await ensureSubscription(folder, urgency);
      }
      await syncMailbox(ring);
    } catch (error) {
      const waitMs = waitFor(putOff, random());
      log('warn', 'ring put off', { mailbox: ring.mailbox, code: errorCode(error), waitMs: Math.round(waitMs) });
      await workQueue.send([{ ...ring, putOff: putOff + 1 }], { at: new Date(deliveries.clock.now() + waitMs) });
    }
  };
