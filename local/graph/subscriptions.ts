/** The living subscriptions: found by id, by owner and by mailbox; they end by the emulator's clock. */
import type { EmulatorClock } from './emulator-clock.ts';
import type { GraphKnobs } from './knobs.ts';
import { duplicateKey, type Subscription } from './subscription-record.ts';

export type SubscriptionsDeps = {
  clock: EmulatorClock;
  knobs: GraphKnobs;
  /** Called when a subscription nears its end. */
  onReauthorizationDue: (subscription: Subscription) => void;
};

export class Subscriptions {
  readonly #deps: SubscriptionsDeps;
  readonly #byId = new Map<string, Subscription>();
  readonly #byUser = new Map<string, Set<Subscription>>();
  readonly #byKey = new Map<string, Subscription>();
  readonly #cancels = new Map<string, () => void>();

  constructor(deps: SubscriptionsDeps) {
    this.#deps = deps;
  }

  add(subscription: Subscription): void {
    this.#byId.set(subscription.id, subscription);
    const user = subscription.target.userId.toLowerCase();
    const others = this.#byUser.get(user) ?? new Set();
    this.#byUser.set(user, others.add(subscription));
    this.#byKey.set(duplicateKey(subscription), subscription);
    this.#watchExpiry(subscription);
  }

  remove(subscription: Subscription): void {
    this.#byId.delete(subscription.id);
    this.#byUser.get(subscription.target.userId.toLowerCase())?.delete(subscription);
    this.#byKey.delete(duplicateKey(subscription));
    this.#cancels.get(subscription.id)?.();
    this.#cancels.delete(subscription.id);
  }

  find(id: string): Subscription | undefined {
    return this.#living(this.#byId.get(id.toLowerCase()));
  }

  findDuplicate(subscription: Pick<Subscription, 'appId' | 'target' | 'changeTypes'>): Subscription | undefined {
    return this.#living(this.#byKey.get(duplicateKey(subscription)));
  }

  /** All of a mailbox, whichever app owns them. */
  ofUser(userId: string): Subscription[] {
    return [...(this.#byUser.get(userId.toLowerCase()) ?? [])].filter((each) => this.#living(each) !== undefined);
  }

  all(): Subscription[] {
    return [...this.#byId.values()].filter((each) => this.#living(each) !== undefined);
  }

  /** Moves the expiry; that also counts as a reauthorization. */
  renew(subscription: Subscription, expiry: { at: number; text: string }): void {
    subscription.expiresAt = expiry.at;
    subscription.expirationText = expiry.text;
    this.reauthorize(subscription);
  }

  reauthorize(subscription: Subscription): void {
    subscription.reauthorizationDueSince = null;
    subscription.paused = false;
    this.#watchExpiry(subscription);
  }

  clear(): void {
    for (const cancel of this.#cancels.values()) cancel();
    for (const store of [this.#byId, this.#byUser, this.#byKey, this.#cancels]) store.clear();
  }

  #living(subscription: Subscription | undefined): Subscription | undefined {
    if (subscription === undefined || subscription.expiresAt > this.#deps.clock.now()) return subscription;
    this.remove(subscription);
    return undefined;
  }

  #watchExpiry(subscription: Subscription): void {
    const { clock, knobs, onReauthorizationDue } = this.#deps;
    this.#cancels.get(subscription.id)?.();
    const halfLife = (clock.now() + subscription.expiresAt) / 2;
    const dueAt = Math.max(halfLife, subscription.expiresAt - knobs.reauthorizeBeforeExpiryMs);
    const cancel = clock.at(dueAt, () => {
      if (this.#living(subscription) !== undefined) onReauthorizationDue(subscription);
    });
    this.#cancels.set(subscription.id, cancel);
  }
}
