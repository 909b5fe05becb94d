import type { Clock } from '../ports.ts';

/**
 * Time as a service tells it. Leases and expiries are compared with times that the service (or another instance) wrote,
 * so the clock of this machine counts only until the first answer came. `Date` headers have whole seconds: smaller
 * differences are noise.
 */
export interface ServerClock extends Clock {
  /** The `Date` of an answer that came `tookMs` after it was asked for. */
  observe(date: string | null | undefined, tookMs?: number): void;
}

const NOISE_MS = 2_000;

export function makeServerClock(localNow: () => number): ServerClock {
  let offset = 0;
  return {
    now: () => localNow() + offset,
    observe(date, tookMs = 0) {
      const served = date ? Date.parse(date) : Number.NaN;
      if (Number.isNaN(served)) return;
      // It was written at some time between the asking and now: an answer that lay there while this machine stood still
      // must not set the clock back.
      const least = served - localNow();
      const most = least + Math.max(0, tookMs);
      if (offset >= least - NOISE_MS && offset <= most + NOISE_MS) return;
      const difference = offset < least ? least : most;
      offset = Math.abs(difference) > NOISE_MS ? difference : 0;
    },
  };
}
