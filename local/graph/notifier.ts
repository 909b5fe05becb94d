/** Decides who is told of what: which subscriptions see a change, what the fault plan makes of it, lifecycle events. */
import type { StepObserver } from '../observed-step.ts';
import type { GraphCounters } from './counters.ts';
import { DeliveryLog } from './delivery-log.ts';
import type { EmulatorClock } from './emulator-clock.ts';
import { EndpointClient } from './endpoint-client.ts';
import { EndpointSender } from './endpoint-sender.ts';
import { handshake } from './handshake.ts';
import type { GraphKnobs } from './knobs.ts';
import type { MailboxChange } from './mailbox.ts';
import {
  changeItem,
  type LifecycleEvent,
  lifecycleItem,
  type NotificationItem,
  seenChangeType,
} from './notification-items.ts';
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
  onStep?: StepObserver | undefined;
};

export class Notifier {
  readonly log = new DeliveryLog();
  /** Changed in place by the control routes. */
  readonly plan: NotificationPlan = faultlessPlan();
  readonly #deps: NotifierDeps;
  readonly #client: EndpointClient;
  readonly #sender: EndpointSender;

  constructor(deps: NotifierDeps) {
    this.#deps = deps;
    this.#client = new EndpointClient(deps.onStep);
    const { log, plan } = this;
    const onMissed = (subscription: Subscription): void => void this.announceLifecycle(subscription, 'missed');
    this.#sender = new EndpointSender({ ...deps, plan, log, client: this.#client, onMissed });
  }

  /** Whether nothing waits, is under way or will be tried again. */
  get isIdle(): boolean {
    return this.#sender.isIdle;
  }

  /** The handshake with one URL; throws the refusal that the caller of the API gets. */
  async validate(url: string): Promise<void> {
    const { clock, knobs, counters } = this.#deps;
    counters.handshakes += 1;
    const at = new Date(clock.now()).toISOString();
    const { failure, ms } = await handshake({ url, timeoutMs: knobs.handshakeTimeoutMs, client: this.#client });
    const [status, reason] = failure === undefined ? [200, null] : [null, failure.message];
    this.log.add({ at, url, kind: 'handshake', attempt: 1, status, reason, ms, items: [] });
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
    if (event === 'reauthorizationRequired') subscription.reauthorizationDueSince ??= this.#deps.clock.now();
    if (url === null) return false;
    const item = lifecycleItem(subscription, event, this.#deps.tenantId);
    this.#sender.enqueue(url, { subscription, item, lifecycle: true });
    return true;
  }

  reset(): void {
    this.#sender.reset();
    this.log.clear();
    Object.assign(this.plan, faultlessPlan());
  }

  close(): void {
    this.reset();
    this.#client.close();
  }

  /** Lets the fault plan decide what becomes of a change notification. */
  #release(subscription: Subscription, item: NotificationItem): void {
    const { clock, counters, random } = this.#deps;
    const { plan } = this;
    if (plan.off || this.#isPaused(subscription) || (plan.dropShare > 0 && random() < plan.dropShare)) {
      counters.notificationItemsDropped += 1;
      return;
    }
    const copies = plan.duplicateShare > 0 && random() < plan.duplicateShare ? 1 + plan.duplicates : 1;
    const enqueue = (): void => {
      this.#sender.enqueue(subscription.notificationUrl, { subscription, item, lifecycle: false });
    };
    for (let copy = 0; copy < copies; copy += 1) {
      const delay = plan.delayMs + (plan.delaySpreadMs > 0 ? random() * plan.delaySpreadMs : 0);
      if (delay === 0) enqueue();
      else clock.after(delay, enqueue);
    }
  }

  /** Delivery pauses while a challenge stands unanswered too long; what changes meanwhile is lost. */
  #isPaused(subscription: Subscription): boolean {
    const since = subscription.reauthorizationDueSince;
    subscription.paused ||= since !== null && this.#deps.clock.now() - since > this.#deps.knobs.reauthorizationGraceMs;
    return subscription.paused;
  }
}
