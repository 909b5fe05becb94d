import { mayRenew, type WatchedFolder } from '../domain/watched-folder.ts';
import { errorCode } from '../errors.ts';
import { log } from '../log.ts';
import type { Ports, RenewOutcome } from '../ports.ts';
import type { ClaimFolder } from './claim-folder.ts';
import { afterRenewal, type EnsureSubscription } from './ensure-subscription.ts';

type Deps = Pick<Ports, 'subscriptions'> & { claims: ClaimFolder; ensureSubscription: EnsureSubscription };

/** `$batch` takes 20 requests (json-batching). */
const BATCH = 20;
const ORPHAN_AFTER_MS = 30 * 60_000;

/** Renews every subscription of `rows` that is past half its life, 20 to a request. Used by both timers. */
export const makeRenewDue =
  ({ subscriptions, claims, ensureSubscription }: Deps) =>
  async (rows: WatchedFolder[]): Promise<number> => {
    const now = () => subscriptions.clock.now();
    const isDue = (folder: WatchedFolder) => folder.wanted && mayRenew(folder, now());

    async function renewBatch(batch: WatchedFolder[]): Promise<number> {
      const claimed = (
        await Promise.all(batch.map((folder) => claims.claim(folder, isDue, () => ({ patchedAt: new Date(now()) }))))
      ).filter((row) => row !== undefined);
      if (claimed.length === 0) return 0;
      let outcomes: RenewOutcome[] = [];
      try {
        const requests = claimed.map((row) => ({ id: row.subscription ?? '', minutes: row.maxMinutes }));
        outcomes = await subscriptions.renew(requests);
      } catch (error) {
        log('warn', 'renewals failed', { count: claimed.length, code: errorCode(error) });
      }
      let renewed = 0;
      for (const [position, row] of claimed.entries()) {
        const outcome = outcomes[position];
        const changes = outcome ? afterRenewal(row, outcome, now()) : {};
        await claims.settle(row, changes ?? {});
        if (!changes) await ensureSubscription(row, 'verify');
        if (outcome?.kind === 'renewed') renewed++;
      }
      return renewed;
    }

    const due = rows.filter(isDue);
    let renewed = 0;
    for (let from = 0; from < due.length; from += BATCH) renewed += await renewBatch(due.slice(from, from + BATCH));
    return renewed;
  };

/**
 * The slow timer: learns Graph's time from the list of subscriptions, removes orphans of ours, looks after rows whose
 * subscription is not listed, renews what is due. An orphan is removed on its second sighting, 30 minutes after the
 * first: its row may only not be written yet. A list that omits a subscription proves nothing (fact sheet 13), so the
 * missing one is asked for by id before it is made anew.
 */
export const makeRenewSubscriptions =
  ({
    ensureSubscription,
    folders,
    subscriptions,
    renewDue,
  }: Pick<Ports, 'folders' | 'subscriptions'> & {
    ensureSubscription: EnsureSubscription;
    renewDue: ReturnType<typeof makeRenewDue>;
  }) =>
  async (): Promise<void> => {
    const listed = await subscriptions.list();
    const rows = await folders.list();
    const known = new Set(rows.map((row) => row.subscription));
    const now = subscriptions.clock.now();
    for (const orphan of listed.filter((item) => item.ours && !known.has(item.id))) {
      const first = await folders.sightOrphan(orphan.id, new Date(now));
      if (now - first.getTime() < ORPHAN_AFTER_MS) continue;
      await subscriptions.remove(orphan.id);
      await folders.forgetOrphan(orphan.id);
      log('warn', 'orphaned subscription removed', { subscription: orphan.id });
    }
    const alive = new Set(listed.map((item) => item.id));
    for (const row of rows)
      if (row.wanted && row.subscription && !alive.has(row.subscription)) await ensureSubscription(row, 'verify');
    const renewed = await renewDue(rows);
    log('info', 'renewals done', { count: renewed });
  };
