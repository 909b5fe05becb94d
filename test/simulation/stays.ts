import { folderKey } from '../../shared/domain/delta.ts';
import { type Plan, watchedFolders } from './plan.ts';
import type { Platform, Stores } from './platform.ts';
import { waitForAudit } from './settle.ts';
import type { SimulatedMail } from './simulated-mailboxes.ts';
import type { Surroundings } from './simulated-process.ts';
import type { Wishes } from './wishes.ts';

const SLACK_MS = 30 * 60_000;

interface Deps {
  around: Surroundings;
  stores: Stores;
  platform: Platform;
  wishes: Wishes;
  plan: Plan;
}

/**
 * Mail that leaves a watched folder again. If it lay there for two reconcile intervals while the app could work
 * and read it, it must have been sent by then.
 */
export class Stays {
  readonly broken: string[] = [];
  /** How many mails could be judged when they left. */
  judged = 0;
  readonly #deps: Deps;
  readonly #folders: ReadonlySet<string>;

  constructor(deps: Deps) {
    this.#deps = deps;
    this.#folders = new Set(watchedFolders(deps.plan));
  }

  leaves(mail: SimulatedMail): void {
    const { stores, around, wishes, plan } = this.#deps;
    const since = wishes.since(mail.mailbox);
    if (since === undefined || !around.faults.isMild || mail.isDraft || !this.#folders.has(mail.folder)) return;
    const patience = 2 * (plan.catchUpMs + plan.tickMs) + SLACK_MS + this.#untilAudit(mail);
    const calmSince = Math.max(since, mail.arrivedAt, mail.readableAt, this.#troubledUntil(mail.mailbox));
    if (around.time.now() - calmSince < patience) return;
    const row = stores.folders.get({ mailbox: mail.mailbox, folder: folderKey(mail.folder) });
    // A suspended mailbox counts from its next probe.
    if (row?.state === 'suspended' || (row && mail.receivedAt < row.watchStart.getTime())) return;
    this.judged++;
    if (stores.bus.crm.has(mail.mailbox, mail.id)) return;
    const rows = stores.deliveries.ledger(mail.mailbox).filter(({ id }) => id === mail.id);
    // A note that was closed says nothing about its mail; that Graph no longer had it there does.
    if (rows.some(({ state, reason }) => state !== 'gone' || reason === 'gone' || reason === 'elsewhere')) return;
    this.broken.push(
      `no loss: ${mail.mailbox}/${mail.id} left ${mail.folder} after ${Math.round((around.time.now() - calmSince) / 60_000)} quiet minutes and was never sent`,
    );
  }

  /** Older mail that was moved into a crowded folder. */
  #untilAudit({ mailbox, folder, receivedAt, arrivedAt }: SimulatedMail): number {
    const { stores, plan } = this.#deps;
    if (arrivedAt - receivedAt < 1_000) return 0;
    return waitForAudit(stores, plan, (id, folderId) => id === mailbox && folderId === folder);
  }

  #troubledUntil(mailbox: string): number {
    const { around, platform } = this.#deps;
    const refused = around.refusedUntil.get(mailbox)?.until ?? 0;
    return Math.max(refused, platform.idleUntil, ...around.downUntil.values());
  }
}
