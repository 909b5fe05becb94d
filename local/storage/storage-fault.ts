// Faults as data: which calls go wrong, and how. The proxy applies them; nothing here touches the network.
import * as z from 'zod';
import { type StorageService, storageServices } from './call-kind.ts';

/** One fault of the storage proxies, as a test or the control route gives it. */
export const storageFaultSchema = z.strictObject({
  /** Only this service; all three when absent. */
  service: z.enum(storageServices).optional(),
  /** Only these kinds of call (`query`, `batch`, `put` …); all when absent. */
  kinds: z.array(z.string()).optional(),
  /** Wait so long before the call goes on or the fault answers. */
  delayMs: z.number().int().nonnegative().optional(),
  /** Answer with this status without asking Azurite. */
  status: z.number().int().min(300).max(599).optional(),
  /** The `x-ms-error-code` of that answer. */
  errorCode: z.string().optional(),
  /** Seconds for the answer's `Retry-After`. */
  retryAfterSeconds: z.number().int().nonnegative().optional(),
  /** Reset the connection: `before` Azurite was asked, or `after` it did the work, so that the answer is lost. */
  dropConnection: z.enum(['before', 'after']).optional(),
  /** Stop listening: new connections are refused, open ones reset. `kinds`, `every` and `times` do not apply. */
  refuseConnections: z.boolean().optional(),
  /** Only each n-th matching call. */
  every: z.number().int().positive().optional(),
  /** Only so many times. */
  times: z.number().int().positive().optional(),
});

export type StorageFault = z.infer<typeof storageFaultSchema>;

type ActiveFault = { fault: StorageFault; seen: number; applied: number };

/** The faults in force: the first one that matches a call is applied to it. */
export class FaultPlan {
  #active: ActiveFault[] = [];

  set(faults: readonly StorageFault[]): void {
    this.#active = faults.map((fault) => ({ fault, seen: 0, applied: 0 }));
  }

  /** True while a service must not accept connections. */
  refuses(service: StorageService): boolean {
    return this.#active.some(
      ({ fault }) => fault.refuseConnections === true && (fault.service === undefined || fault.service === service),
    );
  }

  /** The fault for one call, counting it against `every` and `times`. */
  next(service: StorageService, kind: string): StorageFault | undefined {
    for (const active of this.#active) {
      const { fault } = active;
      if (fault.refuseConnections === true) continue;
      if (fault.service !== undefined && fault.service !== service) continue;
      if (fault.kinds !== undefined && !fault.kinds.includes(kind)) continue;
      if (fault.times !== undefined && active.applied >= fault.times) continue;
      active.seen += 1;
      if (fault.every !== undefined && active.seen % fault.every !== 0) continue;
      active.applied += 1;
      return fault;
    }
    return undefined;
  }
}
