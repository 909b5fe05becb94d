import type { Delivery } from '../../../shared/domain/delivery.ts';

const byKey = (a: Delivery, b: Delivery) => (a.key < b.key ? -1 : 1);

/** Ledger rows of one mailbox. Rows are frozen, so that readers may share them; sorted only after a row came or went. */
export class LedgerRows {
  readonly #rows = new Map<string, Delivery>();
  #sorted: Delivery[] | undefined;

  get size(): number {
    return this.#rows.size;
  }

  get(key: string): Delivery | undefined {
    return this.#rows.get(key);
  }

  save(rows: Iterable<Delivery>): void {
    for (const row of rows) this.#rows.set(row.key, Object.freeze({ ...row }));
    this.#sorted = undefined;
  }

  delete(key: string): void {
    this.#rows.delete(key);
    this.#sorted = undefined;
  }

  /** All rows in the order of their keys: newest first. */
  all(): readonly Delivery[] {
    this.#sorted ??= [...this.#rows.values()].toSorted(byKey);
    return this.#sorted;
  }
}
