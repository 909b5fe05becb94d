import { backOffMs, CLOCKS_DIFFER_MS } from '../domain/lane.ts';
import { lookAgain, type Ring } from '../domain/work-item.ts';
import { errorCode, type TransientError } from '../errors.ts';
import { log } from '../log.ts';
import type { Ports } from '../ports.ts';
import type { HeldLane } from './hold-lane.ts';

type Deps = Pick<Ports, 'deliveries' | 'workQueue' | 'random'> & {
  /** Shows that the mailbox has not been readable for a while. Never rejects. */
  reportTrouble(mailbox: string, code: string): Promise<void>;
};

/** The third failure in a row is no hiccup any more. */
const SHOWN_AT_FAILURES = 2;
/** A guard ring of ours comes just after the pause; the pause itself has the jitter. */
const AFTER_PAUSE_MS = 250;

/**
 * Leaves the mailbox alone for a while after `failures` failed looks and `error`; the ring that ends the pause is sent
 * before the pause is written. Rejects only where that ring could not be sent.
 */
export const makePauseMailbox =
  ({ deliveries, workQueue, random, reportTrouble }: Deps) =>
  async (ring: Ring, lane: HeldLane, failures: number, error: TransientError): Promise<void> => {
    const waitMs = backOffMs(failures, error.retryAfterMs, random());
    // Whoever ends a pause that Graph asked for may have a clock that is a little ahead.
    const margin = (error.retryAfterMs ?? 0) > CLOCKS_DIFFER_MS ? CLOCKS_DIFFER_MS : 0;
    const until = new Date(deliveries.clock.now() + waitMs + margin);
    const guardAt = new Date(until.getTime() + AFTER_PAUSE_MS);
    try {
      await workQueue.send([lookAgain(ring)], { at: guardAt });
    } catch (sendError) {
      // The queue delivers this ring again. The pause stands all the same, without a guard: whoever rings sends its own.
      await lane.backOff(until, new Date(0)).catch(() => undefined);
      throw sendError;
    }
    log('warn', 'mailbox backs off', { mailbox: ring.mailbox, code: error.code, waitMs });
    if (failures >= SHOWN_AT_FAILURES) await reportTrouble(ring.mailbox, error.code);
    await lane.backOff(until, guardAt).catch((cause: unknown) => {
      // The lease runs out by itself and the ring is on its way.
      log('warn', 'back-off not stored', { mailbox: ring.mailbox, code: errorCode(cause) });
    });
  };

export type PauseMailbox = ReturnType<typeof makePauseMailbox>;
