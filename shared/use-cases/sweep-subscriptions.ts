import { folderKey } from '../domain/delta.ts';
import { errorCode } from '../errors.ts';
import { log } from '../log.ts';
import type { OwnSubscription, Ports } from '../ports.ts';
import type { EnsureSubscription } from './ensure-subscription.ts';

type Deps = Pick<Ports, 'folders' | 'subscriptions'> & {
  ensureSubscription: EnsureSubscription;
  /** By the clock of the stored times. */
  now: () => number;
};

const ORPHAN_AFTER_MS = 30 * 60_000;
const VERIFY_FOR_MS = 120_000;

/**
 * Compares Graph's list of subscriptions with the rows: removes orphans of ours, looks after rows whose subscription is
 * not listed or that have none. An orphan is removed on its second sighting, 30 minutes after the first: its row may only
 * not be written yet. A list that omits a subscription proves nothing (fact sheet 13), so the missing one is asked for by
 * id before it is made anew.
 */
export function makeSweepSubscriptions({ folders, subscriptions, ensureSubscription, now }: Deps) {
  /** A row that cannot be read is in no list; that must not cost its folder the subscription. */
  async function isNamed({ id, resource }: OwnSubscription): Promise<boolean> {
    const [, mailbox, folderId] = /users\/([^/]+)\/mailFolders\/([^/]+)\/messages/i.exec(resource) ?? [];
    if (!mailbox || !folderId) return false;
    try {
      const row = await folders.get({ mailbox: mailbox.toLowerCase(), folder: folderKey(folderId) });
      return row?.subscription === id;
    } catch (error) {
      log('warn', 'subscription without a readable row left alone', { subscription: id, code: errorCode(error) });
      return true;
    }
  }

  return async (): Promise<void> => {
    const listed = await subscriptions.list();
    const rows = await folders.list();
    const known = new Set(rows.map((row) => row.subscription));
    const seenAt = subscriptions.clock.now();
    for (const orphan of listed.filter((item) => item.ours && !known.has(item.id))) {
      const first = await folders.sightOrphan(orphan.id, new Date(seenAt));
      if (seenAt - first.getTime() < ORPHAN_AFTER_MS || (await isNamed(orphan))) continue;
      await subscriptions.remove(orphan.id);
      await folders.forgetOrphan(orphan.id);
      log('warn', 'orphaned subscription removed', { subscription: orphan.id });
    }
    const alive = new Set(listed.map((item) => item.id));
    const until = now() + VERIFY_FOR_MS;
    for (const row of rows) {
      if (!row.wanted || now() >= until) continue;
      // The fast timer sees to these within a minute, unless it is the one that fails.
      if (!row.subscription) await ensureSubscription(row, 'if-due');
      else if (!alive.has(row.subscription)) await ensureSubscription(row, 'verify');
    }
  };
}
