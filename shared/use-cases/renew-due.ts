import pLimit from 'p-limit';
import {
  isMisdirected,
  mayRenew,
  mayRenewEarly,
  PATCH_TAKES_MS,
  type WatchedFolder,
} from '../domain/watched-folder.ts';
import { errorCode, TransientError } from '../errors.ts';
import { log } from '../log.ts';
import type { FolderRef, Ports, RenewOutcome } from '../ports.ts';
import type { ClaimFolder } from './claim-folder.ts';
import { afterRenewal, type EnsureSubscription } from './ensure-subscription.ts';

type Deps = Pick<Ports, 'subscriptions' | 'keys' | 'after'> & {
  claims: ClaimFolder;
  ensureSubscription: EnsureSubscription;
  /** By the clock of the stored times. */
  now: () => number;
};

/** `$batch` takes 20 requests (json-batching). */
const BATCH = 20;
/** After this time the first claims of a request still last for its PATCHes. */
const CLAIMING_MS = 26_000;
/** Each waits for Graph's handshakes with us. */
const REPLACED_AT_ONCE = 4;

/**
 * Renews every subscription of `rows` that is past half its life, 20 to a request, a request that is not full by that
 * filled up with those that are due next; one that is signed with an old key or leads to an old address is replaced.
 * Pauses when Graph throttles us and stops after `forMs`: what is left is due at the next turn.
 * Used by both timers. Returns how many were renewed.
 */
export function makeRenewDue({ subscriptions, keys, claims, ensureSubscription, after, now }: Deps) {
  let throttledUntil = 0;

  const isDue = (folder: WatchedFolder) =>
    folder.wanted && (mayRenew(folder, now()) || isMisdirected(folder, subscriptions.endpoint, now()));

  const wait = (ms: number) => {
    throttledUntil = Math.max(throttledUntil, now() + ms);
  };

  const mayGoAlong = (folder: WatchedFolder) => folder.wanted && mayRenewEarly(folder, now());

  /** A row that storage does not let us write is left to a later turn, and keeps no other waiting. */
  const logNotStored =
    ({ mailbox, folder }: FolderRef) =>
    (error: unknown): undefined => {
      log('warn', 'renewal not stored', { mailbox, folder, code: errorCode(error) });
    };

  /** `giveBack`: no PATCH was sent, and the next one needs no distance from it. */
  async function claim(folder: WatchedFolder) {
    let patchedAt: Date | undefined;
    const note = (before: WatchedFolder, claimedUntil: Date) => {
      ({ patchedAt } = before);
      return { patchedAt: claimedUntil };
    };
    const row = await claims.claim(folder, mayGoAlong, note);
    return row && { row, giveBack: () => claims.settle(row, { patchedAt }).catch(logNotStored(row)) };
  }

  /** Rows that one request can renew. One claimed too late for it is given back (`late`), and keeps no other waiting. */
  async function claimInTime(batch: WatchedFolder[], late: Promise<unknown>[]): Promise<WatchedFolder[]> {
    const claimed: NonNullable<Awaited<ReturnType<typeof claim>>>[] = [];
    let isOver = false;
    const claiming = batch.map(async (folder) => {
      const found = await claim(folder).catch(logNotStored(folder));
      if (found && isOver) await found.giveBack();
      else if (found) claimed.push(found);
    });
    late.push(...claiming);
    await new Promise<void>((resolve) => {
      const cancel = after(CLAIMING_MS, resolve);
      void Promise.all(claiming).then(cancel).then(resolve);
    });
    isOver = true;
    const inTime: WatchedFolder[] = [];
    // This process may have stood still.
    for (const { row, giveBack } of claimed)
      if (claims.holds(row, PATCH_TAKES_MS)) inTime.push(row);
      else late.push(giveBack());
    return inTime;
  }

  async function renewBatch(batch: WatchedFolder[], late: Promise<unknown>[]): Promise<number> {
    const claimed = await claimInTime(batch, late);
    if (claimed.length === 0) return 0;
    let outcomes: RenewOutcome[] = [];
    try {
      const requests = claimed.map((row) => ({ id: row.subscription ?? '', minutes: row.maxMinutes }));
      outcomes = await subscriptions.renew(requests);
    } catch (error) {
      log('warn', 'renewals failed', { count: claimed.length, code: errorCode(error) });
      if (error instanceof TransientError && error.retryAfterMs !== undefined) wait(error.retryAfterMs);
    }
    let renewed = 0;
    for (const [position, row] of claimed.entries()) {
      const outcome = outcomes[position];
      const changes = outcome ? afterRenewal(row, outcome, now()) : {};
      await claims.settle(row, changes ?? {}).catch(logNotStored(row));
      if (!changes) await ensureSubscription(row, 'verify').catch(logNotStored(row));
      if (outcome?.kind === 'renewed') renewed++;
      if (outcome?.kind === 'failed' && outcome.retryAfterMs !== undefined) wait(outcome.retryAfterMs);
    }
    return renewed;
  }

  /** Not due yet, but soon; the first ones first. */
  const next = (rows: WatchedFolder[], isOutdated: (folder: WatchedFolder) => boolean) =>
    rows
      .filter((folder) => mayGoAlong(folder) && !isDue(folder) && !isOutdated(folder))
      .toSorted((a, b) => (a.renewAt?.getTime() ?? 0) - (b.renewAt?.getTime() ?? 0));

  return async (rows: WatchedFolder[], forMs: number): Promise<number> => {
    const until = now() + forMs;
    const goesOn = async () => {
      const pause = throttledUntil - now();
      if (pause > 0 && throttledUntil < until) await new Promise<void>((resolve) => void after(pause, resolve));
      return now() < until && now() >= throttledUntil;
    };
    const signing = keys.current()?.signing.id;
    const isOutdated = (folder: WatchedFolder) =>
      folder.endpoint !== subscriptions.endpoint || (signing !== undefined && folder.keyId !== signing);
    const due = rows.filter(isDue);
    const plain = due.filter((folder) => !isOutdated(folder));
    if (plain.length % BATCH > 0) plain.push(...next(rows, isOutdated).slice(0, BATCH - (plain.length % BATCH)));
    const late: Promise<unknown>[] = [];
    let renewed = 0;
    for (let from = 0; from < plain.length && (await goesOn()); from += BATCH)
      renewed += await renewBatch(plain.slice(from, from + BATCH), late);
    const limit = pLimit(REPLACED_AT_ONCE);
    const replace = async (folder: WatchedFolder) => {
      if (await goesOn()) await ensureSubscription(folder, 'if-due').catch(logNotStored(folder));
    };
    await Promise.all(due.filter(isOutdated).map((folder) => limit(() => replace(folder))));
    await Promise.all(late);
    return renewed;
  };
}
