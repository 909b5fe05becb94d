import { describe, expect, it } from 'vitest';
import { lookRing, ringUp, startApp, watchMailbox } from '../../support/app-under-test.ts';
import { makeWorld } from '../../support/in-memory-ports.ts';

const HOUR = 3_600_000;
const WEEKS = 3 * 7 * 24 * HOUR;

/** What may remind the app of a renewal. Any two of them may be dead. */
const TRIGGERS = {
  'the fast timer': (app: ReturnType<typeof startApp>) => app.reconcileMailboxes(),
  'the slow timer': (app: ReturnType<typeof startApp>) => app.renewSubscriptions(),
  'a ring for its mail': (app: ReturnType<typeof startApp>) => ringUp(app, lookRing('timer')),
};

describe('a subscription', () => {
  it.each(Object.entries(TRIGGERS))('is kept alive for weeks by %s alone [F75]', async (_, trigger) => {
    const world = makeWorld();
    watchMailbox(world);
    // The fast timer would stop what the settings do not name.
    const [row] = world.folders.all();
    const app = startApp(world, { mailboxes: [row?.mailbox ?? ''] });
    const [first] = world.subscriptions.live();
    const end = world.clock.now() + WEEKS;
    while (world.clock.now() < end) {
      await trigger(app);
      await world.clock.advance(HOUR);
      expect(world.subscriptions.live().map(({ id }) => id)).toEqual([first?.id]);
    }
  });
});
