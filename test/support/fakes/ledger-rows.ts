import { type Delivery, ledgerBound } from '../../../shared/domain/delivery.ts';

/** Ledger rows of one mailbox in the order of their keys: newest first. Rows are frozen, so that readers may share them. */
export class LedgerRows {
  readonly #rows = new Map<string, Delivery>();
  readonly #keys: string[] = [];

  get size(): number {
    return this.#rows.size;
  }

  get(key: string): Delivery | undefined {
    return this.#rows.get(key);
  }

  save(rows: Iterable<Delivery>): void {
    for (const row of rows) {
      if (!this.#rows.has(row.key)) this.#keys.splice(this.#placeOf(row.key), 0, row.key);
      this.#rows.set(row.key, Object.freeze({ ...row }));
    }
  }

  delete(key: string): void {
    if (this.#rows.delete(key)) this.#keys.splice(this.#placeOf(key), 1);
  }

  all(): Delivery[] {
    return this.#slice(0, this.#keys.length);
  }

  newest(count: number): Delivery[] {
    return this.#slice(0, count);
  }

  /** Received in [from, to]. */
  between(from: Date, to: Date): Delivery[] {
    return this.#slice(this.#placeOf(ledgerBound(to)), this.#placeOf(`${ledgerBound(from)};`));
  }

  /** The newest `count` of those received before `time`. */
  before(time: Date, count = Number.POSITIVE_INFINITY): Delivery[] {
    const start = this.#placeOf(`${ledgerBound(time)};`);
    return this.#slice(start, start + count);
  }

  /** Where a key stands or would stand. */
  #placeOf(key: string): number {
    let [low, high] = [0, this.#keys.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#keys[middle] ?? '') < key) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #slice(from: number, to: number): Delivery[] {
    return this.#keys.slice(from, to).flatMap((key) => this.#rows.get(key) ?? []);
  }
}
