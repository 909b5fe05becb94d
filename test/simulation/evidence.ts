import type { Plan } from './plan.ts';
import type { Stores } from './platform.ts';
import type { Wishes } from './wishes.ts';

/** One rule that did not hold. */
export interface Breach {
  rule: string;
  what: string;
  /** Words that lead to the lines of the trace that matter. */
  about: string[];
}

/** What a history leaves behind to be judged. */
export interface Evidence {
  plan: Plan;
  stores: Stores;
  wishes: Wishes;
  /** Replays that an administrator asked for, by mailbox. */
  replays: ReadonlyMap<string, number>;
  /** Rules that were seen to be broken on the way, as `rule: what`. */
  broken: string[];
  logLines: string[];
  /** Where the app lives at last. */
  isAt(notificationUrl: string): boolean;
  /** When the app first started. */
  startedAt: number;
  /** When processes started, in order. */
  starts: readonly number[];
  now: number;
  isExhausted: boolean;
}
