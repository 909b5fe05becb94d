/** Every POST to an endpoint: what was sent, what came back. */
import type { NotificationItem } from './notification-items.ts';

export type Delivery = {
  at: string;
  url: string;
  kind: 'handshake' | 'notification';
  attempt: number;
  /** Status of the answer, or null if none came. */
  status: number | null;
  reason: string | null;
  ms: number;
  items: readonly NotificationItem[];
};

const mostKept = 20_000;

export class DeliveryLog {
  #deliveries: Delivery[] = [];

  get deliveries(): readonly Delivery[] {
    return this.#deliveries;
  }

  add(delivery: Delivery): void {
    this.#deliveries.push(delivery);
    if (this.#deliveries.length > 2 * mostKept) this.#deliveries = this.#deliveries.slice(-mostKept);
  }

  clear(): void {
    this.#deliveries = [];
  }
}
