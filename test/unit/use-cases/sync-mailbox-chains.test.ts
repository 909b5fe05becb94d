import { describe, expect, it } from 'vitest';
import {
  arrived,
  chainOf,
  lookRing,
  messageIdFor,
  oneMailbox,
  ringFor,
  ringUp,
  runRings,
  startApp,
} from '../../support/app-under-test.ts';
import { aMail, MAILBOX } from '../../support/builders.ts';
import { START } from '../../support/in-memory-ports.ts';

const HOUR = 3_600_000;

/** Delivers `count` mails, `apartMs` after each other, and lets the time pass. */
async function deliver(world: ReturnType<typeof oneMailbox>['world'], count: number, apartMs: number) {
  const mails = [];
  for (let number = 0; number < count; number++) {
    mails.push(world.mailboxes.add(MAILBOX, aMail({ receivedAt: new Date(world.clock.now()) })));
    if (apartMs > 0) await world.clock.advance(apartMs);
  }
  return mails;
}

const idsOf = (mails: { id: string }[]) => mails.map((mail) => messageIdFor(aMail({ id: mail.id }))).toSorted();

describe('a chain of many pages', () => {
  it('is walked to its delta link, each page stored before the next is asked for [F45]', async () => {
    const { world, app } = oneMailbox();
    const mails = await deliver(world, 170, 0);
    await ringUp(app, lookRing());
    expect(arrived(world).toSorted()).toEqual(idsOf(mails));
    expect(app.gate.calls.filter((call) => call.startsWith('mail.') || call === 'deliveries.commit')).toEqual([
      'mail.openChain',
      'deliveries.commit',
      'mail.followLink',
      'deliveries.commit',
      'mail.followLink',
      'deliveries.commit',
      'mail.followLink',
      'deliveries.commit',
    ]);
  });

  it('lets go after a minute of work and goes on by a ring of its own [F50]', async () => {
    const { world } = oneMailbox();
    const app = startApp(world, {}, (call) => (call.startsWith('mail.') ? 25_000 : 0));
    const mails = await deliver(world, 400, 0);
    await world.clock.runUntilDone(ringUp(app, lookRing()));
    expect(arrived(world).length).toBeLessThan(400);
    expect(world.deliveries.lane(MAILBOX).holder).toBe('');
    expect(world.workQueue.length).toBe(1);
    await runRings(world, app);
    expect(arrived(world).toSorted()).toEqual(idsOf(mails));
    expect(chainOf(world)?.takeovers).toBe(0);
  });

  it('lets go after a minute of work also when somebody rang meanwhile', async () => {
    const { world } = oneMailbox();
    const app = startApp(world, {}, (call) => (call.startsWith('mail.') ? 25_000 : 0));
    const other = startApp(world);
    const mails = await deliver(world, 400, 0);
    const work = ringUp(app, lookRing());
    await world.clock.advance(30_000);
    await ringUp(other, lookRing('missed'));
    await world.clock.runUntilDone(work);
    expect(world.deliveries.lane(MAILBOX).holder).toBe('');
    await runRings(world, other);
    expect(arrived(world).toSorted()).toEqual(idsOf(mails));
    expect(chainOf(world)?.takeovers).toBe(0);
  });
});

describe('a chain that was lost', () => {
  it('is opened anew, and the time since its last link is listed [F43]', async () => {
    const { world, app } = oneMailbox();
    await ringUp(app, lookRing());
    world.mailboxes.expireLinks();
    // A day of mail while nobody looked: most of it is out of reach of the new chain.
    const mails = await deliver(world, 24, HOUR);

    await ringUp(app, lookRing());
    await runRings(world, app);

    expect(arrived(world).toSorted()).toEqual(idsOf(mails));
    expect(chainOf(world)).toMatchObject({ gap: undefined });
    expect(chainOf(world)?.link).toBeDefined();
  });

  it('finds by the listing what was moved in with an old date [F48]', async () => {
    const { world, app } = oneMailbox();
    await ringUp(app, lookRing());
    const mail = world.mailboxes.add(
      MAILBOX,
      aMail({ parentFolderId: 'archive-id', receivedAt: new Date(START - 5 * HOUR) }),
    );
    await world.clock.advance(3 * HOUR);
    world.mailboxes.move(MAILBOX, mail.id, 'inbox-id');
    await world.clock.advance(3 * HOUR);
    world.mailboxes.expireLinks();
    await ringUp(app, lookRing());
    expect(arrived(world)).toEqual([messageIdFor(mail)]);
  });

  it('does not send again what the ledger knows [F43]', async () => {
    const { world, app } = oneMailbox();
    const mails = await deliver(world, 60, 60_000);
    await ringUp(app, lookRing());
    world.mailboxes.expireLinks();
    await ringUp(app, lookRing());
    expect(world.crmQueue.sends).toHaveLength(mails.length);
  });

  it('is opened anew when it was opened with other options', async () => {
    const { world, app } = oneMailbox();
    await ringUp(app, lookRing());
    world.mailboxes.options = 'options-2';
    const mails = await deliver(world, 3, 0);
    await ringUp(app, lookRing());
    expect(app.gate.count('mail.openChain')).toBe(2);
    expect(chainOf(world)?.options).toBe('options-2');
    expect(arrived(world).toSorted()).toEqual(idsOf(mails));
  });

  it('loses nothing when it is lost again while it is opened anew [F43]', async () => {
    const { world, app } = oneMailbox();
    await ringUp(app, lookRing());
    world.mailboxes.expireLinks();
    const mails = await deliver(world, 24, HOUR);
    app.gate.inject({ call: 'mail.listSince', nth: 2, kind: 'error' });
    await ringUp(app, lookRing());
    world.mailboxes.expireLinks();
    await runRings(world, app);
    expect(arrived(world).toSorted()).toEqual(idsOf(mails));
    expect(chainOf(world)?.gap).toBeUndefined();
  });

  it('forgets no gap when the worker crashes at any call of the re-opening [F43, F72]', async () => {
    for (let nth = 1; ; nth++) {
      const { world, app } = oneMailbox();
      await ringUp(app, lookRing());
      world.mailboxes.expireLinks();
      const mails = await deliver(world, 5, HOUR);
      app.gate.inject({ call: '*', nth, when: 'after', kind: 'crash' });
      world.workQueue.put(JSON.stringify({ v: 1, ...lookRing() }));
      const received = world.workQueue.receive();
      const done = app.processMailboxWork(received?.body).then(() => world.workQueue.complete(received?.number ?? -1));
      await Promise.race([done, app.gate.crashed]);
      await runRings(world, startApp(world));
      expect(arrived(world).toSorted(), `crash after call ${nth}`).toEqual(idsOf(mails));
      expect(chainOf(world)?.gap, `crash after call ${nth}`).toBeUndefined();
      if (!app.gate.isCrashed) break;
    }
  });
});

