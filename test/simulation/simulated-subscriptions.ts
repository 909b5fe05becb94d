import { appMark } from '../../shared/adapters/graph/graph-subscriptions.ts';
import { TENANT } from '../support/builders.ts';
import type { SimulatedTime } from './simulated-time.ts';

export interface SimulatedSubscription {
  id: string;
  resource: string;
  notificationUrl: string;
  clientState: string;
  expiresAt: number;
  /** Ids in notifications are immutable only if the subscription was made so. */
  immutable: boolean;
  patchedAt: number;
  /** Graph asked for a new authorisation and waits for it; notifications pause some time later. */
  challengedAt: number | undefined;
}

const MINUTE = 60_000;
const SHORTEST_MINUTES = 45;

/** Whose subscriptions are ours. */
export const MARK = appMark(TENANT, '', 'bus.northwind.example');

/** Made by the installation under test, at whatever address it lived then. */
export const isOurs = (item: SimulatedSubscription): boolean => item.notificationUrl.includes(MARK);

/** Subscriptions as Graph keeps them for one app in one tenant. */
export class SimulatedSubscriptions {
  readonly all = new Map<string, SimulatedSubscription>();
  /** Two PATCHes of one subscription that were closer than ten minutes (change-notifications-lifecycle-events). */
  hasty = 0;
  /** What was done to subscriptions of others. */
  readonly meddled: string[] = [];
  readonly maxMinutes: number;
  readonly #time: SimulatedTime;
  readonly #clamps: boolean;
  #numbers = 0;

  constructor(time: SimulatedTime, maxMinutes: number, clamps: boolean) {
    this.#time = time;
    this.maxMinutes = maxMinutes;
    this.#clamps = clamps;
  }

  live(): SimulatedSubscription[] {
    const now = this.#time.now();
    return [...this.all.values()].filter((item) => item.expiresAt > now);
  }

  /** Those of the installation under test. */
  ours(): SimulatedSubscription[] {
    return this.live().filter(isOurs);
  }

  on(resource: string): SimulatedSubscription | undefined {
    const now = this.#time.now();
    for (const item of this.all.values()) if (item.resource === resource && item.expiresAt > now) return item;
    return undefined;
  }

  get(id: string): SimulatedSubscription | undefined {
    const found = this.all.get(id);
    return found && found.expiresAt > this.#time.now() ? found : undefined;
  }

  /** The life that is granted for a wish; `undefined`: refused. */
  grant(until: number): number | undefined {
    const now = this.#time.now();
    const latest = now + this.maxMinutes * MINUTE;
    if (until > latest + MINUTE) return this.#clamps ? latest : undefined;
    return Math.max(until, now + SHORTEST_MINUTES * MINUTE);
  }

  put(parts: Omit<SimulatedSubscription, 'id' | 'patchedAt' | 'challengedAt'>): SimulatedSubscription {
    const id = `50b5c41b-0000-4000-a000-${String(++this.#numbers).padStart(12, '0')}`;
    const made = { ...parts, id, patchedAt: this.#time.now(), challengedAt: undefined };
    this.all.set(id, made);
    return made;
  }

  /** At the wish of the app. */
  remove(found: SimulatedSubscription): void {
    if (!isOurs(found)) this.meddled.push(`${found.id} of another installation was deleted`);
    this.all.delete(found.id);
  }

  patch(found: SimulatedSubscription, expiresAt: number): void {
    const now = this.#time.now();
    if (!isOurs(found)) this.meddled.push(`${found.id} of another installation was renewed`);
    if (now - found.patchedAt < 10 * MINUTE - 5_000) this.hasty++;
    found.patchedAt = now;
    found.expiresAt = expiresAt;
    found.challengedAt = undefined;
  }
}
