import type { CrmQueue, OutgoingEvent } from '../../../shared/ports.ts';
import type { VirtualClock } from '../virtual-clock.ts';
import type { Gate } from './gate.ts';

const WINDOW_MS = 7 * 86_400_000;

/** The CRM's queue: remembers every send, and drops what repeats a MessageId within seven days. */
export class FakeCrmQueue {
  /** What the app sent, repeats included. */
  readonly sends: (OutgoingEvent & { at: number })[] = [];
  /** What a consumer gets. */
  readonly events: OutgoingEvent[] = [];
  readonly #seenAt = new Map<string, number>();
  readonly #clock: VirtualClock;

  constructor(clock: VirtualClock) {
    this.#clock = clock;
  }

  accept(event: OutgoingEvent): void {
    const now = this.#clock.now();
    this.sends.push({ ...event, at: now });
    const seen = this.#seenAt.get(event.messageId);
    if (seen !== undefined && now - seen < WINDOW_MS) return;
    this.#seenAt.set(event.messageId, now);
    this.events.push(event);
  }
}

/** The port as one process sees it. */
export const fakeCrmQueue = (queue: FakeCrmQueue, gate: Gate): CrmQueue => ({
  publish(events) {
    const sendAll = (part: OutgoingEvent[]) => {
      for (const event of part) queue.accept(event);
    };
    return gate.pass('crmQueue.publish', () => sendAll(events), {
      midway: () => sendAll(events.slice(0, Math.ceil(events.length / 2))),
    });
  },
});
