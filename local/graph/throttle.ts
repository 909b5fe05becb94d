/** The documented limits (graph/throttling-limits): per app and mailbox, and of the subscription service. */
import { type GraphCounters, noteConcurrency } from './counters.ts';
import { type GraphFailure, throttled } from './graph-failure.ts';
import type { GraphKnobs } from './knobs.ts';

/** Requests of the last minutes, counted in slices so that 10,000 of them cost nothing to remember. */
class SlidingCount {
  readonly #windowMs: number;
  readonly #sliceMs: number;
  #slices: { start: number; count: number }[] = [];
  #total = 0;

  constructor(windowMs: number) {
    this.#windowMs = windowMs;
    this.#sliceMs = windowMs / 60;
  }

  add(now: number): void {
    this.#forget(now);
    const last = this.#slices.at(-1);
    if (last !== undefined && now - last.start < this.#sliceMs) last.count += 1;
    else this.#slices.push({ start: now, count: 1 });
    this.#total += 1;
  }

  count(now: number): number {
    this.#forget(now);
    return this.#total;
  }

  /** Milliseconds until the oldest slice leaves the window. */
  waitMs(now: number): number {
    const oldest = this.#slices[0];
    return oldest === undefined ? 0 : Math.max(oldest.start + this.#windowMs - now, 1);
  }

  #forget(now: number): void {
    while (this.#slices[0] !== undefined && this.#slices[0].start + this.#windowMs <= now) {
      this.#total -= this.#slices.shift()?.count ?? 0;
    }
  }
}

export type SubscriptionCall = 'list' | 'read' | 'write' | 'reauthorize';

export class Throttle {
  readonly #knobs: GraphKnobs;
  readonly #counters: GraphCounters;
  readonly #now: () => number;
  readonly #mailboxes = new Map<string, { inFlight: number; recent: SlidingCount }>();
  readonly #service = new Map<string, SlidingCount>();

  constructor(knobs: GraphKnobs, counters: GraphCounters, now: () => number) {
    this.#knobs = knobs;
    this.#counters = counters;
    this.#now = now;
  }

  /** Lets a request to a mailbox in, or throws 429; answers what to call when it is done. */
  enterMailbox(appId: string, userId: string): () => void {
    const key = `${appId}/${userId}`.toLowerCase();
    const lane = this.#mailboxes.get(key) ?? { inFlight: 0, recent: new SlidingCount(600_000) };
    this.#mailboxes.set(key, lane);
    const now = this.#now();
    // Refused requests count too: retrying early prolongs the refusal (graph/throttling).
    lane.recent.add(now);
    if (this.#knobs.throttling) {
      if (lane.recent.count(now) > this.#knobs.mailboxRequestsPer10Minutes) {
        throw this.#refuse(
          'ApplicationThrottled',
          'Application is over its request limit for this mailbox.',
          lane.recent.waitMs(now) / 1000,
        );
      }
      if (lane.inFlight >= this.#knobs.mailboxConcurrency) {
        const wait = this.#knobs.concurrencyRetryAfterSeconds;
        throw this.#refuse('ApplicationThrottled', 'Application is over its MailboxConcurrency limit.', wait);
      }
    }
    lane.inFlight += 1;
    noteConcurrency(this.#counters, userId.toLowerCase(), lane.inFlight);
    let left = false;
    return () => {
      if (!left) lane.inFlight -= 1;
      left = true;
    };
  }

  /** Counts a call to the subscription service, or throws 429. */
  enterSubscriptionService(appId: string, call: SubscriptionCall): void {
    const key = `${appId}/${call}`.toLowerCase();
    const recent = this.#service.get(key) ?? new SlidingCount(20_000);
    this.#service.set(key, recent);
    const now = this.#now();
    recent.add(now);
    if (!this.#knobs.throttling || recent.count(now) <= this.#limitOf(call)) return;
    throw this.#refuse('TooManyRequests', 'Please retry again later.', recent.waitMs(now) / 1000);
  }

  reset(): void {
    this.#mailboxes.clear();
    this.#service.clear();
  }

  #limitOf(call: SubscriptionCall): number {
    switch (call) {
      case 'list':
        return this.#knobs.subscriptionListsPer20Seconds;
      case 'read':
        return this.#knobs.subscriptionReadsPer20Seconds;
      case 'write':
        return this.#knobs.subscriptionWritesPer20Seconds;
      case 'reauthorize':
        return this.#knobs.reauthorizationsPer20Seconds;
    }
  }

  #refuse(code: string, message: string, waitSeconds: number): GraphFailure {
    this.#counters.throttled += 1;
    return throttled(code, message, waitSeconds);
  }
}
