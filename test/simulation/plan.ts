import type { Dice } from './dice.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

/** Where a mailbox is named. */
export type NamedBy = 'id' | 'address' | 'group' | 'admin';

export interface PlannedMailbox {
  id: string;
  address: string;
  named: NamedBy;
}

/** The shape of one history, drawn from its seed. */
export interface Plan {
  days: number;
  processes: number;
  /** Rings that a process handles at once. */
  atOnce: number;
  catchUpMs: number;
  /** How often the fast and the slow timer run. */
  tickMs: number;
  renewMs: number;
  mailboxes: PlannedMailbox[];
  /** As MAIL_FOLDERS names them. */
  folderNames: string[];
  mails: number;
  /** Mails that come within minutes, now and then more than a delta shows. */
  flood: number;
  includeMime: boolean;
  includeAttachments: boolean;
  maxMinutes: number;
  clampsLifetime: boolean;
  /** Until the signing key is 90 days old. */
  keyDaysLeft: number;
  /** The app moves to another address. */
  moves: boolean;
  /** Another installation of the same app has a subscription where ours should be, for a while. */
  isCrowdedOut: boolean;
}

export const FOLDER_IDS: Readonly<Record<string, string>> = { inbox: 'inbox-id', 'sales-id': 'sales-id' };
/** A folder that nobody watches. */
export const ARCHIVE = 'archive-id';
export const GROUP = '99999999-0000-4000-8000-000000000001';

export function drawPlan(dice: Dice): Plan {
  const catchUpMs = dice.pick([HOUR, 2 * HOUR, 4 * HOUR, 8 * HOUR]);
  const days = dice.whole(2, 9);
  const mailboxes = Array.from({ length: dice.pick([1, 1, 1, 2, 2, 3]) }, (_, position) => ({
    id: `0${position}111111-2222-4333-8444-555555555555`,
    address: `box${position}@northwind.example`,
    named: dice.pick(['id', 'address', 'address', 'group', 'group', 'admin', 'admin'] as const),
  }));
  const maxMinutes = dice.pick([10_080, 10_080, 4_230, 2_880, 1_440]);
  return {
    days,
    processes: dice.pick([1, 2, 2, 3, 3, 5, 20]),
    atOnce: dice.pick([1, 2, 4, 16]),
    catchUpMs,
    tickMs: dice.pick([catchUpMs / 3, catchUpMs / 2]),
    renewMs: dice.pick([HOUR, 3 * HOUR, 6 * HOUR]),
    mailboxes,
    folderNames: dice.chance(0.3) ? ['inbox', 'sales-id'] : ['inbox'],
    mails: dice.whole(5, 50),
    flood: dice.chance(0.005) ? dice.whole(3_100, 6_000) : dice.chance(0.05) ? dice.whole(60, 200) : 0,
    includeMime: dice.chance(0.15),
    includeAttachments: dice.chance(0.4),
    maxMinutes,
    // A wish above the documented maximum may be refused; a shorter grant than asked for can only be a clamp.
    clampsLifetime: maxMinutes < 4_230 || dice.chance(0.5),
    keyDaysLeft: dice.chance(0.5) ? dice.between(0, days) : 60,
    moves: dice.chance(0.1),
    isCrowdedOut: dice.chance(0.1),
  };
}

/** Folders that are watched in every wanted mailbox. */
export const watchedFolders = ({ folderNames }: Plan): string[] =>
  folderNames.map((name) => FOLDER_IDS[name] ?? 'inbox-id');

export const resourceOf = (mailbox: string, folder: string): string =>
  `users/${mailbox}/mailFolders/${folder}/messages`;

/** Share of calls that may fail at most: under the load of a flood even few faults are many. */
export const mostFaults = ({ flood }: Plan): number => (flood > 1_000 ? 0.002 : flood > 0 ? 0.01 : 1);
