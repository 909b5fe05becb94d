interface Outage {
  from: number;
  to: number;
}

/** When the app could do its work: some process was up and Graph answered. */
export class ServiceRecord {
  readonly #now: () => number;
  readonly #outages: Outage[] = [];
  readonly #reasons = new Set<string>();

  constructor(now: () => number) {
    this.#now = now;
  }

  lost(reason: string): void {
    if (this.#reasons.size === 0) this.#outages.push({ from: this.#now(), to: Infinity });
    this.#reasons.add(reason);
  }

  restored(reason: string): void {
    if (!this.#reasons.delete(reason) || this.#reasons.size > 0) return;
    const last = this.#outages.at(-1);
    if (last) last.to = this.#now();
  }

  /** Milliseconds of service between two times. */
  between(from: number, to: number): number {
    let served = to - from;
    for (let position = this.#outages.length - 1; position >= 0; position--) {
      const outage = this.#outages[position];
      if (!outage || outage.to <= from) break;
      served -= Math.max(0, Math.min(outage.to, to) - Math.max(outage.from, from));
    }
    return served;
  }
}
