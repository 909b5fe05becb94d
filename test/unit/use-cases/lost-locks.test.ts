import { describe, expect, it } from 'vitest';
import {
  arrived,
  messageIdFor,
  oneMailbox,
  ringFor,
  rowOf,
  runRings,
  startApp,
  watchMailbox,
} from '../../support/app-under-test.ts';
import { aMail, MAILBOX } from '../../support/builders.ts';
import { makeWorld } from '../../support/in-memory-ports.ts';

const MINUTE = 60_000;
const LOCK_MS = 2 * MINUTE;

describe('the lock of a ring that is lost while its worker waits', () => {
  it('at any call costs nothing: the second delivery finds the lane held or the mail known [F51]', async () => {
    for (let nth = 1; ; nth++) {
      const { world } = oneMailbox();
      const mail = world.mailboxes.add(MAILBOX, aMail());
      const calls = { count: 0 };
      const slow = startApp(world, {}, () => (++calls.count === nth ? LOCK_MS + 10_000 : 0));
      world.workQueue.put(JSON.stringify({ v: 1, ...ringFor(mail) }));
      const received = world.workQueue.receive(LOCK_MS);
      const late = slow.processMailboxWork(received?.body);
      await world.clock.advance(LOCK_MS);

      const other = startApp(world);
      await runRings(world, other, 5_000);
      await world.clock.runUntilDone(late);
      // Settling a message whose lock is gone fails, and the host only logs that.
      await runRings(world, other);

      const place = `lost at call ${nth}`;
      expect(arrived(world), place).toEqual([messageIdFor(mail)]);
      expect(rowOf(world, mail)?.state, place).toBe('published');
      expect([world.workQueue.length, world.workQueue.deadLetters().length], place).toEqual([0, 0]);
      if (calls.count < nth) break;
    }
  });
});

describe('a host that takes rings and never runs our code', () => {
  it('for hours loses none: dead-lettered ones ring again with the first tick of a host that does [F58, F74]', async () => {
    const world = makeWorld();
    watchMailbox(world);
    const mails = Array.from({ length: 10 }, () => world.mailboxes.add(MAILBOX, aMail()));
    for (const mail of mails) world.workQueue.put(JSON.stringify({ v: 1, ...ringFor(mail) }));
    for (let minutes = 0; minutes < 6 * 60; minutes += 10) {
      for (let taken = world.workQueue.receive(MINUTE); taken; taken = world.workQueue.receive(MINUTE))
        world.workQueue.abandon(taken.number);
      await world.clock.advance(10 * MINUTE);
    }
    expect(world.workQueue.deadLetters()).toHaveLength(mails.length);
    expect(world.workQueue.length).toBe(0);

    const app = startApp(world);
    await app.reconcileMailboxes();
    await runRings(world, app, 0);
    expect(world.workQueue.deadLetters()).toEqual([]);
    expect(arrived(world).toSorted()).toEqual(mails.map((mail) => messageIdFor(mail)).toSorted());
  });
});
