import { describe, expect, it } from 'vitest';
import { FREE, take } from '../../../shared/domain/lane.ts';
import { mergeRings } from '../../../shared/domain/work-item.ts';
import {
  arrived,
  chainOf,
  lookRing,
  messageIdFor,
  ringUp,
  runRings,
  startApp,
  watchMailbox,
} from '../../support/app-under-test.ts';
import { aMail, INBOX, MAILBOX } from '../../support/builders.ts';
import { makeWorld, START } from '../../support/in-memory-ports.ts';

const HOUR = 3_600_000;

/** A folder so full that its chain shows only what was received in the last hour, and an older mail elsewhere. */
async function crowdedFolder() {
  const world = makeWorld();
  const gap = { by: 'lastModifiedDateTime', from: new Date(START), skip: 0, start: new Date(START) } as const;
  watchMailbox(world, MAILBOX, INBOX, { window: HOUR, gap });
  const app = startApp(world);
  const older = world.mailboxes.add(
    MAILBOX,
    aMail({ receivedAt: new Date(START - 6 * HOUR), parentFolderId: 'archive-id' }),
  );
  await ringUp(app, lookRing());
  expect(chainOf(world)).toMatchObject({ window: HOUR, gap: undefined });
  await world.clock.advance(2 * HOUR);
  await ringUp(app, lookRing());
  world.mailboxes.move(MAILBOX, older.id, INBOX);
  return { world, app, older };
}

describe('older mail that is moved into a crowded folder in bulk', () => {
  it('is found when Graph says that notifications were missed [F05, F45]', async () => {
    const { world, app, older } = await crowdedFolder();
    await ringUp(app, lookRing('missed'));
    expect(arrived(world)).toEqual([messageIdFor(older)]);
    expect(chainOf(world)?.gap).toBeUndefined();
  });

  it('is found although somebody reads the mailbox just then, and a guard is on its way [F21]', async () => {
    const { world, app, older } = await crowdedFolder();
    const now = world.clock.now();
    const held = take(FREE, 'somebody else', '', now);
    world.deliveries.of(MAILBOX).lane = { ...held, marked: true, guardAt: new Date(held.leaseEnd.getTime() + 10_000) };
    await ringUp(app, lookRing('missed'));
    await runRings(world, app);
    expect(arrived(world)).toEqual([messageIdFor(older)]);
  });

  it.each(['renew', 'removed'] as const)('is found by a ring that also says %s [F20, F21]', async (look) => {
    const { world, app, older } = await crowdedFolder();
    await ringUp(app, mergeRings(lookRing('missed'), lookRing(look)));
    expect(arrived(world)).toEqual([messageIdFor(older)]);
  });

  it('is found although a gap is being listed already [F21]', async () => {
    const { world, app, older } = await crowdedFolder();
    const chain = chainOf(world);
    if (!chain) throw new Error('no chain');
    const from = new Date(world.clock.now() - 60_000);
    const gap = { by: 'receivedDateTime', from, skip: 0, start: from } as const;
    world.deliveries.of(MAILBOX).chains.set(chain.folder, { ...chain, gap });
    await ringUp(app, lookRing('missed'));
    expect(arrived(world)).toEqual([messageIdFor(older)]);
  });

  it('is looked for once, though the listing takes many slices [F21, F50]', async () => {
    const { world, older } = await crowdedFolder();
    for (let i = 0; i < 300; i++)
      world.mailboxes.add(MAILBOX, aMail({ receivedAt: new Date(world.clock.now() - 1_000 * i) }));
    const slow = startApp(world, {}, (call) => (call.startsWith('mail.') ? 20_000 : 0));
    await world.clock.runUntilDone(ringUp(slow, lookRing('missed')));
    await runRings(world, slow, 2 * HOUR);
    expect(arrived(world)).toContain(messageIdFor(older));
    expect(chainOf(world)?.gap).toBeUndefined();
  });

  it('is found by the next daily audit when nobody says anything [F05]', async () => {
    const { world, app, older } = await crowdedFolder();
    await ringUp(app, lookRing());
    expect(arrived(world)).toEqual([]);
    const chain = chainOf(world);
    if (!chain) throw new Error('no chain');
    await world.clock.advance(3 * HOUR);
    world.deliveries.of(MAILBOX).chains.set(chain.folder, { ...chain, auditAt: new Date(world.clock.now()) });
    await ringUp(app, lookRing());
    await runRings(world, app);
    expect(arrived(world)).toEqual([messageIdFor(older)]);
  });
});
