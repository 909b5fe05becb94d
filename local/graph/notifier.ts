/**
 * Sends notifications as the service does: packed by endpoint, one POST a second in bursts, a short first attempt,
 * retries with back-off for four hours, slow and drop states.
 */
import type { GraphCounters } from './counters.ts';
import { DeliveryLog } from './delivery-log.ts';
import type { EmulatorClock } from './emulator-clock.ts';
import { type EndpointAnswer, EndpointClient } from './endpoint-client.ts';
import { EndpointHealth } from './endpoint-health.ts';
import { EndpointQueue, type QueuedItem } from './endpoint-queue.ts';
import { handshake } from './handshake.ts';
import type { GraphKnobs } from './knobs.ts';
import type { MailboxChange } from './mailbox.ts';
import { changeItem, type LifecycleEvent, lifecycleItem, seenChangeType } from './notification-items.ts';
import { faultlessPlan, type NotificationPlan } from './notification-plan.ts';
import type { Random } from './random.ts';
import type { Subscription } from './subscription-record.ts';
import type { Subscriptions } from './subscriptions.ts';

export type NotifierDeps = {
  tenantId: string;
  clock: EmulatorClock;
  knobs: GraphKnobs;
  counters: GraphCounters;
  random: Random;
  subscriptions: Subscriptions;
};

type Endpoint = {
  url: string;
  queue: EndpointQueue;
  health: EndpointHealth;
  lastPostAt: number;
  flushPlanned: boolean;
  /** Subscriptions that lost items while the endpoint was in the drop state. */
  lost: Set<Subscription>;
};

type Post = { endpoint: Endpoint; items: QueuedItem[]; attempt: number; startedAt: number };

const longestBackOffMs = 3_600_000;

export class Notifier {
  readonly log = new DeliveryLog();
  /** Changed in place by the control routes. */
  readonly plan: NotificationPlan = faultlessPlan();
  readonly #deps: NotifierDeps;
  readonly #client = new EndpointClient();
  readonly #endpoints = new Map<string, Endpoint>();
  #inFlight = 0;
  #retries = 0;
  #life = 0;

  constructor(deps: NotifierDeps) {
    this.#deps = deps;
  }

  /** Whether nothing waits, is under way or will be tried again. */
  get isIdle(): boolean {
    return this.#inFlight === 0 && this.#retries === 0 && this.waiting === 0;
  }

  /** Items that wait for their first POST. */
  get waiting(): number {
    return [...this.#endpoints.values()].reduce((sum, endpoint) => sum + endpoint.queue.size, 0);
  }

  /** The handshake with one URL; throws the refusal that the caller of the API gets. */
  async validate(url: string): Promise<void> {
    const { clock, knobs, counters } = this.#deps;
    counters.handshakes += 1;
    const at = new Date(clock.now()).toISOString();
    const failure = await handshake({ url, timeoutMs: knobs.handshakeTimeoutMs, client: this.#client });
    const [status, reason] = failure === undefined ? [200, null] : [null, failure.message];
    this.log.add({ at, url, kind: 'handshake', attempt: 1, status, reason, ms: 0, items: [] });
    if (failure === undefined) return;
    counters.handshakesFailed += 1;
    throw failure;
  }

  /** Tells every subscription that sees the change. */
  announce(change: MailboxChange): void {
    for (const subscription of this.#deps.subscriptions.ofUser(change.mailbox.userId)) {
      const type = seenChangeType(subscription, change);
      if (type === undefined) continue;
      this.#release(subscription, changeItem(subscription, change, type, this.#deps.tenantId));
    }
  }

  /** Sends a lifecycle event, if the subscription has a URL for them. */
  announceLifecycle(subscription: Subscription, event: LifecycleEvent): boolean {
    const url = subscription.lifecycleNotificationUrl;
    if (url === null) return false;
    if (event === 'reauthorizationRequired') subscription.reauthorizationDueSince ??= this.#deps.clock.now();
    this.#enqueue(url, {
      subscription,
      item: lifecycleItem(subscription, event, this.#deps.tenantId),
      lifecycle: true,
    });
    return true;
  }

  reset(): void {
    this.#life += 1;
    this.#retries = 0;
    this.#endpoints.clear();
    this.log.clear();
    Object.assign(this.plan, faultlessPlan());
  }

  close(): void {
    this.reset();
    this.#client.close();
  }

  /** Lets the fault plan decide what becomes of a change notification. */
  #release(subscription: Subscription, item: QueuedItem['item']): void {
    const { clock, counters, random, knobs } = this.#deps;
    const { plan } = this;
    const since = subscription.reauthorizationDueSince;
    subscription.paused ||= since !== null && clock.now() - since > knobs.reauthorizationGraceMs;
    if (plan.off || subscription.paused || (plan.dropShare > 0 && random() < plan.dropShare)) {
      counters.notificationItemsDropped += 1;
      return;
    }
    const copies = plan.duplicateShare > 0 && random() < plan.duplicateShare ? 1 + plan.duplicates : 1;
    for (let copy = 0; copy < copies; copy += 1) {
      const delay = plan.delayMs + (plan.delaySpreadMs > 0 ? random() * plan.delaySpreadMs : 0);
      const enqueue = (): void => this.#enqueue(subscription.notificationUrl, { subscription, item, lifecycle: false });
      if (delay === 0) enqueue();
      else clock.after(delay, enqueue);
    }
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

  #enqueue(url: string, queued: QueuedItem): void {
    const { clock, counters, knobs } = this.#deps;
    const endpoint = this.#endpointOf(url);
    switch (endpoint.health.state(clock.now())) {
      case 'drop':
        counters.notificationItemsDropped += 1;
        this.#noteLost(endpoint, queued.subscription);
        return;
      case 'slow':
        clock.after(knobs.endpointWindowMs, () => {
          endpoint.queue.add(queued);
          this.#planFlush(endpoint);
        });
        return;
      case 'healthy':
        endpoint.queue.add(queued);
        this.#planFlush(endpoint);
    }
  }

  /** Lost items are unrecoverable; `missed` tells of them once the drop state has ended. */
  #noteLost(endpoint: Endpoint, subscription: Subscription): void {
    const { clock, knobs } = this.#deps;
    if (!knobs.missedAfterDrop) return;
    if (endpoint.lost.size === 0) {
      clock.after(knobs.endpointWindowMs, () => {
        const lost = [...endpoint.lost];
        endpoint.lost.clear();
        for (const each of lost) this.announceLifecycle(each, 'missed');
      });
    }
    endpoint.lost.add(subscription);
  }

