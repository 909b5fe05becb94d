import type { Dice } from './dice.ts';
import type { Notifier } from './notifier.ts';
import { FOLDER_IDS, type Plan } from './plan.ts';
import type { Platform, Stores } from './platform.ts';
import type { Surroundings } from './simulated-process.ts';
import type { Wishes } from './wishes.ts';

const FIRST_AT_MS = 10_000;

/** What everybody who makes things happen needs; each has dice of its own. */
export interface Stage {
  around: Surroundings;
  stores: Stores;
  platform: Platform;
  notifier: Notifier;
  wishes: Wishes;
  plan: Plan;
  /** Things happen from the begin of the history until then, in ms. */
  span: number;
  /** The end of that, as a time. */
  endsAt: number;
  dice: Dice;
}

/** Some times within the history. */
export function sometimes({ around, dice, span }: Stage, most: number, call: () => void): void {
  for (let left = dice.whole(1, most); left > 0; left--) around.time.after(dice.between(FIRST_AT_MS, span), call);
}

/** A watched folder of some mailbox. */
export function someFolder({ dice, plan }: Stage): { mailbox: string; folder: string } {
  const folder = FOLDER_IDS[dice.pick(plan.folderNames)] ?? 'inbox-id';
  return { mailbox: dice.pick(plan.mailboxes).id, folder };
}
