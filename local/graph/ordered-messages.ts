/** Messages of a folder in order of one moment, so that a page of 50,000 costs as much as a page of fifty. */
import type { MailMessage } from './message-record.ts';

/** A place in the order: a moment, and the arrival number among equals. */
export type Place = { at: number; seq: number };

export class OrderedMessages {
  readonly #momentOf: (message: MailMessage) => number;
  readonly #items: MailMessage[] = [];

  constructor(momentOf: (message: MailMessage) => number) {
    this.#momentOf = momentOf;
  }

  get size(): number {
    return this.#items.length;
  }

  at(index: number): MailMessage | undefined {
    return this.#items[index];
  }

  placeOf(message: MailMessage): Place {
    return { at: this.#momentOf(message), seq: message.seq };
  }

  /** How many messages lie before a place. */
  countBefore(place: Place): number {
    let low = 0;
    let high = this.#items.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const item = this.#items[middle];
      if (item !== undefined && this.#isBefore(item, place)) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  add(message: MailMessage): void {
    const last = this.#items.at(-1);
    const place = this.placeOf(message);
    if (last === undefined || this.#isBefore(last, place)) this.#items.push(message);
    else this.#items.splice(this.countBefore(place), 0, message);
  }

  /** Takes a message out; its moment must not have changed since it was added. */
  remove(message: MailMessage): void {
    const index = this.countBefore(this.placeOf(message));
    if (this.#items[index] === message) this.#items.splice(index, 1);
  }

  #isBefore(item: MailMessage, place: Place): boolean {
    const moment = this.#momentOf(item);
    return moment < place.at || (moment === place.at && item.seq < place.seq);
  }
}
