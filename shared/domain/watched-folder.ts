import type { FolderTrouble } from '../errors.ts';

/** Where a mailbox is named. Settings win over the others; a mailbox stays as long as one source names it. */
export type Source = 'settings' | 'group' | 'admin';

export type FolderState = 'starting' | 'active' | 'polling' | 'failing' | 'suspended' | 'stopped';

/** Whose move it is when a folder is not active. */
export type Move = 'none' | 'administrator' | 'operator';

/** One row of `watchedFolders`: all that reconcile needs to know, without asking anybody. */
export interface WatchedFolder {
  /** Object id of the mailbox, lower case; or, while the address is not resolved, `?` and a hash of it. */
  mailbox: string;
  /** Short hash of the mail folder. */
  folder: string;
  folderId: string;
  /** As the setting names it. */
  folderName: string;
  /** As the setting names the mailbox. */
  address: string;
  source: Source;
  /** An administrator named it too: it stays when the settings or the group let it go. */
  addedByAdmin: boolean;
  wanted: boolean;
  watchStart: Date;
  state: FolderState;
  reason: string;
  since: Date;
  move: Move;
  subscription: string | undefined;
  /** clientState key that signed it. */
  keyId: string | undefined;
  /** Where it sends its notifications (a hash). */
  endpoint: string | undefined;
  expiresAt: Date | undefined;
  /** Half of the granted life. */
  renewAt: Date | undefined;
  /** Last PATCH or creation, at the latest that it can have been: the next one keeps ten minutes away. */
  patchedAt: Date | undefined;
  /** Longest life that Graph accepted, in minutes. */
  maxMinutes: number;
  /** Who is creating, renewing or deleting the subscription, and until when. */
  claim: string;
  claimedUntil: Date;
  rungAt: Date;
  syncedAt: Date;
  /** A suspended folder is tried again at this time. */
  probeAt: Date;
  probes: number;
  /** When retention was last seen to. */
  purgedAt: Date;
  /** First reading that no longer named the mailbox; a removal needs a second one an hour later. */
  missingSince: Date | undefined;
}

/** Longest life asked for: an hour below the documented maximum of 10,080 minutes (resources/subscription, 2026-09). */
export const LIFE_MINUTES = 10_020;
/** What older Graph deployments grant (4,230 minutes, documents up to 2023), with a margin. */
export const SHORT_LIFE_MINUTES = 4_200;
/** PATCH and reauthorize keep ten minutes apart (change-notifications-lifecycle-events, 2026-03). */
const PATCH_APART_MS = 600_000;
/**
 * A PATCH is sent only while its claim lasts for so long: Graph waits up to ten seconds for each of two handshakes, and
 * ten more are for the request and its way there.
 */
export const PATCH_TAKES_MS = 30_000;
const PROBE_FIRST_MS = 300_000;
const PROBE_CAP_MS = 24 * 3_600_000;

/** The folder needs a subscription: it has none, or it is past its end. */
export const needsSubscription = (folder: WatchedFolder, now: number): boolean =>
  folder.subscription === undefined || folder.expiresAt === undefined || folder.expiresAt.getTime() <= now;

export const isRenewalDue = (folder: WatchedFolder, now: number): boolean =>
  folder.renewAt !== undefined && folder.renewAt.getTime() <= now;

/** Five eighths of its life are over, and it should have been renewed at half of it. */
export const isRenewalLate = ({ expiresAt, renewAt }: WatchedFolder, now: number): boolean =>
  expiresAt !== undefined &&
  renewAt !== undefined &&
  now >= renewAt.getTime() + (expiresAt.getTime() - renewAt.getTime()) / 4;

export const mayPatch = (folder: WatchedFolder, now: number): boolean =>
  folder.patchedAt === undefined || now - folder.patchedAt.getTime() >= PATCH_APART_MS;

/** Alive, past half its life, and far enough from the last PATCH. */
export const mayRenew = (folder: WatchedFolder, now: number): boolean =>
  !needsSubscription(folder, now) && isRenewalDue(folder, now) && mayPatch(folder, now);

/** A sixteenth of its life before it is due: soon enough to fill up a request that goes out anyway. */
export const mayRenewEarly = (folder: WatchedFolder, now: number): boolean => {
  const { expiresAt, renewAt } = folder;
  if (!expiresAt || !renewAt || needsSubscription(folder, now) || !mayPatch(folder, now)) return false;
  return now >= renewAt.getTime() - (expiresAt.getTime() - renewAt.getTime()) / 8;
};

export const isCatchUpDue = (folder: WatchedFolder, now: number, catchUpMs: number): boolean =>
  Math.max(folder.syncedAt.getTime(), folder.rungAt.getTime()) + catchUpMs <= now;

/** Alive, but it sends its notifications where we do not live any more; a PATCH cannot change that. */
export const isMisdirected = (folder: WatchedFolder, endpoint: string, now: number): boolean =>
  !needsSubscription(folder, now) && folder.endpoint !== endpoint && mayPatch(folder, now);

/** What a granted (or renewed) subscription changes in the row. Half life is counted from `now`, Graph's own clock. */
export const subscribed = (subscription: string, expiresAt: Date, now: number) => ({
  subscription,
  expiresAt,
  renewAt: new Date(now + (expiresAt.getTime() - now) / 2),
  patchedAt: new Date(now),
});

export const active = (folder: WatchedFolder, now: number): Partial<WatchedFolder> =>
  folder.state === 'active'
    ? {}
    : { state: 'active', reason: '', move: 'none', since: new Date(now), probes: 0, probeAt: new Date(0) };

interface TroubleTerms extends Pick<WatchedFolder, 'state' | 'reason' | 'move'> {
  /** Pause before the first probe, doubled by each that fails. */
  firstMs: number;
  capMs: number;
}

const administrator = (reason: string): TroubleTerms => ({
  state: 'suspended',
  reason,
  move: 'administrator',
  firstMs: PROBE_FIRST_MS,
  capMs: PROBE_CAP_MS,
});

const TROUBLE: Readonly<Record<FolderTrouble, TroubleTerms>> = {
  'no-access': administrator(
    'no access: grant this app Mail.Read for the mailbox, or take the mailbox out of MAILBOXES',
  ),
  'not-found': administrator('mailbox not found: give it a licence or correct its name, or take it out of MAILBOXES'),
  'no-folder': administrator('no such folder in this mailbox: create it there, or correct MAIL_FOLDERS'),
  'no-answer': {
    state: 'failing',
    reason:
      'Graph or its sign-in does not answer: check identity, secret or certificate, and network; it is tried again',
    move: 'operator',
    // With every turn of the timer: it is ours to mend, and may be mended any minute.
    firstMs: 0,
    capMs: 0,
  },
};

/** A mailbox that refuses us is never forgotten: it is probed ever more slowly. `code` is the service's word. */
export function inTrouble(
  folder: WatchedFolder,
  trouble: FolderTrouble,
  now: number,
  code = '',
): Partial<WatchedFolder> {
  const { state, reason, move, firstMs, capMs } = TROUBLE[trouble];
  return {
    state,
    reason: code ? `${reason} (${code})` : reason,
    move,
    since: folder.state === state ? folder.since : new Date(now),
    probes: folder.probes + 1,
    probeAt: new Date(now + Math.min(capMs, firstMs * 2 ** Math.min(folder.probes, 20))),
  };
}
