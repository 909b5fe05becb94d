import { expect, it } from 'vitest';
import { makeBorrowLane } from '../../../shared/use-cases/borrow-lane.ts';
import { makePurgeMailbox } from '../../../shared/use-cases/purge-mailbox.ts';
import { lookRing, ringUp, startApp, watchMailbox } from '../../support/app-under-test.ts';
import { aMail, MAILBOX } from '../../support/builders.ts';
import { makeWorld } from '../../support/in-memory-ports.ts';

const HOUR = 3_600_000;

it('a blob that a crash left and a retry half a day later uses is not purged under it [F68, F69]', async () => {
  const world = makeWorld();
  watchMailbox(world);
  const config = { includeMime: true };
  const first = startApp(world, config);
  first.gate.inject({ call: 'deliveries.commit', kind: 'crash', when: 'before' });
  world.mailboxes.add(MAILBOX, aMail({ receivedAt: new Date(world.clock.now()) }));
  await Promise.race([ringUp(first, lookRing()), first.gate.crashed]);
  expect(world.blobs.blobs.size).toBe(1);

  await world.clock.advance(12 * HOUR);
  // Nobody reads the mailbox when the purge begins; while it lists the blobs, the retry does.
  const { ports } = startApp(world, config, (call) => (call === 'claims.visit' ? 1_000 : 0));
  const purge = makePurgeMailbox({ ...ports, borrowLane: makeBorrowLane(ports) })(MAILBOX);
  await world.clock.advance(100);
  // As the rest of a page may be, after the first of its blobs.
  const slowly = (call: string) => (call === 'deliveries.commit' ? 2_000 : 0);
  const retry = ringUp(startApp(world, config, slowly), lookRing());
  await world.clock.runUntilDone(purge);
  await world.clock.runUntilDone(retry);
  expect(world.crmQueue.events).toHaveLength(1);
  expect(world.blobs.blobs.size).toBe(1);
});