describe('a filtered delta that ends silently at 5,000', () => {
  it('loses nothing of a first look at 7,000 mails in one slice [F46]', async () => {
    const { world, app } = oneMailbox();
    const mails = await deliver(world, 7_000, 100);
    await ringUp(app, lookRing());
    await runRings(world, app);
    expect(arrived(world)).toHaveLength(mails.length);
    expect(chainOf(world)?.gap).toBeUndefined();
  }, 30_000);

  it('loses nothing of 7,000 mails that came while nobody looked [F46]', async () => {
    const { world, app } = oneMailbox();
    await ringUp(app, lookRing());
    const mails = await deliver(world, 7_000, 1_000);
    await ringUp(app, lookRing());
    await runRings(world, app);
    expect(arrived(world)).toHaveLength(mails.length);
  }, 30_000);

  it('is replaced well before, one mail after the other [F46]', async () => {
    const { world, app } = oneMailbox();
    for (let hour = 0; hour < 8; hour++) {
      await deliver(world, 500, 6_000);
      await ringUp(app, lookRing());
      await runRings(world, app, 1_000);
    }
    expect(arrived(world)).toHaveLength(4_000);
    expect(app.gate.count('mail.openChain')).toBe(2);
    expect(world.crmQueue.sends).toHaveLength(4_000);
  }, 30_000);
});

describe('a link that leads to itself', () => {
  it('is not read for ever, and the mail behind it arrives [F47]', async () => {
    const { world, app } = oneMailbox();
    const mails = await deliver(world, 120, 1_000);
    world.mailboxes.linksToItself = true;
    await ringUp(app, lookRing());
    expect(app.gate.calls.length).toBeLessThan(100);
    await world.clock.advance(60_000);
    world.mailboxes.linksToItself = false;
    await runRings(world, app);
    expect(arrived(world).toSorted()).toEqual(idsOf(mails));
  });
});

describe('a cloud without delta', () => {
  it('lists the time since the last look, and sends nothing twice', async () => {
    const { world } = oneMailbox();
    world.mailboxes.hasDelta = false;
    const app = startApp(world);
    const mails = await deliver(world, 120, 60_000);
    await ringUp(app, lookRing());
    mails.push(...(await deliver(world, 3, 1_000)));
    await ringUp(app, ringFor(...mails.slice(-3)));
    await ringUp(app, lookRing());
    expect(arrived(world).toSorted()).toEqual(idsOf(mails));
    expect(world.crmQueue.sends).toHaveLength(mails.length);
    expect(app.gate.count('mail.openChain') + app.gate.count('mail.followLink')).toBe(0);
  });

  it('finds what was moved in with an old date [F48]', async () => {
    const { world } = oneMailbox();
    world.mailboxes.hasDelta = false;
    const app = startApp(world);
    const receivedAt = new Date(START - 20 * HOUR);
    const mail = world.mailboxes.add(MAILBOX, aMail({ parentFolderId: 'archive-id', receivedAt }));
    await ringUp(app, lookRing());
    await world.clock.advance(3 * HOUR);
    world.mailboxes.move(MAILBOX, mail.id, 'inbox-id');
    await ringUp(app, lookRing());
    expect(arrived(world)).toEqual([messageIdFor(mail)]);
  });

  it('gets through a second in which more mails came than fit a page', async () => {
    const { world } = oneMailbox();
    world.mailboxes.hasDelta = false;
    const app = startApp(world);
    const mails = await deliver(world, 130, 0);
    await ringUp(app, lookRing());
    expect(arrived(world).toSorted()).toEqual(idsOf(mails));
  });
});
