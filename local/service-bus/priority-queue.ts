/** A place in a `PriorityQueue`. Keep it to take the item out again before its turn. */
export interface Ticket<T> {
  readonly item: T;
  /** What the queue is sorted by. */
  readonly rank: number;
  /** Decides between items of equal rank. */
  readonly tieBreak: number;
  /** Position in the heap, kept by the queue; -1 once the item has left. */
  index: number;
}

/**
 * Smallest rank first, with removal from any place in O(log n).
 * Removal is real, not lazy: a lock that is completed must not stay in memory until it would have expired.
 */
export class PriorityQueue<T> {
  #heap: Ticket<T>[] = [];

  get size(): number {
    return this.#heap.length;
  }

  /** The ticket whose turn it is. */
  first(): Ticket<T> | undefined {
    return this.#heap[0];
  }

  add(item: T, rank: number, tieBreak: number): Ticket<T> {
    const ticket: Ticket<T> = { item, rank, tieBreak, index: this.#heap.length };
    this.#heap.push(ticket);
    this.#rise(ticket);
    return ticket;
  }

  /** Takes a ticket out; one that has already left is ignored. */
  remove(ticket: Ticket<T>): void {
    const hole = ticket.index;
    if (this.#heap[hole] !== ticket) return;
    const last = this.#heap.pop();
    ticket.index = -1;
    if (last === undefined || last === ticket) return;
    this.#put(last, hole);
    this.#rise(last);
    this.#sink(last);
  }

  clear(): void {
    for (const ticket of this.#heap) ticket.index = -1;
    this.#heap = [];
  }

  #put(ticket: Ticket<T>, index: number): void {
    this.#heap[index] = ticket;
    ticket.index = index;
  }

  #rise(ticket: Ticket<T>): void {
    while (ticket.index > 0) {
      const index = ticket.index;
      const parent = this.#heap[(index - 1) >> 1];
      if (parent === undefined || !comesBefore(ticket, parent)) return;
      this.#put(ticket, parent.index);
      this.#put(parent, index);
    }
  }

  #sink(ticket: Ticket<T>): void {
    for (;;) {
      const index = ticket.index;
      const left = this.#heap[2 * index + 1];
      if (left === undefined) return;
      const right = this.#heap[2 * index + 2];
      const child = right !== undefined && comesBefore(right, left) ? right : left;
      if (!comesBefore(child, ticket)) return;
      this.#put(ticket, child.index);
      this.#put(child, index);
    }
  }
}

function comesBefore<T>(a: Ticket<T>, b: Ticket<T>): boolean {
  return a.rank === b.rank ? a.tieBreak < b.tieBreak : a.rank < b.rank;
}
