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

/** Subscriptions as Graph keeps them for one app in one tenant. */
export class SimulatedSubscriptions {
  readonly all = new Map<string, SimulatedSubscription>();
  /** Two PATCHes of one subscription that were closer than ten minutes (change-notifications-lifecycle-events). */
  hasty = 0;
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
    return [...this.all.values()].filter((item) => item.expiresAt > this.#time.now());
  }

  on(resource: string): SimulatedSubscription | undefined {
    return this.live().find((item) => item.resource === resource);
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

  patch(found: SimulatedSubscription, expiresAt: number): void {
    const now = this.#time.now();
    if (now - found.patchedAt < 10 * MINUTE - 5_000) this.hasty++;
    found.patchedAt = now;
    found.expiresAt = expiresAt;
    found.challengedAt = undefined;
  }
}
