const SMALLEST_COMPACTION = 64;

/**
 * Everything a queue holds in order of sequence number, for browsing and for look-up by number.
 * Numbers only grow, so adding is an append and finding is a binary search; removed places are closed up
 * once they are more than half of all, which makes removal O(1) in the long run.
 */
export class MessageLog<T> {
  #numbers: number[] = [];
  #items: (T | undefined)[] = [];
  #head = 0;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** Appends; the number must be larger than every number added before. */
  add(sequenceNumber: number, item: T): void {
    this.#numbers.push(sequenceNumber);
    this.#items.push(item);
    this.#size += 1;
  }

  get(sequenceNumber: number): T | undefined {
    const index = this.#indexFrom(sequenceNumber);
    return this.#numbers[index] === sequenceNumber ? this.#items[index] : undefined;
  }

  delete(sequenceNumber: number): void {
    const index = this.#indexFrom(sequenceNumber);
    if (this.#numbers[index] !== sequenceNumber || this.#items[index] === undefined) return;
    this.#items[index] = undefined;
    this.#size -= 1;
    while (this.#head < this.#items.length && this.#items[this.#head] === undefined) this.#head += 1;
    const empty = this.#items.length - this.#size;
    if (empty > SMALLEST_COMPACTION && empty > this.#size) this.#compact();
  }

  /** The items whose number is at least `sequenceNumber`, in order. Do not change the log while walking. */
  *from(sequenceNumber: number): Generator<T> {
    for (let index = this.#indexFrom(sequenceNumber); index < this.#items.length; index += 1) {
      const item = this.#items[index];
      if (item !== undefined) yield item;
    }
  }

  clear(): void {
    this.#numbers = [];
    this.#items = [];
    this.#head = 0;
    this.#size = 0;
  }

  #indexFrom(sequenceNumber: number): number {
    let low = this.#head;
    let high = this.#numbers.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#numbers[middle] ?? Infinity) < sequenceNumber) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #compact(): void {
    const numbers = this.#numbers.filter((_, index) => this.#items[index] !== undefined);
    this.#items = this.#items.filter((item) => item !== undefined);
    this.#numbers = numbers;
    this.#head = 0;
  }
}
