import { aNotification, TENANT } from '../../support/builders.ts';
import type { FakeSubscriptionStore } from '../../support/fakes/graph-subscriptions-fake.ts';

const PACK_MS = 500;
const PACK = 20;
const NOTIFIED_AFTER_MS = 2_000;
const ANSWER_WITHIN_MS = 2_500;
const AGAIN_FIRST_MS = 10_000;
const GIVE_UP_MS = 2 * 3_600_000;

type Item = Record<string, unknown>;

interface Endpoint {
  /** Calls back after `ms`; the result calls it off. */
  alarm(ms: number, work: () => void): () => void;
  /** Hands a POST to some process; `undefined` where none is up. */
  deliver(value: Item[], deadline: AbortSignal): Promise<unknown> | undefined;
}

/** Graph's side of notifications: packed into POSTs, repeated until they are acknowledged. */
export class GraphNotifications {
  /** Share of change notifications that never come. */
  dropShare = 0;
  /** POSTs that were not acknowledged. */
  refusedPosts = 0;
  readonly #pending: Item[] = [];
  readonly #subscriptions: FakeSubscriptionStore;
  readonly #endpoint: Endpoint;

  constructor(subscriptions: FakeSubscriptionStore, endpoint: Endpoint) {
    this.#subscriptions = subscriptions;
    this.#endpoint = endpoint;
  }

  /** Graph says that a mail came. */
  created(mailbox: string, id: string): void {
    const subscription = this.#of(mailbox);
    if (subscription)
      this.post(aNotification({ clientState: subscription.clientState, mailbox, id }), NOTIFIED_AFTER_MS);
  }

  /** Graph says something about the subscription of a mailbox. */
  lifecycle(mailbox: string, lifecycleEvent: string): void {
    const subscription = this.#of(mailbox);
    if (!subscription) return;
    const { clientState, id } = subscription;
    this.post({ subscriptionId: id, clientState, tenantId: TENANT, lifecycleEvent }, 0);
  }

  /** What comes within a moment is one POST of at most twenty. */
  post(item: Item, afterMs = 0): void {
    const { alarm } = this.#endpoint;
    alarm(afterMs, () => {
      this.#pending.push(item);
      if (this.#pending.length > 1) return;
      alarm(PACK_MS, () => {
        const items = this.#pending.splice(0);
        for (let from = 0; from < items.length; from += PACK)
          this.#send(items.slice(from, from + PACK), AGAIN_FIRST_MS);
      });
    });
  }

  #of(mailbox: string) {
    return this.#subscriptions.live().find((item) => item.mailbox === mailbox);
  }

  /** A POST that is not acknowledged comes again, later each time, for four hours. */
  #send(items: Item[], waitMs: number): void {
    const { alarm, deliver } = this.#endpoint;
    const again = () => {
      this.refusedPosts++;
      if (waitMs < GIVE_UP_MS) alarm(waitMs, () => this.#send(items, waitMs * 2));
    };
    const deadline = new AbortController();
    const answer = deliver(items, deadline.signal);
    if (!answer) return again();
    const cancel = alarm(ANSWER_WITHIN_MS, () => deadline.abort());
    answer.catch(again).finally(() => cancel());
  }
}
