import { type Delivery, PARK_AT } from '../domain/delivery.ts';
import { errorCode } from '../errors.ts';
import { log } from '../log.ts';
import type { Ports } from '../ports.ts';

const RETRY_FIRST_MS = 60_000;

export interface MailFailure {
  id: string;
  /** Row key to note it under. */
  key: string;
  /** What the ledger knew of the mail. */
  before: Delivery | undefined;
  error: unknown;
}

/**
 * The ledger row of a mail that failed for its own reasons: `failing` with a ring of its own, at last `parked`. The ring is
 * sent before the row is stored, for a row without a ring would wait for ever.
 */
export const makeNoteFailure =
  ({ mail, workQueue, random }: Pick<Ports, 'mail' | 'workQueue' | 'random'>) =>
  async (mailbox: string, { id, key, before, error }: MailFailure): Promise<Delivery> => {
    const attempts = (before?.attempts ?? 0) + 1;
    const parked = attempts >= PARK_AT;
    const reason = errorCode(error);
    log('error', parked ? 'mail parked' : 'mail failing', { mailbox, mail: id, code: reason, attempt: attempts });
    const now = mail.clock.now();
    if (!parked) {
      const wait = RETRY_FIRST_MS * 2 ** (attempts - 1) * (1 + random() / 2);
      await workQueue.send([{ mailbox, folders: [], ids: [], retry: [id], look: 'again' }], {
        at: new Date(now + wait),
      });
    }
    return { key, id, state: parked ? 'parked' : 'failing', attempts, reason, recordedAt: new Date(now) };
  };

export type NoteFailure = ReturnType<typeof makeNoteFailure>;
