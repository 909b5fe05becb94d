import { createHash } from 'node:crypto';

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
  /** Leases that ran out on this chain's current page: it is asked for smaller. */
  takeovers: number;
  /** When watchedFolders was last told that this folder is in sync. */
  reportedAt: Date | undefined;
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

export const needsReopening = (chain: Chain, options: string): boolean =>
  chain.link !== undefined && (chain.options !== options || chain.results > REOPEN_AT_RESULTS);

/**
 * A chain that starts over: a new one from an hour ago, and the stretch since an hour before the last delta link to be
 * listed. The hours cover clocks that differ and a delta that lags.
 */
export function reopened(chain: Chain, now: number): Chain {
  const since = Math.max(chain.watchStart.getTime(), (chain.linkAt ?? chain.watchStart).getTime() - HOUR_MS);
  const open = chain.gap ? Math.min(since, chain.gap.start.getTime()) : since;
  const start = new Date(open);
  return {
    ...chain,
    link: undefined,
    options: undefined,
    results: 0,
    linkAt: chain.linkAt ?? new Date(now),
    gap: { by: 'lastModifiedDateTime', from: start, skip: 0, start },
  };
}

/** From when on a new chain lists: since the watch began, or an hour back where the gap listing covers the rest. */
export const openFrom = (chain: Chain, now: number): Date =>
  chain.gap ? new Date(Math.max(chain.watchStart.getTime(), now - HOUR_MS)) : chain.watchStart;
