import type { Clock } from '../ports.ts';

/**
 * Time as a service tells it. Leases and expiries are compared with times that the service (or another instance) wrote,
 * so the clock of this machine counts only until the first answer came. `Date` headers have whole seconds: smaller
 * differences are noise.
 */
export interface ServerClock extends Clock {
  observe(date: string | null | undefined): void;
}

const NOISE_MS = 2_000;

export function makeServerClock(localNow: () => number): ServerClock {
  let offset = 0;
  return {
    now: () => localNow() + offset,
    observe(date) {
      const served = date ? Date.parse(date) : Number.NaN;
      if (Number.isNaN(served)) return;
      const difference = served - localNow();
      if (Math.abs(difference - offset) > NOISE_MS) offset = Math.abs(difference) > NOISE_MS ? difference : 0;
    },
  };
}
