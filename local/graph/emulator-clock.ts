/** The emulator's own time: a base clock plus an offset that a test moves forward, with timers that follow both. */

type Timer = { dueAt: number; cancelled: boolean; run: () => void };

/** Longest delay that Node's timers take. */
const longestDelayMs = 2 ** 31 - 1;

export class EmulatorClock {
  readonly #base: () => number;
  #offsetMs = 0;
  #cancelled = 0;
  /** Sorted by due time; the last one is due first. */
  #timers: Timer[] = [];
  #armed: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(base: () => number) {
    this.#base = base;
  }

  /** The emulator's time in milliseconds since 1970. */
  now(): number {
    return this.#base() + this.#offsetMs;
  }

  /** The base clock, which the clients share: tokens live by it. */
  baseNow(): number {
    return this.#base();
  }

  get offsetMs(): number {
    return this.#offsetMs;
  }

  /** Moves time forward and runs every timer that has become due. */
  advance(ms: number): void {
    this.#offsetMs += ms;
    this.#runDue();
  }

  /** Runs something at an emulator time, whether that comes by waiting or by advancing; answers how to cancel it. */
  at(dueAt: number, run: () => void): () => void {
    if (this.#closed) return () => {};
    const timer: Timer = { dueAt, cancelled: false, run };
    let low = 0;
    let high = this.#timers.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const other = this.#timers[middle];
      if (other !== undefined && other.dueAt > dueAt) low = middle + 1;
      else high = middle;
    }
    this.#timers.splice(low, 0, timer);
    this.#arm();
    return () => this.#cancel(timer);
  }

  /** Runs something after a while of emulator time. */
  after(ms: number, run: () => void): () => void {
    return this.at(this.now() + ms, run);
  }

  /** Forgets all timers and the offset. */
  reset(): void {
    this.#timers = [];
    this.#cancelled = 0;
    this.#offsetMs = 0;
    clearTimeout(this.#armed);
  }

  /** Stops for good, so that the process can exit. */
  close(): void {
    this.reset();
    this.#closed = true;
  }

  #runDue(): void {
    for (;;) {
      const next = this.#timers.at(-1);
      if (next === undefined || next.dueAt > this.now()) break;
      this.#timers.pop();
      if (next.cancelled) this.#cancelled -= 1;
      else next.run();
    }
    this.#arm();
  }

  /** Cancelled timers stay until they are due or too many: taking each out would cost a search. */
  #cancel(timer: Timer): void {
    if (timer.cancelled) return;
    timer.cancelled = true;
    this.#cancelled += 1;
    if (this.#cancelled < 1_000 || this.#cancelled < this.#timers.length / 2) return;
    this.#timers = this.#timers.filter((kept) => !kept.cancelled);
    this.#cancelled = 0;
    this.#arm();
  }

  #arm(): void {
    clearTimeout(this.#armed);
    const next = this.#timers.at(-1);
    if (next === undefined || this.#closed) return;
    const delay = Math.min(Math.max(next.dueAt - this.now(), 0), longestDelayMs);
    // Rounded up: a timer that fires a fraction early would spin until the time has come.
    this.#armed = setTimeout(() => this.#runDue(), Math.ceil(delay));
  }
}
