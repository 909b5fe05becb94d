/**
 * Posts what waits for an endpoint: packed, one POST a second in bursts, a short first attempt, retries with back-off
 * for four hours, slow and drop states (graph/change-notifications-delivery-webhooks).
 */
import type { GraphCounters } from './counters.ts';
import type { DeliveryLog } from './delivery-log.ts';
import type { EmulatorClock } from './emulator-clock.ts';
import type { EndpointAnswer, EndpointClient } from './endpoint-client.ts';
import { EndpointHealth } from './endpoint-health.ts';
import { EndpointQueue, type QueuedItem } from './endpoint-queue.ts';
import type { GraphKnobs } from './knobs.ts';
import type { NotificationPlan } from './notification-plan.ts';
import type { Random } from './random.ts';
import type { Subscription } from './subscription-record.ts';
import type { Subscriptions } from './subscriptions.ts';

export type EndpointSenderDeps = {
  clock: EmulatorClock;
  knobs: GraphKnobs;
  counters: GraphCounters;
  random: Random;
  subscriptions: Subscriptions;
  plan: NotificationPlan;
  log: DeliveryLog;
  client: EndpointClient;
  /** Called for each subscription that lost items for good. */
  onMissed: (subscription: Subscription) => void;
};

type Endpoint = {
  url: string;
  queue: EndpointQueue;
  health: EndpointHealth;
  lastPostAt: number;
  flushPlanned: boolean;
  /** Subscriptions that lost items, until they are told. */
  lost: Set<Subscription>;
};

type Post = { endpoint: Endpoint; items: QueuedItem[]; attempt: number; startedAt: number };

const longestBackOffMs = 3_600_000;

export class EndpointSender {
  readonly #deps: EndpointSenderDeps;
  readonly #endpoints = new Map<string, Endpoint>();
  #inFlight = 0;
  #retries = 0;
  /** Counts the resets: what began before one must not go on after it. */
  #life = 0;

  constructor(deps: EndpointSenderDeps) {
    this.#deps = deps;
  }

  /** Whether nothing waits, is under way or will be tried again. */
  get isIdle(): boolean {
    const waiting = [...this.#endpoints.values()].some((endpoint) => endpoint.queue.size > 0);
    return !waiting && this.#inFlight === 0 && this.#retries === 0;
  }

  /** Takes an item in, by the state that the endpoint is in. */
  enqueue(url: string, queued: QueuedItem): void {
    const { clock, counters, knobs } = this.#deps;
    const endpoint = this.#endpointOf(url);
    const add = (): void => {
      endpoint.queue.add(queued);
      this.#planFlush(endpoint);
    };
    switch (endpoint.health.state(clock.now())) {
      case 'drop':
        counters.notificationItemsDropped += 1;
        this.#noteLost(endpoint, queued.subscription);
        break;
      case 'slow':
        clock.after(knobs.endpointWindowMs, add);
        break;
      case 'healthy':
        add();
    }
  }

  reset(): void {
    this.#life += 1;
    this.#retries = 0;
    this.#endpoints.clear();
  }

  #endpointOf(url: string): Endpoint {
    const known = this.#endpoints.get(url);
    if (known !== undefined) return known;
    const endpoint: Endpoint = {
      url,
      queue: new EndpointQueue(),
      health: new EndpointHealth(this.#deps.knobs),
      lastPostAt: Number.NEGATIVE_INFINITY,
      flushPlanned: false,
      lost: new Set(),
    };
    this.#endpoints.set(url, endpoint);
    return endpoint;
  }

  /** Lost items are unrecoverable: `missed` tells of them once the drop state has ended. */
  #noteLost(endpoint: Endpoint, subscription: Subscription): void {
    const { clock, knobs, onMissed } = this.#deps;
    if (!knobs.missedAfterDrop) return;
    if (endpoint.lost.size === 0) {
      clock.after(knobs.endpointWindowMs, () => {
        const lost = [...endpoint.lost];
        endpoint.lost.clear();
        for (const each of lost) onMissed(each);
      });
    }
    endpoint.lost.add(subscription);
  }

  #planFlush(endpoint: Endpoint): void {
    if (endpoint.flushPlanned || endpoint.queue.size === 0) return;
    endpoint.flushPlanned = true;
    const { clock, knobs } = this.#deps;
    clock.at(Math.max(clock.now(), endpoint.lastPostAt + knobs.notificationIntervalMs), () => {
      endpoint.flushPlanned = false;
      this.#flush(endpoint);
    });
  }

  #flush(endpoint: Endpoint): void {
    const { clock, counters, knobs, plan, random, subscriptions } = this.#deps;
    const taken = endpoint.queue.take(knobs.notificationBatchSize, plan.shuffle ? random : null);
    const items = taken.filter((each) => each.lifecycle || subscriptions.find(each.subscription.id) !== undefined);
    counters.notificationItemsDropped += taken.length - items.length;
    if (items.length > 0) {
      endpoint.lastPostAt = clock.now();
      void this.#post({ endpoint, items, attempt: 1, startedAt: clock.now() });
    }
    this.#planFlush(endpoint);
  }

  async #post(post: Post): Promise<void> {
    const { clock, counters, knobs, client, log } = this.#deps;
    const { endpoint, attempt } = post;
    const { url } = endpoint;
    const life = this.#life;
    const at = new Date(clock.now()).toISOString();
    const items = post.items.map(({ item }) => item);
    const timeoutMs = attempt === 1 ? knobs.notificationFirstTimeoutMs : knobs.notificationRetryTimeoutMs;
    counters.notificationPosts += 1;
    this.#inFlight += 1;
    const body = JSON.stringify({ value: items });
    const answer = await client.post({ url, body, contentType: 'application/json; charset=utf-8', timeoutMs });
    this.#inFlight -= 1;
    if (life !== this.#life) return;
    const status = answer.outcome === 'answered' ? answer.status : null;
    const reason = answer.outcome === 'answered' ? null : answer.reason;
    log.add({ at, url, kind: 'notification', attempt, status, reason, ms: answer.ms, items });
    endpoint.health.note(clock.now(), answer.outcome === 'timeout' ? Math.max(answer.ms, timeoutMs) : answer.ms);
    this.#settle(post, answer);
  }

  #settle(post: Post, answer: EndpointAnswer): void {
    const { clock, counters, knobs } = this.#deps;
    if (answer.outcome === 'answered' && answer.status >= 200 && answer.status < 300) {
      for (const { lifecycle } of post.items) {
        counters[lifecycle ? 'lifecycleItemsSent' : 'notificationItemsSent'] += 1;
      }
      return;
    }
    counters.notificationPostsFailed += 1;
    const wait = Math.min(knobs.notificationRetryFirstMs * 2 ** (post.attempt - 1), longestBackOffMs);
    if (clock.now() + wait - post.startedAt > knobs.notificationRetryWindowMs) {
      counters.notificationItemsFailed += post.items.length;
      for (const each of post.items) if (!each.lifecycle) this.#noteLost(post.endpoint, each.subscription);
      return;
    }
    this.#retries += 1;
    clock.after(wait, () => {
      this.#retries -= 1;
      void this.#post({ ...post, attempt: post.attempt + 1 });
    });
  }
}
