// The broker's faults as they come over HTTP.
import * as z from 'zod';
import type { Fault } from '../service-bus/faults.ts';

const measure = {
  queue: z.string(),
  times: z.int().positive().exactOptional(),
  share: z.number().min(0).max(1).exactOptional(),
};
const outcomeOf = z.enum(['send', 'settle']);

/** One fault of the broker; the meaning of each field stands in `local/service-bus/faults.ts`. */
export const brokerFaultSchema: z.ZodType<Fault> = z.discriminatedUnion('kind', [
  z.strictObject({ ...measure, kind: z.literal('refuse-sends'), as: z.enum(['server-busy', 'quota-exceeded']) }),
  z.strictObject({ ...measure, kind: z.literal('lose-outcomes'), of: outcomeOf }),
  z.strictObject({ ...measure, kind: z.literal('delay-outcomes'), of: outcomeOf, delayMs: z.number().nonnegative() }),
  z.strictObject({ ...measure, kind: z.literal('refuse-renewals') }),
  z.strictObject({ kind: z.literal('expire-locks'), queue: z.string() }),
  z.strictObject({ kind: z.literal('disable-queue'), queue: z.string(), as: z.enum(['not-found', 'disabled']) }),
]);