  #planFlush(endpoint: Endpoint): void {
    if (endpoint.flushPlanned || endpoint.queue.size === 0) return;
    endpoint.flushPlanned = true;
    const life = this.#life;
    const { clock, knobs } = this.#deps;
    clock.at(Math.max(clock.now(), endpoint.lastPostAt + knobs.notificationIntervalMs), () => {
      if (life !== this.#life) return;
      endpoint.flushPlanned = false;
      this.#flush(endpoint);
    });
  }

  #flush(endpoint: Endpoint): void {
    const { clock, counters, knobs, random, subscriptions } = this.#deps;
    const taken = endpoint.queue.take(knobs.notificationBatchSize, this.plan.shuffle ? random : null);
    const items = taken.filter(
      ({ subscription, lifecycle }) => lifecycle || subscriptions.find(subscription.id) !== undefined,
    );
    counters.notificationItemsDropped += taken.length - items.length;
    if (items.length > 0) {
      endpoint.lastPostAt = clock.now();
      void this.#post({ endpoint, items, attempt: 1, startedAt: clock.now() });
    }
    this.#planFlush(endpoint);
  }

  async #post(post: Post): Promise<void> {
    const { clock, counters, knobs } = this.#deps;
    const { endpoint, attempt } = post;
    const life = this.#life;
    const at = new Date(clock.now()).toISOString();
    const items = post.items.map(({ item }) => item);
    const timeoutMs = attempt === 1 ? knobs.notificationFirstTimeoutMs : knobs.notificationRetryTimeoutMs;
    counters.notificationPosts += 1;
    this.#inFlight += 1;
    const body = JSON.stringify({ value: items });
    const answer = await this.#client.post({
      url: endpoint.url,
      body,
      contentType: 'application/json; charset=utf-8',
      timeoutMs,
    });
    this.#inFlight -= 1;
    if (life !== this.#life) return;
    const status = answer.outcome === 'answered' ? answer.status : null;
    const reason = answer.outcome === 'answered' ? null : answer.reason;
    this.log.add({ at, url: endpoint.url, kind: 'notification', attempt, status, reason, ms: answer.ms, items });
    endpoint.health.note(clock.now(), answer.outcome === 'timeout' ? Math.max(answer.ms, timeoutMs) : answer.ms);
    this.#settle(post, answer);
  }

  #settle(post: Post, answer: EndpointAnswer): void {
    const { clock, counters, knobs } = this.#deps;
    if (answer.outcome === 'answered' && answer.status >= 200 && answer.status < 300) {
      for (const { lifecycle } of post.items) counters[lifecycle ? 'lifecycleItemsSent' : 'notificationItemsSent'] += 1;
      return;
    }
    counters.notificationPostsFailed += 1;
    const wait = Math.min(knobs.notificationRetryFirstMs * 2 ** (post.attempt - 1), longestBackOffMs);
    if (clock.now() + wait - post.startedAt > knobs.notificationRetryWindowMs) {
      counters.notificationItemsFailed += post.items.length;
      for (const { subscription, lifecycle } of post.items) if (!lifecycle) this.#noteLost(post.endpoint, subscription);
      return;
    }
    this.#retries += 1;
    const life = this.#life;
    clock.after(wait, () => {
      if (life !== this.#life) return;
      this.#retries -= 1;
      void this.#post({ ...post, attempt: post.attempt + 1 });
    });
  }
}
