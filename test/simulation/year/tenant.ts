import type { SimulatedTime } from '../simulated-time.ts';
import { Quotas } from './quotas.ts';

export const MINUTE = 60_000;
export const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;

const SHORTEST_MINUTES = 45;

export interface TenantSubscription {
  id: string;
  /** `us`: this app, whoever of its installations made it. */
  app: 'us' | 'another';
  resource: string;
  notificationUrl: string;
  lifecycleNotificationUrl: string | undefined;
  clientState: string;
  expiresAt: number;
  grantedAt: number;
  patchedAt: number;
}

/** What becomes of one request (or part of a batch) in place of the usual; `applied`: it is done all the same. */
export interface Trouble {
  /** 0: no answer at all; in a batch: the part is left out of the answer. */
  status: number;
  code?: string;
  retryAfterSeconds?: number;
  applied?: boolean;
}

export type Gone = 'expired' | 'deleted' | 'removed by Graph';

/** Who wants to know what becomes of subscriptions. */
export interface Witness {
  granted?(subscription: TenantSubscription): void;
  renewed?(subscription: TenantSubscription): void;
  gone?(subscription: TenantSubscription, why: Gone, at: number): void;
  /** A PATCH or DELETE of a subscription that is not of this installation. */
  touched?(subscription: TenantSubscription): void;
}

/** A tenant as Graph keeps it: users, a group, subscriptions by id and by resource, quotas. No I/O, no waiting. */
export class Tenant {
  readonly time: SimulatedTime;
  readonly users = new Map<string, string>();
  readonly groups = new Map<string, string[]>();
  /** Mailboxes that refuse everybody. */
  readonly refusing = new Map<string, 403 | 404>();
  readonly all = new Map<string, TenantSubscription>();
  readonly witness: Witness = {};
  readonly quotas: Quotas;
  maxMinutes = 10_080;
  /** What becomes of a wish for more than the maximum. */
  overlong: 'refuse' | 'clamp' = 'refuse';
  pageSize = 100;
  /** What happens to a request in place of the usual, by method and path. */
  trouble: (method: string, path: string) => Trouble | undefined = () => undefined;
  /** The same for one PATCH of a batch, by subscription. */
  partTrouble: (id: string) => Trouble | undefined = () => undefined;
  /** Subscriptions that a list leaves out (reported of the real service). */
  unlisted: (subscription: TenantSubscription) => boolean = () => false;
  /** What a reading of a group brings: all of it, or less. */
  readingOf: (members: string[]) => string[] = (members) => members;
  readonly #byResource = new Map<string, TenantSubscription>();
  #numbers = 0;

  constructor(time: SimulatedTime) {
    this.time = time;
    this.quotas = new Quotas(() => time.now());
  }

  /** The live subscription of this id, of whatever app. */
  live(id: string): TenantSubscription | undefined {
    const found = this.all.get(id);
    if (!found || found.expiresAt > this.time.now()) return found;
    this.end(found, 'expired', found.expiresAt);
    return undefined;
  }

  on(resource: string): TenantSubscription | undefined {
    const found = this.#byResource.get(resource);
    return found && this.live(found.id);
  }

  /** Everything that is alive; ends what is past its time. */
  sweep(): TenantSubscription[] {
    return [...this.all.keys()].flatMap((id) => this.live(id) ?? []);
  }

  end(subscription: TenantSubscription, why: Gone, at = this.time.now()): void {
    this.all.delete(subscription.id);
    if (this.#byResource.get(subscription.resource) === subscription) this.#byResource.delete(subscription.resource);
    this.witness.gone?.(subscription, why, at);
  }

  put(
    parts: Pick<TenantSubscription, 'resource' | 'notificationUrl'> & Partial<TenantSubscription>,
  ): TenantSubscription {
    const now = this.time.now();
    const subscription: TenantSubscription = {
      id: `50b5c41b-0000-4000-a000-${String(++this.#numbers).padStart(12, '0')}`,
      app: 'us',
      lifecycleNotificationUrl: undefined,
      clientState: '',
      expiresAt: now + this.maxMinutes * MINUTE,
      grantedAt: now,
      patchedAt: now,
      ...parts,
    };
    this.all.set(subscription.id, subscription);
    if (subscription.app === 'us') this.#byResource.set(subscription.resource, subscription);
    this.witness.granted?.(subscription);
    return subscription;
  }

  /** The end that is granted for a wish; `undefined`: refused as too long. */
  grant(until: number): number | undefined {
    const now = this.time.now();
    const latest = now + this.maxMinutes * MINUTE;
    // Clocks differ: a minute over is let pass.
    if (until > latest + MINUTE && this.overlong === 'refuse') return undefined;
    return Math.min(latest, Math.max(until, now + SHORTEST_MINUTES * MINUTE));
  }

  patch(subscription: TenantSubscription, expiresAt: number): void {
    subscription.expiresAt = expiresAt;
    subscription.grantedAt = this.time.now();
    subscription.patchedAt = this.time.now();
    this.witness.renewed?.(subscription);
  }
}
