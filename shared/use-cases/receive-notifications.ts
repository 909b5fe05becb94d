import { judgeNotifications } from '../domain/change-notification.ts';
import { splitRing } from '../domain/work-item.ts';
import { TransientError } from '../errors.ts';
import type { Ports } from '../ports.ts';

/** `accepted` only after every ring is stored by the queue; items that are not ours count as `refused`. */
export type Receipt = { kind: 'accepted'; rings: number; refused: number } | { kind: 'malformed' };

// Far below the 256 KB of one message, so that a batch of them splits evenly.
const MAX_RING_BYTES = 100_000;

/**
 * Turns a notification POST into rings. Serves both routes: lifecycle items may arrive on either (fact sheet 3, 4).
 * No Graph call and no table read, whatever the POST holds: it may be forged.
 * Throws TransientError when the keys are not loaded or the queue does not take the rings before `signal` aborts.
 */
export const makeReceiveNotifications =
  ({ workQueue, keys, tenant }: Pick<Ports, 'workQueue' | 'keys'> & { tenant: string }) =>
  async (body: unknown, signal: AbortSignal): Promise<Receipt> => {
    const ring = keys.current();
    if (!ring) throw new TransientError('keys-not-loaded');
    const judgement = judgeNotifications(body, tenant, ring);
    if (!judgement) return { kind: 'malformed' };
    const rings = judgement.rings.flatMap((item) => splitRing(item, MAX_RING_BYTES));
    if (rings.length > 0) await workQueue.send(rings, { signal });
    return { kind: 'accepted', rings: rings.length, refused: judgement.refused };
  };
