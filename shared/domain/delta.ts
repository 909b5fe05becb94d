import { createHash } from 'node:crypto';
import type { Audit } from './audit.ts';

/**
 * The delta chain of one watched folder, as stored beside the lane of its mailbox.
 * `link` is the next link or delta link to follow; none means that a chain has to be opened.
 */
export interface Chain {
  /** Short folder hash. */
  folder: string;
  folderId: string;
  /** Address of the mailbox as the settings, the group or the administrator name it. */
  address: string | undefined;
  watchStart: Date;
  wanted: boolean;
  link: string | undefined;
  /** Hash of the options baked into the link; other options mean a new chain. */
  options: string | undefined;
  /** Entries since the chain was opened. */
  results: number;
  /** When the last delta link was received: everything before it was seen. */
  linkAt: Date | undefined;
  /** A stretch of time that still has to be listed because its chain was lost. */
  gap: Gap | undefined;
  /** How far back a chain that starts over reaches, in ms: shorter for a mailbox with thousands of mails an hour. */
  window: number;
  /** Leases that ran out on this chain's current page: it is asked for smaller. */
  takeovers: number;
  /** When watchedFolders was last told that this folder is in sync. */
  reportedAt: Date | undefined;
  /** The audit that is under way. */
  audit: Audit | undefined;
  /** Up to when every mail was compared with the ledger. */
  auditedTo: Date | undefined;
  /** When the next audit is due; `undefined`: a day after the watch began. */
  auditAt: Date | undefined;
  /** Mail events that the operator wants to be sent once more. */
  replay: Replay | undefined;
}

/** Mail received up to `to` is sent once more, with MessageIds that depend on `run`. */
export interface Replay {
  run: string;
  at: Gap;
  to: Date;
}

/** Where the listing of a gap stands. It runs once by each field, so that mail moved in with an old date is seen too. */
export interface Gap {
  by: 'lastModifiedDateTime' | 'receivedDateTime';
  from: Date;
  /** Mails of that very second that were seen already. */
  skip: number;
  /** Where the second listing starts. */
  start: Date;
}

/** Graph ends a filtered delta at 5,000 messages without a word (message-delta), so a chain is replaced well before. */
const REOPEN_AT_RESULTS = 3_000;
const HOUR_MS = 3_600_000;
const SHORTEST_WINDOW_MS = 60_000;
/** Longer than any watch. */
export const WHOLE_WATCH_MS = 1e13;

/** Page sizes by how often the page took its worker down: smaller each time, at last one mail alone. */
const PAGE_SIZES = [50, 10, 1];

export const pageSize = (takeovers: number): number => PAGE_SIZES[Math.min(takeovers, PAGE_SIZES.length - 1)] ?? 1;

/** A single mail that took down this many workers is set aside without another try. */
export const SET_ASIDE_AT_TAKEOVERS = PAGE_SIZES.length + 2;

export const optionsHash = (options: unknown): string =>
  createHash('sha256').update(JSON.stringify(options)).digest('base64url').slice(0, 11);

/** Short hash that stands for a mail folder in clientStates, rings and row keys. */
export const folderKey = (folderId: string): string =>
  createHash('sha256').update(folderId).digest('base64url').slice(0, 11);

export const needsReopening = (chain: Chain, isCurrent: (options: string) => boolean): boolean =>
  chain.link !== undefined && (!isCurrent(chain.options ?? '') || chain.results > REOPEN_AT_RESULTS);

/** From an hour before the last delta link, or from the start of a gap that is older. */
function gapOf({ watchStart, linkAt, gap }: Chain): Gap {
  const seenTo = (linkAt ?? watchStart).getTime() - HOUR_MS;
  const start = new Date(Math.max(watchStart.getTime(), Math.min(seenTo, gap?.start.getTime() ?? seenTo)));
  return { by: 'lastModifiedDateTime', from: start, skip: 0, start };
}

/**
 * Notifications were missed. A chain with a short window would never show older mail that was moved in meanwhile, so the
 * time since its last delta link is listed too.
 */
export const withMissed = (chain: Chain): Chain =>
  // A first pass that is under way comes to it; the second goes by received time and does not.
  chain.window < WHOLE_WATCH_MS && chain.gap?.by !== 'lastModifiedDateTime' ? { ...chain, gap: gapOf(chain) } : chain;

/**
 * A chain that starts over, and the stretch since an hour before the last delta link to be listed once the new one
 * stands; the hour covers clocks that differ and a delta that lags. The new chain reaches back to the begin of the watch,
 * so that older mail that is moved into the folder later is still shown. `crowded`: it passed the limit before its first
 * delta link, so the next one reaches less far back.
 */
export function reopened(chain: Chain, crowded: boolean): Chain {
  return {
    ...chain,
    link: undefined,
    options: undefined,
    results: 0,
    gap: gapOf(chain),
    window: crowded ? Math.max(SHORTEST_WINDOW_MS, Math.min(HOUR_MS, chain.window / 4)) : WHOLE_WATCH_MS,
  };
}

/** The walk passed the limit without a delta link, and starting over with a shorter window would help. */
export const isCrowded = (chain: Chain): boolean =>
  chain.results > REOPEN_AT_RESULTS && (chain.gap === undefined || chain.window > SHORTEST_WINDOW_MS);

/** From when on a new chain lists: since the watch began, or a window back where the gap listing covers the rest. */
export const openFrom = (chain: Chain, now: number): Date =>
  chain.gap ? new Date(Math.max(chain.watchStart.getTime(), now - chain.window)) : chain.watchStart;
