import { describe, expect, it } from 'vitest';
import { compose } from '../../../shared/compose.ts';
import { lookRing, watchMailbox } from '../../support/app-under-test.ts';
import { aConfig, MAILBOX } from '../../support/builders.ts';
import { makeWorld, START } from '../../support/in-memory-ports.ts';

const MINUTE = 60_000;

/** A process whose clock is off, and that has not heard from Graph yet: it knows the time from the tables alone. */
function startSkewed(world: ReturnType<typeof makeWorld>, byMs: number) {
  const { ports, gate } = world.startProcess();
  const clock = { now: () => world.clock.now() + byMs };
  const app = compose(
    aConfig({ mailboxes: [MAILBOX] }),
    { ...ports, subscriptions: { ...ports.subscriptions, clock } },
    new Date(START),
  );
  return { ...app, gate };
}

describe('a process that started with its clock nine minutes ahead', () => {
  it('does not renew a subscription that was made two minutes ago [F19, F25]', async () => {
    const world = makeWorld();
    watchMailbox(world);
    await world.clock.advance(2 * MINUTE);
    const app = startSkewed(world, 9 * MINUTE);
    await app.processMailboxWork({ v: 1, ...lookRing('renew') });
    expect(app.gate.count('subscriptions.renew')).toBe(0);
  });

  it('leaves the times in the row for others to rely on [F25]', async () => {
    const world = makeWorld();
    watchMailbox(world);
    const [row] = world.folders.all();
    await world.clock.advance((row?.renewAt?.getTime() ?? 0) - START + 10 * MINUTE);
    const app = startSkewed(world, -9 * MINUTE);
    await app.reconcileMailboxes();
    expect(world.folders.all()[0]?.patchedAt).toEqual(new Date(world.clock.now()));
  });
});
