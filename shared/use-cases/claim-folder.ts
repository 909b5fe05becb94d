import type { WatchedFolder } from '../domain/watched-folder.ts';
import type { FolderRef, Ports } from '../ports.ts';

/** Longer than the slowest create: Graph waits up to ten seconds for each of two handshakes. */
const CLAIM_MS = 60_000;

/**
 * Claims keep two workers from creating, renewing or deleting the subscription of one folder at the same time.
 * `claim` returns the row as claimed, or `undefined` where another has it, it is gone, or `due` declines; `note` is stored
 * with the claim, for what has to be known even if this worker dies;
 * `settle` stores the outcome and gives the claim back, unless it ran out and passed to somebody else.
 */
export function makeClaimFolder({ folders, newId, deliveries }: Pick<Ports, 'folders' | 'newId' | 'deliveries'>) {
  // The store's clock: Graph's is not known to a process that has just started.
  const now = () => deliveries.clock.now();
  return {
    claim: (
      ref: FolderRef,
      due: (folder: WatchedFolder) => boolean,
      note: (folder: WatchedFolder) => Partial<WatchedFolder> = () => ({}),
    ): Promise<WatchedFolder | undefined> =>
      folders.update(ref, (folder) =>
        folder.claimedUntil.getTime() > now() || !due(folder)
          ? undefined
          : { ...note(folder), claim: newId(), claimedUntil: new Date(now() + CLAIM_MS) },
      ),
    settle: async (claimed: WatchedFolder, changes: Partial<WatchedFolder>): Promise<void> => {
      await folders.update(claimed, (folder) =>
        folder.claim === claimed.claim ? { ...changes, claim: '', claimedUntil: new Date(0) } : undefined,
      );
    },
  };
}

export type ClaimFolder = ReturnType<typeof makeClaimFolder>;
