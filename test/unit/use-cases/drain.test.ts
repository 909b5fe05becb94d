import { describe, expect, it } from 'vitest';
import {
  arrived,
  messageIdFor,
  oneMailbox,
  ringUp,
  lookRing,
  runRings,
  startApp,
} from '../../support/app-under-test.ts';
import { aMail, MAILBOX } from '../../support/builders.ts';

describe('a process that is about to end', () => {
  const manyMails = () => {
    const { world, app } = oneMailbox();
    const mails = Array.from({ length: 120 }, () => world.mailboxes.add(MAILBOX, aMail()));
    return { world, app, mails };
  };

  it('lets go of the lane after the page at hand, and leaves the rest to a ring [F73]', async () => {
    const { world, app } = manyMails();
    await app.drain();
    await ringUp(app, lookRing());
    expect(world.crmQueue.events).toHaveLength(50);
    expect(world.deliveries.lane(MAILBOX).holder).toBe('');
    expect(world.workQueue.sent).toHaveLength(1);
  });

  it('loses and doubles nothing: the next one goes on at the next page [F73]', async () => {
    const { world, app, mails } = manyMails();
    await app.drain();
    await ringUp(app, lookRing());
    await runRings(world, startApp(world));
    expect(arrived(world).toSorted()).toEqual(mails.map((mail) => messageIdFor(mail)).toSorted());
  });

  it('ends only when what was under way has let go of its lane [F73]', async () => {
    const { world } = manyMails();
    const app = startApp(world, {}, () => 100);
    const syncing = ringUp(app, lookRing());
    await world.clock.advance(150);
    let ended = false;
    const drained = app.drain().finally(() => {
      ended = true;
    });
    await world.clock.advance(100);
    expect([ended, world.deliveries.lane(MAILBOX).holder]).not.toEqual([true, '']);
    await world.clock.runUntilDone(drained);
    expect(world.deliveries.lane(MAILBOX).holder).toBe('');
    await syncing;
  });

  it('does not wait for ever for work that hangs', async () => {
    const { world } = manyMails();
    const app = startApp(world, {}, (call) => (call === 'mail.openChain' ? 60_000 : 0));
    void ringUp(app, lookRing());
    const startedAt = world.clock.now();
    await world.clock.runUntilDone(app.drain());
    expect(world.clock.now() - startedAt).toBeLessThan(10_000);
  });
});
