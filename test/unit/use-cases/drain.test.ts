import { describe, expect, it } from 'vitest';
import { arrived, messageIdFor, oneMailbox, ringUp, lookRing, runRings, startApp } from '../../support/app-under-test.ts';
import { aMail, MAILBOX } from '../../support/builders.ts';

describe('a process that is about to end', () => {
  const manyMails = () => {
    const { world, app } = oneMailbox();
    const mails = Array.from({ length: 120 }, () => world.mailboxes.add(MAILBOX, aMail()));
    return { world, app, mails };
  };

  it('lets go of the lane after the page at hand, and leaves the rest to a ring [F73]', async () => {
    const { world, app } = manyMails();
    app.drain();
    await ringUp(app, lookRing());
    expect(world.crmQueue.events).toHaveLength(50);
    expect(world.deliveries.lane(MAILBOX).holder).toBe('');
    expect(world.workQueue.sent).toHaveLength(1);
  });

  it('loses and doubles nothing: the next one goes on at the next page [F73]', async () => {
    const { world, app, mails } = manyMails();
    app.drain();
    await ringUp(app, lookRing());
    await runRings(world, startApp(world));
    expect(arrived(world).toSorted()).toEqual(mails.map((mail) => messageIdFor(mail)).toSorted());
  });
});
