import type { Chain } from '../domain/delta.ts';
import { log } from '../log.ts';
import type { Ports } from '../ports.ts';

/**
 * Opens closed chains whose rows say that they are wanted; `true` where there were any. The row decides whether a folder
 * is watched, and its chain repeats that so that a look needs no further read. They are two writes: a removal that is
 * taken back while it runs can leave them at odds, and rings would end in vain for ever.
 */
export const makeReopenFolders =
  ({ folders, deliveries }: Pick<Ports, 'folders' | 'deliveries'>) =>
  async (mailbox: string, closed: Chain[]): Promise<boolean> => {
    let isAnyOpen = false;
    for (const { folder } of closed) {
      const isWanted = async () => (await folders.get({ mailbox, folder }))?.wanted === true;
      if (!(await isWanted())) continue;
      await deliveries.saveChain(mailbox, folder, { wanted: true });
      // A removal writes the row before the chain: one that came between has its say.
      if (await isWanted()) {
        isAnyOpen = true;
        log('warn', 'folder opened again', { mailbox, folder });
      } else await deliveries.saveChain(mailbox, folder, { wanted: false });
    }
    return isAnyOpen;
  };

export type ReopenFolders = ReturnType<typeof makeReopenFolders>;
