import { TransientError } from '../errors.ts';
import type { Ports } from '../ports.ts';

/** The queue is full, switched off or gone: that lasts, and concerns every mailbox. */
const CLOSED = new Set(['bus:QuotaExceeded', 'bus:MessagingEntityDisabled', 'bus:MessagingEntityNotFound']);
const HOLD_FIRST_MS = 30_000;
const HOLD_CAP_MS = 300_000;

/**
 * The CRM queue as this process knows it. While it is closed no mailbox is read: what Graph gave could not be put
 * anywhere. After each hold the mailbox that comes first finds out whether it is open again.
 */
export function makeHoldForCrm({ crmQueue, deliveries }: Pick<Ports, 'crmQueue' | 'deliveries'>) {
  let heldUntil = 0;
  let refusals = 0;
  return {
    async publish(events: Parameters<typeof crmQueue.publish>[0]): Promise<void> {
      try {
        await crmQueue.publish(events);
        refusals = 0;
        heldUntil = 0;
      } catch (error) {
        if (error instanceof TransientError && CLOSED.has(error.code))
          heldUntil = deliveries.clock.now() + Math.min(HOLD_CAP_MS, HOLD_FIRST_MS * 2 ** refusals++);
        throw error;
      }
    },
    /** Throws TransientError, with what is left of the hold, while the queue is closed. */
    mustBeOpen(): void {
      const retryAfterMs = heldUntil - deliveries.clock.now();
      if (retryAfterMs > 0) throw new TransientError('bus:crm-queue-closed', { retryAfterMs });
    },
  };
}

export type HoldForCrm = ReturnType<typeof makeHoldForCrm>;
