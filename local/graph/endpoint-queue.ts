/** What waits to be posted to one endpoint: handed out by turns, so that no subscription starves another. */
import type { NotificationItem } from './notification-items.ts';
import type { Random } from './random.ts';
import type { Subscription } from './subscription-record.ts';

export type QueuedItem = { subscription: Subscription; item: NotificationItem; lifecycle: boolean };

export class EndpointQueue {
  readonly #waiting = new Map<string, QueuedItem[]>();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  add(queued: QueuedItem): void {
    const { id } = queued.subscription;
    const line = this.#waiting.get(id);
    if (line === undefined) this.#waiting.set(id, [queued]);
    else line.push(queued);
    this.#size += 1;
  }

  /** Takes the next items, one of each subscription in turn; with chance, from anywhere in its line. */
  take(count: number, chance: Random | null): QueuedItem[] {
    const taken: QueuedItem[] = [];
    while (taken.length < count && this.#size > 0) {
      for (const [id, line] of this.#waiting) {
        if (taken.length === count) break;
        const index = chance === null ? 0 : Math.floor(chance() * line.length);
        const [queued] = line.splice(index, 1);
        if (queued !== undefined) taken.push(queued);
        this.#size -= 1;
        // Taken out and put back last: the next turn starts with another subscription.
        this.#waiting.delete(id);
        if (line.length > 0) this.#waiting.set(id, line);
      }
    }
    return taken;
  }
}
