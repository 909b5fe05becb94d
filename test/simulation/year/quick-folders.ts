import type { WatchedFolder } from '../../../shared/domain/watched-folder.ts';
import { TransientError } from '../../../shared/errors.ts';
import type { FolderRef, WatchedFolders } from '../../../shared/ports.ts';
import type { Gate } from '../../support/fakes/gate.ts';

const ATTEMPTS = 5;

const keyOf = ({ mailbox, folder }: FolderRef) => `${mailbox}/${folder}`;

/**
 * Table `watchedFolders` for ten thousand rows read thousands of times: rows are frozen and shared instead of copied, and
 * the row object itself is the ETag.
 */
export class QuickFoldersTable {
  readonly rows = new Map<string, Readonly<WatchedFolder>>();
  readonly orphans = new Map<string, Date>();
  /** A folder is not watched any more. */
  onStopped: ((mailbox: string) => void) | undefined;
  #list: WatchedFolder[] | undefined;

  put(row: WatchedFolder): WatchedFolder {
    if (!row.wanted && this.get(row)?.wanted) this.onStopped?.(row.mailbox);
    const frozen = Object.freeze({ ...row });
    this.rows.set(keyOf(row), frozen);
    this.#list = undefined;
    return frozen;
  }

  delete(ref: FolderRef): void {
    this.rows.delete(keyOf(ref));
    this.#list = undefined;
  }

  get(ref: FolderRef): Readonly<WatchedFolder> | undefined {
    return this.rows.get(keyOf(ref));
  }

  all(): WatchedFolder[] {
    this.#list ??= [...this.rows.values()];
    return this.#list;
  }

  of(mailbox: string): WatchedFolder[] {
    return this.all().filter((row) => row.mailbox === mailbox);
  }
}

/** The port as one process sees it. */
export const quickWatchedFolders = (table: QuickFoldersTable, gate: Gate): WatchedFolders => ({
  list: ({ mailbox } = {}) =>
    gate.pass('folders.list', () => (mailbox === undefined ? [...table.all()] : table.of(mailbox))),

  get: (ref) => gate.pass('folders.get', () => table.get(ref)),

  create: (folder) =>
    gate.pass('folders.create', () => {
      if (table.get(folder)) return false;
      table.put(folder);
      return true;
    }),

  async update(ref, change) {
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const row = await gate.pass('folders.read', () => table.get(ref));
      const changes = row && change(row);
      if (!row || !changes) return undefined;
      const written = await gate.pass('folders.update', () =>
        table.get(ref) === row
          ? table.put({ ...row, ...changes, mailbox: row.mailbox, folder: row.folder })
          : undefined,
      );
      if (written) return written;
    }
    throw new TransientError('contended');
  },

  touch: (ref, changes) =>
    gate.pass('folders.touch', () => {
      const row = table.get(ref);
      if (row) table.put({ ...row, ...changes });
    }),

  remove: (ref) => gate.pass('folders.remove', () => table.delete(ref)),

  sightOrphan: (subscription, now) =>
    gate.pass('folders.sightOrphan', () => {
      const first = table.orphans.get(subscription) ?? now;
      table.orphans.set(subscription, first);
      return first;
    }),

  forgetOrphan: (subscription) => gate.pass('folders.forgetOrphan', () => void table.orphans.delete(subscription)),
});
