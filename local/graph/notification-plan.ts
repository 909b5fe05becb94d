/** What goes wrong with notifications, as data. */
import * as z from 'zod';

const share = z.number().min(0).max(1);

export const notificationPlan = z.strictObject({
  /** No change notifications at all; lifecycle items still go out. */
  off: z.boolean(),
  /** Share of the items that are lost without a trace. */
  dropShare: share,
  /** Share of the items that are sent more than once, and how many copies more. */
  duplicateShare: share,
  duplicates: z.number().int().min(0),
  /** Takes items of a subscription in any order instead of the order of events. */
  shuffle: z.boolean(),
  /** Emulator time that each item waits before it is queued, and how much more it may by chance. */
  delayMs: z.number().min(0),
  delaySpreadMs: z.number().min(0),
});

export type NotificationPlan = z.infer<typeof notificationPlan>;

export function faultlessPlan(): NotificationPlan {
  return { off: false, dropShare: 0, duplicateShare: 0, duplicates: 1, shuffle: false, delayMs: 0, delaySpreadMs: 0 };
}
