import { inTrouble } from '../domain/watched-folder.ts';
import { errorCode } from '../errors.ts';
import { log } from '../log.ts';
import type { Ports } from '../ports.ts';

/**
 * Shows on every watched folder of a mailbox that Graph does not answer for it, with the code of the last failure. The
 * next look that succeeds takes it back. Never rejects: the back-off that it belongs to must not fail for it.
 */
export const makeReportTrouble =
  ({ folders, deliveries }: Pick<Ports, 'folders' | 'deliveries'>) =>
  async (mailbox: string, code: string): Promise<void> => {
    try {
      const now = deliveries.clock.now();
      for (const row of await folders.list({ mailbox })) {
        if (!row.wanted || row.folderId === '') continue;
        await folders.update(row, (folder) => inTrouble(folder, 'no-answer', now, code));
        await deliveries.saveChain(mailbox, row.folder, { reportedAt: undefined });
      }
    } catch (error) {
      log('warn', 'trouble not shown', { mailbox, code: errorCode(error) });
    }
  };
