import type { ServiceRecord } from './service-record.ts';
import { type Gone, HOUR, type Tenant, type TenantSubscription } from './tenant.ts';

interface Gap {
  mailbox: string;
  why: Gone | 'another address';
  from: number;
  /** How long the app had been able to renew before it lapsed. */
  chanceMs: number;
}

export interface LongestGap {
  mailbox: string;
  why: string;
  hours: number;
}

/** So many hours of service in the second half of a life are enough for every trigger that is alive. */
const ENOUGH_MS = 6 * HOUR;

const mailboxOf = (resource: string) => /users\/([^/]+)/.exec(resource)?.[1] ?? '';

/** Watches from outside, on Graph's side, whether each wanted and readable mailbox has a subscription that reaches us. */
export class Coverage {
  created = 0;
  renewed = 0;
  /** Lapses of wanted, readable mailboxes although the app could have renewed. */
  readonly expiriesOfOurMaking: string[] = [];
  /** Lapses that nobody could prevent. */
  expiries = 0;
  readonly foreignTouched: string[] = [];
  /** By the clock on the wall, and by the time in which the app could work. */
  longest: LongestGap = { mailbox: '', why: 'none', hours: 0 };
  longestServed: LongestGap = { mailbox: '', why: 'none', hours: 0 };
  /** Wanted mailboxes that were covered once and are not now. */
  readonly gaps = new Map<string, Gap>();
  readonly #tenant: Tenant;
  readonly #service: ServiceRecord;
  readonly #mark: string;
  readonly #isWanted: (mailbox: string) => boolean;
  readonly #readableSince = new Map<string, number>();
  #host = '';

  constructor(tenant: Tenant, service: ServiceRecord, mark: string, isWanted: (mailbox: string) => boolean) {
    this.#tenant = tenant;
    this.#service = service;
    this.#mark = mark;
    this.#isWanted = isWanted;
    Object.assign(tenant.witness, {
      granted: (subscription) => {
        if (!this.#isOurs(subscription)) return;
        this.created++;
        if (this.#reachesUs(subscription)) this.#close(mailboxOf(subscription.resource));
      },
      renewed: (subscription) => {
        if (this.#isOurs(subscription)) this.renewed++;
      },
      touched: ({ id }) => this.foreignTouched.push(id),
      gone: (subscription, why, at) => {
        if (this.#isOurs(subscription)) this.#lapse(subscription, why, at);
      },
    } satisfies typeof tenant.witness);
  }

  /** From now on subscriptions reach us at this address only. */
  moveTo(host: string): void {
    this.#host = host;
    for (const subscription of this.#tenant.sweep())
      if (this.#isOurs(subscription) && !this.#reachesUs(subscription))
        this.#open(mailboxOf(subscription.resource), 'another address', this.#tenant.time.now(), Infinity);
  }

  /** What is not wanted or not readable has no gap. */
  forget(mailbox: string): void {
    this.gaps.delete(mailbox);
  }

  /** Its mailbox can be read again; nobody could renew a subscription before. */
  readable(mailbox: string): void {
    this.#readableSince.set(mailbox, this.#tenant.time.now());
  }

  /** Lets what is past its end lapse, and measures gaps that are still open. */
  look(): void {
    this.#tenant.sweep();
    for (const gap of this.gaps.values()) this.#measure(gap);
  }

  #isOurs(subscription: TenantSubscription): boolean {
    return subscription.notificationUrl.endsWith(`?app=${this.#mark}`);
  }

  #reachesUs(subscription: TenantSubscription): boolean {
    return subscription.notificationUrl.startsWith(`${this.#host}/`);
  }

  #lapse(subscription: TenantSubscription, why: Gone, at: number): void {
    const mailbox = mailboxOf(subscription.resource);
    const halfLife = subscription.grantedAt + (subscription.expiresAt - subscription.grantedAt) / 2;
    const from = Math.max(halfLife, this.#readableSince.get(mailbox) ?? 0);
    const chanceMs = why === 'expired' && from < at ? this.#service.between(from, at) : 0;
    this.#open(mailbox, why, at, chanceMs);
  }

  #open(mailbox: string, why: Gap['why'], from: number, chanceMs: number): void {
    if (!this.#isWanted(mailbox) || this.#tenant.refusing.has(mailbox)) return;
    if (why === 'expired') this.expiries++;
    if (why === 'expired' && chanceMs >= ENOUGH_MS)
      this.expiriesOfOurMaking.push(`${mailbox} at ${new Date(from).toISOString()}`);
    if (!this.gaps.has(mailbox)) this.gaps.set(mailbox, { mailbox, why, from, chanceMs });
  }

  #close(mailbox: string): void {
    const gap = this.gaps.get(mailbox);
    if (gap) this.#measure(gap);
    this.gaps.delete(mailbox);
  }

  #measure({ mailbox, why, from }: Gap): void {
    const now = this.#tenant.time.now();
    const hours = (now - from) / HOUR;
    const served = this.#service.between(from, now) / HOUR;
    if (hours > this.longest.hours) this.longest = { mailbox, why, hours };
    if (served > this.longestServed.hours) this.longestServed = { mailbox, why, hours: served };
  }
}
