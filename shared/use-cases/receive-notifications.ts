import { judgeNotifications } from '../domain/change-notification.ts';
import { TransientError } from '../errors.ts';
import type { Ports } from '../ports.ts';

/** `accepted` only after every ring is stored by the queue; items that are not ours count as `refused`. */
export type Receipt = { kind: 'accepted'; rings: number; refused: number } | { kind: 'malformed' };

/**
 * Turns a notification POST into rings. Serves both routes: lifecycle items may arrive on either (fact sheet 3, 4).
 * No Graph call and no table read, whatever the POST holds: it may be forged.
 * Throws TransientError when the keys are not loaded or the queue does not take the rings before `signal` aborts.
 */
export const makeReceiveNotifications =
  ({ workQueue, keys, tenant }: Pick<Ports, 'workQueue' | 'keys'> & { tenant: string }) =>
  async (body: unknown, signal: AbortSignal): Promise<Receipt> => {
    // The POST that wakes an instance finds the first read under way; it has time enough to wait for it.
    const ring = keys.current() ?? (await keys.pending());
    if (!ring) throw new TransientError('keys-not-loaded');
    const judgement = judgeNotifications(body, tenant, ring);
    if (!judgement) return { kind: 'malformed' };
    const { rings } = judgement;
    if (rings.length > 0) await workQueue.send(rings, { signal });
    return { kind: 'accepted', rings: rings.length, refused: judgement.refused };
  };
