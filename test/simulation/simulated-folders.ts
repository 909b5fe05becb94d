import type { WatchedFolder } from '../../shared/domain/watched-folder.ts';
import type { FolderRef } from '../../shared/ports.ts';
import { FakeFoldersTable } from '../support/fakes/watched-folders-fake.ts';
import type { SimulatedTime } from './simulated-time.ts';

/** Table `watchedFolders` that remembers when each row came into being. */
export class SimulatedFolders extends FakeFoldersTable {
  readonly #born = new Map<string, number>();
  readonly #time: SimulatedTime;

  constructor(time: SimulatedTime) {
    super();
    this.#time = time;
  }

  override put(row: WatchedFolder): void {
    if (!this.get(row)) this.#born.set(FakeFoldersTable.key(row), this.#time.now());
    super.put(row);
  }

  bornAt(ref: FolderRef): number | undefined {
    return this.#born.get(FakeFoldersTable.key(ref));
  }
}
