import { describe, expect, it, vi } from 'vitest';
import * as z from 'zod';
import { withInvocationLog } from '../../../shared/log.ts';
import { INBOX, MAILBOX } from '../../support/builders.ts';
import { everyOrder, type Schedule } from './interleavings.ts';
import { deeds, play } from './stepping.ts';
import { makeSteppingWorld, queuedRing, type SteppingWorld } from './stepping-world.ts';

// Hours of virtual time are seconds of real work, more on a busy machine.
vi.setConfig({ testTimeout: 120_000 });

const DEEDS = ['edits', 'files', 'returns', 'deletes'] as const;
type Deed = (typeof DEEDS)[number];

/** Every choice of three deeds in every order. */
const TRIPLES = DEEDS.flatMap((a) =>
  DEEDS.flatMap((b) => DEEDS.map((c) => [a, b, c] as const).filter((three) => new Set(three).size === 3)),
);

const EDITED = 'Order, corrected';
const shown = z.looseObject({ data: z.looseObject({ message: z.looseObject({ subject: z.string() }) }) });

function act({ stores }: SteppingWorld, id: string, deed: Deed): void {
  const { mailboxes } = stores;
  const stored = mailboxes.stored(MAILBOX, id);
  if (!stored) return;
  if (deed === 'edits') stored.mail = { ...stored.mail, subject: EDITED };
  if (deed === 'files') mailboxes.move(MAILBOX, id, 'archive-id');
  if (deed === 'returns') mailboxes.move(MAILBOX, id, INBOX);
  if (deed === 'deletes') mailboxes.remove(MAILBOX, id);
}

/** A user handles a mail three times while the worker that was told of it is at any of its steps. */
async function handled(schedule: Schedule, three: readonly Deed[], lagging: boolean): Promise<void> {
  const world = makeSteppingWorld();
  const { stores, deliver, arrived, finish } = world;
  const mail = deliver(lagging ? { deltaLagMs: 3_600_000 } : {});
  const worker = world.worker();
  let editedBeforeWork = false;
  const user = deeds(
    ...three.map((deed) => () => {
      if (deed === 'edits' && worker.gate.calls.every((call) => !call.startsWith('mail.'))) editedBeforeWork = true;
      act(world, mail.id, deed);
    }),
  );
  const done = worker.answer(queuedRing(undefined, mail.id));
  await play([worker.gate, user], schedule);
  await done;
  await finish();
  // What stays in the folder is found by catch-up at the latest, once delta shows it.
  await world.clock.advance(2 * 3_600_000);
  stores.workQueue.put(JSON.stringify(queuedRing('timer')));
  await finish();

  const what = `${three.join(', ')}; delta lags: ${lagging}; calls: ${worker.gate.calls.join(' ')}`;
  const stays = stores.mailboxes.stored(MAILBOX, mail.id)?.folderId === INBOX;
  expect(arrived().length, what).toBeLessThanOrEqual(1);
  if (stays) expect(arrived().length, what).toBe(1);
  const [event] = stores.crmQueue.events;
  if (event && editedBeforeWork) expect(shown.parse(JSON.parse(event.body)).data.message.subject, what).toBe(EDITED);
  expect(stores.deliveries.ledger(MAILBOX).filter((row) => row.state === 'failing' || row.state === 'parked')).toEqual(
    [],
  );
}

describe('a mail that is changed, moved or deleted between its notification and the look', () => {
  it.each([false, true])(
    'arrives once if it stays, as it then is, whatever the order (delta lags: %s) [F33, F40]',
    async (lagging) => {
      let orders = 0;
      await withInvocationLog(
        () => undefined,
        async () => {
          for (const three of TRIPLES) orders += await everyOrder((schedule) => handled(schedule, three, lagging));
        },
      );
      console.info(`${orders} orders of a worker and three deeds (delta lags: ${lagging})`);
      expect(orders).toBeGreaterThan(500);
    },
  );
});
