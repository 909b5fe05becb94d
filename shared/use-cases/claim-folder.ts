import type { WatchedFolder } from '../domain/watched-folder.ts';
import type { FolderRef, Ports } from '../ports.ts';

/** Longer than the slowest create: Graph waits up to ten seconds for each of two handshakes. */
const CLAIM_MS = 60_000;

/**
 * Claims keep two workers from creating, renewing or deleting the subscription of one folder at the same time.
 * `claim` returns the row as claimed, or `undefined` where another has it, it is gone, or `due` declines; `note` is stored
 * with the claim, for what has to be known even if this worker dies;
 * `holds` says whether it lasts for `ms` more: its worker may have stood still;
 * `settle` stores the outcome and gives the claim back, unless it ran out and passed to somebody else.
 */
export function makeClaimFolder({ folders, newId, deliveries }: Pick<Ports, 'folders' | 'newId' | 'deliveries'>) {
  // The store's clock: Graph's is not known to a process that has just started.
  const now = () => deliveries.clock.now();
  const holds = ({ claimedUntil }: WatchedFolder, ms = 0) => claimedUntil.getTime() > now() + ms;
  return {
    holds,
    claim: (
      ref: FolderRef,
      due: (folder: WatchedFolder) => boolean,
      note: (folder: WatchedFolder, claimedUntil: Date) => Partial<WatchedFolder> = () => ({}),
    ): Promise<WatchedFolder | undefined> =>
      folders.update(ref, (folder) => {
        if (holds(folder) || !due(folder)) return undefined;
        const claimedUntil = new Date(now() + CLAIM_MS);
        return { ...note(folder, claimedUntil), claim: newId(), claimedUntil };
      }),
    settle: async (claimed: WatchedFolder, changes: Partial<WatchedFolder>): Promise<void> => {
      await folders.update(claimed, (folder) =>
        folder.claim === claimed.claim ? { ...changes, claim: '', claimedUntil: new Date(0) } : undefined,
      );
    },
  };
}

export type ClaimFolder = ReturnType<typeof makeClaimFolder>;
