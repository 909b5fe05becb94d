import type { WatchedFolder } from '../../../shared/domain/watched-folder.ts';
import { TransientError } from '../../../shared/errors.ts';
import type { FolderRef, WatchedFolders } from '../../../shared/ports.ts';
import type { Gate } from './gate.ts';

const ATTEMPTS = 5;

/** Table `watchedFolders` (rows are frozen, so that readers may share them), and the first sightings of subscriptions that nobody claims. */
export class FakeFoldersTable {
  readonly rows = new Map<string, WatchedFolder>();
  readonly orphans = new Map<string, Date>();

  static key = ({ mailbox, folder }: FolderRef) => `${mailbox}/${folder}`;

  get(ref: FolderRef): WatchedFolder | undefined {
    return this.rows.get(FakeFoldersTable.key(ref));
  }

  put(row: WatchedFolder): void {
    this.rows.set(FakeFoldersTable.key(row), Object.freeze({ ...row }));
  }

  all(): WatchedFolder[] {
    const keys = [...this.rows.keys()].toSorted();
    return keys.flatMap((key) => this.rows.get(key) ?? []);
  }
}

/** The port as one process sees it. */
export const fakeWatchedFolders = (table: FakeFoldersTable, gate: Gate): WatchedFolders => ({
  list: ({ mailbox } = {}) =>
    gate.pass('folders.list', () => table.all().filter((row) => mailbox === undefined || row.mailbox === mailbox)),

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
      if (!row) return undefined;
      const changes = change(row);
      if (!changes) return undefined;
      const result = await gate.pass(
        'folders.update',
        () => {
          // Each write puts a new row: which one it is serves as the ETag.
          if (table.get(ref) !== row) return undefined;
          table.put({ ...row, ...changes, mailbox: row.mailbox, folder: row.folder });
          return table.get(ref);
        },
        { conflict: () => undefined },
      );
      if (result) return result;
    }
    throw new TransientError('contended');
  },

  touch: (ref, changes) =>
    gate.pass('folders.touch', () => {
      const row = table.get(ref);
      if (row) table.put({ ...row, ...changes });
    }),

  remove: (ref) =>
    gate.pass('folders.remove', () => {
      table.rows.delete(FakeFoldersTable.key(ref));
    }),

  sightOrphan: (subscription, now) =>
    gate.pass('folders.sightOrphan', () => {
      const first = table.orphans.get(subscription) ?? now;
      table.orphans.set(subscription, first);
      return first;
    }),

  forgetOrphan: (subscription) =>
    gate.pass('folders.forgetOrphan', () => {
      table.orphans.delete(subscription);
    }),
});
