/**
 * The lane of a mailbox: a lease in one table row, so that one worker at a time reads the mailbox
 * (Outlook allows four requests at once per app and mailbox) and so that back-off is shared by all instances.
 */
export interface Lane {
  /** Who holds it; empty while it only backs off or is free. */
  holder: string;
  leaseEnd: Date;
  /** Somebody rang while it was held: whoever holds it looks once more before letting go. */
  marked: boolean;
  /** When the latest guard ring becomes visible. */
  guardAt: Date;
  /** Failures in a row; sets the length of the next back-off. */
  failures: number;
  /** Short hash of the folder that is being read; if the holder vanishes, its page is the suspect. */
  at: string;
}

export const LEASE_MS = 90_000;
export const EXTEND_EVERY_MS = 30_000;
/** After this long a holder lets others have the worker and rings for itself. */
export const SLICE_MS = 60_000;
const GUARD_MARGIN_MS = 5_000;
const PAUSE_MARGIN_MS = 250;
/** Clocks of two workers: services state their time in whole seconds, and small differences count as noise. */
export const CLOCKS_DIFFER_MS = 3_000;
const BACK_OFF_CAP_MS = 600_000;
const BACK_OFF_BASE_MS = 1_000;

export const FREE: Lane = {
  holder: '',
  leaseEnd: new Date(0),
  marked: false,
  guardAt: new Date(0),
  failures: 0,
  at: '',
};

export const isHeld = (lane: Lane, now: number): boolean => lane.leaseEnd.getTime() > now;

/** A holder that vanished: its lease ran out without a release. */
export const wasAbandoned = (lane: Lane, now: number): boolean => lane.holder !== '' && !isHeld(lane, now);

export const take = (lane: Lane, holder: string, at: string, now: number): Lane => ({
  ...lane,
  holder,
  at,
  leaseEnd: new Date(now + LEASE_MS),
  marked: false,
});

export const extend = (lane: Lane, now: number): Lane => ({ ...lane, leaseEnd: new Date(now + LEASE_MS) });

export const release = (lane: Lane): Lane => ({
  ...lane,
  holder: '',
  leaseEnd: new Date(0),
  marked: false,
  failures: 0,
});

/**
 * A held lane is safe to leave when the holder will see the mark and, should the holder die, a guard ring comes after
 * the lease's end. Otherwise the ring has to send itself for `guardTime` first. A guard that is almost due does not
 * count: by the queue's clock it may already be here, and be the very ring that asks.
 */
export const isGuarded = (lane: Lane, now: number): boolean =>
  lane.marked && lane.guardAt.getTime() > lane.leaseEnd.getTime() && lane.guardAt.getTime() - now > CLOCKS_DIFFER_MS;

/** After a held lane's lease, with a margin for the holder to let go; soon after a pause, which nobody holds. */
export const guardTime = (lane: Lane, now: number): Date =>
  new Date(Math.max(lane.leaseEnd.getTime() + (lane.holder === '' ? PAUSE_MARGIN_MS : GUARD_MARGIN_MS), now + 1_000));

export const guarded = (lane: Lane, guardAt: Date): Lane => ({ ...lane, marked: true, guardAt });

/**
 * How long to leave the mailbox alone after a failure: full jitter up to a doubling cap of ten minutes, and never
 * shorter than the service asked for (Retry-After, in ms). `random` is in [0, 1).
 */
export function backOffMs(failures: number, retryAfterMs: number | undefined, random: number): number {
  const ceiling = Math.min(BACK_OFF_CAP_MS, BACK_OFF_BASE_MS * 2 ** Math.min(failures, 20));
  return Math.min(BACK_OFF_CAP_MS, Math.max(retryAfterMs ?? 0, Math.ceil(random * ceiling), 200));
}

export const backOff = (lane: Lane, until: Date): Lane => ({
  ...lane,
  holder: '',
  leaseEnd: until,
  marked: true,
  failures: lane.failures + 1,
});
