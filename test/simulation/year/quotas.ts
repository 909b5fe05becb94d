export type Counted = 'write' | 'read' | 'list';

const WINDOW_MS = 20_000;

/** Requests to the subscription service per app and tenant in 20 seconds (throttling-limits, 2026-02). */
export class Quotas {
  readonly limits: Record<Counted, number> = { write: 500, read: 500, list: 25 };
  /** Requests that were refused. */
  readonly refused: Record<Counted, number> = { write: 0, read: 0, list: 0 };
  readonly #now: () => number;
  readonly #windows = new Map<Counted, { from: number; count: number }>();

  constructor(now: () => number) {
    this.#now = now;
  }

  /** Counts a request; returns how many seconds to wait where there were too many. */
  take(kind: Counted): number | undefined {
    const now = this.#now();
    let window = this.#windows.get(kind);
    if (!window || now - window.from >= WINDOW_MS) {
      window = { from: now, count: 0 };
      this.#windows.set(kind, window);
    }
    window.count++;
    if (window.count <= this.limits[kind]) return undefined;
    this.refused[kind]++;
    return Math.ceil((window.from + WINDOW_MS - now) / 1000);
  }
}
