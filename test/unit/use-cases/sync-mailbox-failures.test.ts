import { describe, expect, it } from 'vitest';
import { MailboxUnavailableError, PermanentError, TransientError } from '../../../shared/errors.ts';
import {
  arrived,
  chainOf,
  lookRing,
  messageIdFor,
  oneMailbox,
  ringFor,
  ringUp,
  rowOf,
  runRings,
  startApp,
} from '../../support/app-under-test.ts';
import { aMail, INBOX_KEY, MAILBOX } from '../../support/builders.ts';
import { START } from '../../support/in-memory-ports.ts';

const throttled = (retryAfterMs: number) => () => new TransientError('graph:429', { retryAfterMs });

describe('back-off', () => {
  it('sends the ring that ends the pause before the pause is written [F72]', async () => {
    const { app } = oneMailbox();
    app.gate.inject({ call: 'mail.openChain', nth: 1, kind: 'error' });
    await ringUp(app, lookRing());
    expect(app.gate.calls.slice(-2)).toEqual(['workQueue.send', 'deliveries.writeLane']);
  });

  it('leaves the mailbox alone for as long as Graph asked, whoever rings [F35]', async () => {
    const { world, app } = oneMailbox();
    const mail = world.mailboxes.add(MAILBOX, aMail());
    app.gate.inject({ call: 'mail.openChain', nth: 1, kind: 'error', error: throttled(90_000) });
    await ringUp(app, ringFor(mail));
    const other = startApp(world);

    await world.clock.advance(60_000);
    await ringUp(other, { ...ringFor(mail), look: 'missed' });
    expect(other.gate.count('mail.')).toBe(0);
    await runRings(world, app);

    expect(arrived(world)).toEqual([messageIdFor(mail)]);
    const [send] = world.crmQueue.sends;
    expect((send?.at ?? 0) - START).toBeGreaterThanOrEqual(90_000);
    expect((send?.at ?? 0) - START).toBeLessThan(95_000);
  });

  it('grows with every failure up to ten minutes and is forgotten after a success [F37]', async () => {
    const { world, app } = oneMailbox();
    app.gate.inject({ call: 'mail.openChain', kind: 'error' });
    await ringUp(app, lookRing());
    await runRings(world, app, 4 * 3_600_000);
    expect(world.deliveries.lane(MAILBOX).failures).toBeGreaterThan(10);
    const times = world.workQueue.sent.map(({ at, sentAt }) => at - sentAt);
    expect(Math.max(...times)).toBeLessThanOrEqual(600_250);
    expect(app.gate.count('mail.openChain')).toBeLessThan(150);
    app.gate.mend();
    await runRings(world, app);
    expect(world.deliveries.lane(MAILBOX).failures).toBe(0);
  });

  it('never uses up the deliveries of a ring, however long Graph is away [F31, F37]', async () => {
    const { world, app } = oneMailbox();
    const mail = world.mailboxes.add(MAILBOX, aMail());
    app.gate.inject({ call: 'mail.openChain', kind: 'error', error: () => new TransientError('graph:503') });
    world.workQueue.put(JSON.stringify({ v: 1, ...ringFor(mail) }));
    await runRings(world, app, 12 * 3_600_000);
    expect(world.workQueue.deadLetters()).toEqual([]);
    app.gate.mend();
    await runRings(world, app);
    expect(arrived(world)).toEqual([messageIdFor(mail)]);
  });

  it('treats an error that nobody named like an outage', async () => {
    const { world, app } = oneMailbox();
    const mail = world.mailboxes.add(MAILBOX, aMail());
    app.gate.inject({ call: 'mail.openChain', nth: 1, kind: 'error', error: () => new TypeError('a bug') });
    await ringUp(app, ringFor(mail));
    await runRings(world, app);
    expect(arrived(world)).toEqual([messageIdFor(mail)]);
  });

  it('puts a ring off that could not even load the lane [F65]', async () => {
    const { world, app } = oneMailbox();
    const mail = world.mailboxes.add(MAILBOX, aMail());
    app.gate.inject({ call: 'deliveries.load', nth: 1, kind: 'error' });
    await ringUp(app, ringFor(mail));
    expect(world.workQueue.waiting().map(({ ring }) => ring?.ids)).toEqual([[mail.id]]);
    await runRings(world, app);
    expect(arrived(world)).toEqual([messageIdFor(mail)]);
  });

  it('leaves the lane free when the work queue takes no ring, so that no crash is suspected later', async () => {
    const { world, app } = oneMailbox();
    app.gate.inject({ call: 'crmQueue.publish', kind: 'error' }, { call: 'workQueue.send', kind: 'error' });
    const mail = world.mailboxes.add(MAILBOX, aMail());
    world.workQueue.put(JSON.stringify({ v: 1, ...ringFor(mail) }));
    for (let delivery = 0; delivery < 6; delivery++) {
      const received = world.workQueue.receive();
      await expect(app.processMailboxWork(received?.body)).rejects.toBeInstanceOf(TransientError);
      world.workQueue.abandon(received?.number ?? -1);
      await world.clock.advance(100_000);
    }
    expect(chainOf(world)?.takeovers).toBe(0);
    app.gate.mend();
    await runRings(world, app);
    expect(arrived(world)).toEqual([messageIdFor(mail)]);
  });
});

/** A page of everything that takes a way of its own, and what is due to arrive. */
function busyMailbox() {
  const { world, app } = oneMailbox({ includeMime: true });
  const mails = [
    world.mailboxes.add(MAILBOX, aMail()),
    world.mailboxes.add(MAILBOX, aMail({ body: { contentType: 'html', content: 'x'.repeat(400_000) } })),
    world.mailboxes.add(MAILBOX, aMail(), { shape: 'partial' }),
    world.mailboxes.add(MAILBOX, aMail(), { deltaLagMs: 7_200_000 }),
  ];
  return { world, app, mails, expected: mails.map((mail) => messageIdFor(mail)).toSorted() };
}

describe('a crash at any moment', () => {
  it.each(['before', 'midway', 'after'] as const)(
    '%s any call loses nothing and doubles nothing [F45, F72]',
    async (when) => {
      for (let nth = 1; ; nth++) {
        const { world, app, mails, expected } = busyMailbox();
        app.gate.inject({ call: '*', nth, when, kind: 'crash' });
        world.workQueue.put(JSON.stringify({ v: 1, ...ringFor(...mails) }));
        const received = world.workQueue.receive();
        const done = app
          .processMailboxWork(received?.body)
          .then(() => world.workQueue.complete(received?.number ?? -1));
        await Promise.race([done, app.gate.crashed]);
        await world.clock.advance(0);

        await runRings(world, startApp(world, { includeMime: true }));

        const place = `crash ${when} call ${nth}`;
        expect(arrived(world).toSorted(), place).toEqual(expected);
        expect(world.workQueue.length, place).toBe(0);
        expect(new Set(world.crmQueue.sends.map(({ messageId }) => messageId)).size, place).toBe(mails.length);
        expect(
          mails.map((mail) => rowOf(world, mail)?.state),
          place,
        ).toEqual(mails.map(() => 'published'));
        if (!app.gate.isCrashed) break;
      }
    },
  );
});

describe('a failing call at any moment', () => {
  it.each(['before', 'midway', 'after'] as const)(
    '%s its effect loses nothing and doubles nothing [F55]',
    async (when) => {
      for (let nth = 1; ; nth++) {
        const { world, app, mails, expected } = busyMailbox();
        app.gate.inject({ call: '*', nth, when, kind: 'error' });
        world.workQueue.put(JSON.stringify({ v: 1, ...ringFor(...mails) }));
        const first = app.gate.calls.length;
        await runRings(world, app);
        const place = `error ${when} call ${nth} (${app.gate.calls[first + nth - 1]})`;
        expect(arrived(world).toSorted(), place).toEqual(expected);
        expect(world.workQueue.length, place).toBe(0);
        expect(
          mails.map((mail) => rowOf(world, mail)?.state),
          place,
        ).toEqual(mails.map(() => 'published'));
        if (app.gate.calls.length < nth) break;
      }
    },
  );
});

describe('a lane that is lost', () => {
  it('lets the late worker write nothing any more [F44]', async () => {
    const { world } = oneMailbox();
    const slow = startApp(world, {}, (call) => (call === 'crmQueue.publish' ? 400_000 : 5));
    slow.gate.inject(
      ...Array.from({ length: 20 }, () => ({ call: 'deliveries.writeLane', nth: 2, kind: 'error' as const })),
    );
    const mail = world.mailboxes.add(MAILBOX, aMail());
    const work = ringUp(slow, ringFor(mail));
    await world.clock.advance(1_000);
    // Somebody else takes it over behind its back, as if the lease had run out by another clock.
    const partition = world.deliveries.of(MAILBOX);
    partition.lane = { ...world.deliveries.lane(MAILBOX), holder: 'another', leaseEnd: new Date(START + 3_000_000) };
    partition.tag++;
    await world.clock.runUntilDone(work);

    expect(rowOf(world, mail)).toBeUndefined();
    expect(world.deliveries.lane(MAILBOX).holder).toBe('another');
    expect(world.workQueue.length).toBe(1);
  });

  it('is not lost by a slow page: the lease is extended while work goes on [F51]', async () => {
    const { world } = oneMailbox();
    const slow = startApp(world, {}, (call) => (call === 'crmQueue.publish' ? 300_000 : 5));
    const other = startApp(world, {}, () => 5);
    const mail = world.mailboxes.add(MAILBOX, aMail());
    const work = ringUp(slow, ringFor(mail));
    await world.clock.advance(200_000);
    await world.clock.runUntilDone(ringUp(other, lookRing()));
    await world.clock.runUntilDone(work);
    expect(other.gate.count('mail.')).toBe(0);
    expect(world.crmQueue.sends).toHaveLength(1);
  });
});

describe('a page that takes down its worker', () => {
  /** Handles the next ring; reconcile would revive one whose deliveries are used up. */
  const crashAt = async (world: ReturnType<typeof oneMailbox>['world'], victim: string) => {
    const app = startApp(world);
    const publish = app.ports.crmQueue.publish;
    app.ports.crmQueue.publish = (events) => {
      if (events.some(({ messageId }) => messageId === victim)) app.gate.crash();
      return publish(events);
    };
    const received = world.workQueue.receive();
    if (!received) {
      for (const body of world.workQueue.dead(9)) world.workQueue.put(body);
      world.workQueue.forgetDead(9);
      return app;
    }
    const done = app.processMailboxWork(received.body).then(() => world.workQueue.complete(received.number));
    await Promise.race([done, app.gate.crashed]);
    return app;
  };

  it('is asked for smaller each time, and the one mail at fault is parked at last while all others arrive [F57, F77]', async () => {
    const { world } = oneMailbox();
    const mails = Array.from({ length: 30 }, () => world.mailboxes.add(MAILBOX, aMail()));
    const deadly = mails[17];
    if (!deadly) throw new Error('no mail');
    world.workQueue.put(JSON.stringify({ v: 1, ...lookRing() }));
    let crashes = 0;
    for (let turn = 0; turn < 200 && world.workQueue.length > 0; turn++) {
      const next = world.workQueue.nextAt() ?? 0;
      await world.clock.advance(Math.max(0, next - world.clock.now()));
      const app = await crashAt(world, messageIdFor(deadly));
      if (app.gate.isCrashed) crashes++;
    }
    expect(arrived(world).toSorted()).toEqual(
      mails
        .filter((mail) => mail !== deadly)
        .map((mail) => messageIdFor(mail))
        .toSorted(),
    );
    expect(rowOf(world, deadly)).toMatchObject({ state: 'parked', reason: 'workers die on it' });
    expect(crashes).toBeLessThanOrEqual(8);
    expect(world.workQueue.length).toBe(0);
  });

  it('does not make the first mail of another folder suspect', async () => {
    const { world, app } = oneMailbox();
    world.deliveries
      .of(MAILBOX)
      .chains.set('other', { ...chainStart(world), folder: 'other', folderId: 'sales-id', takeovers: 0 });
    const innocent = world.mailboxes.add(MAILBOX, aMail({ parentFolderId: 'sales-id' }));
    for (let takeover = 0; takeover < 5; takeover++) {
      world.deliveries.of(MAILBOX).lane = {
        holder: 'dead',
        leaseEnd: new Date(world.clock.now() - 1),
        marked: false,
        guardAt: new Date(0),
        failures: 0,
        at: INBOX_KEY,
      };
      world.deliveries.of(MAILBOX).tag++;
      app.gate.inject({ call: 'mail.openChain', nth: 1, kind: 'error' });
      await ringUp(app, lookRing('timer', []));
      app.gate.mend();
      await world.clock.advance(1_000_000);
    }
    await runRings(world, app);
    expect(rowOf(world, innocent)?.state).toBe('published');
  });
});

const chainStart = (world: ReturnType<typeof oneMailbox>['world']) => {
  const chain = chainOf(world);
  if (!chain) throw new Error('no chain');
  return chain;
};

describe('a mail that fails for its own reasons', () => {
  it('gets a row and a ring of its own while the rest of its page flows [F57]', async () => {
    const { world, app } = oneMailbox();
    const bad = world.mailboxes.add(MAILBOX, aMail(), { shape: 'unreadable', breaks: 99 });
    const good = world.mailboxes.add(MAILBOX, aMail());
    await ringUp(app, lookRing());
    expect(arrived(world)).toEqual([messageIdFor(good)]);
    expect(world.deliveries.ledger(MAILBOX).find((row) => row.id === bad.id)).toMatchObject({
      state: 'failing',
      attempts: 1,
    });
    expect(world.workQueue.waiting().map(({ ring }) => ring?.retry)).toEqual([[bad.id]]);
    expect(chainOf(world)?.link).toBeDefined();
  });

  it('is retried by its id until it works, and then arrives once', async () => {
    const { world, app } = oneMailbox();
    const mail = world.mailboxes.add(MAILBOX, aMail(), { shape: 'unreadable', breaks: 3 });
    await ringUp(app, lookRing());
    await runRings(world, app);
    expect(arrived(world)).toEqual([messageIdFor(mail)]);
    expect(
      world.deliveries
        .ledger(MAILBOX)
        .filter((row) => row.id === mail.id)
        .map((row) => row.state),
    ).toEqual(['published']);
  });

  it.each(['unreadable', 'undated', 'partial'] as const)(
    'is parked at the fifth failure when it comes %s [F39, F57]',
    async (shape) => {
      const { world, app } = oneMailbox();
      const mail = world.mailboxes.add(MAILBOX, aMail(), { shape, breaks: 99 });
      await ringUp(app, lookRing());
      await runRings(world, app, 86_400_000);
      const rows = world.deliveries.ledger(MAILBOX).filter((row) => row.id === mail.id);
      expect(rows).toHaveLength(1);
      expect(rows[0]).toMatchObject({ state: 'parked', attempts: 5, reason: 'graph:message-unreadable' });
      expect(world.workQueue.length).toBe(0);
    },
  );

  it('does not hold up other mail of the mailbox while it is retried', async () => {
    const { world, app } = oneMailbox();
    world.mailboxes.add(MAILBOX, aMail(), { shape: 'unreadable', breaks: 99 });
    await ringUp(app, lookRing());
    await world.clock.advance(200_000);
    const later = world.mailboxes.add(MAILBOX, aMail());
    await runRings(world, app, 1_000);
    await ringUp(app, ringFor(later));
    expect(arrived(world)).toEqual([messageIdFor(later)]);
  });

  it('is not retried by rings that do not ask for it', async () => {
    const { world, app } = oneMailbox();
    const mail = world.mailboxes.add(MAILBOX, aMail(), { shape: 'unreadable', breaks: 99 });
    await ringUp(app, lookRing());
    await ringUp(app, ringFor(mail));
    await ringUp(app, { ...ringFor(mail), look: 'missed' });
    world.mailboxes.expireLinks();
    await ringUp(app, lookRing());
    expect(world.deliveries.ledger(MAILBOX).find((row) => row.id === mail.id)?.attempts).toBe(1);
  });

  it('keeps its retry when its ring joins other rings of the mailbox', async () => {
    const { world } = oneMailbox();
    const mail = world.mailboxes.add(MAILBOX, aMail(), { shape: 'unreadable', breaks: 1 });
    const app = startApp(world, {}, () => 10);
    await world.clock.runUntilDone(ringUp(app, lookRing()));
    const retry = world.workQueue.waiting()[0]?.ring;
    world.workQueue.complete(0);
    const rings = [ringUp(app, lookRing()), ringUp(app, lookRing('missed')), ringUp(app, retry ?? lookRing())];
    await world.clock.runUntilDone(Promise.all(rings));
    expect(arrived(world)).toEqual([messageIdFor(mail)]);
  });

  it('keeps its retry when the lane is held and guarded by somebody else', async () => {
    const { world, app } = oneMailbox();
    const mail = world.mailboxes.add(MAILBOX, aMail(), { shape: 'unreadable', breaks: 1 });
    await ringUp(app, lookRing());
    const retry = world.workQueue.waiting()[0]?.ring;
    world.workQueue.complete(0);
    world.deliveries.of(MAILBOX).lane = {
      holder: 'somebody',
      leaseEnd: new Date(world.clock.now() + 90_000),
      marked: true,
      guardAt: new Date(world.clock.now() + 95_000),
      failures: 0,
      at: INBOX_KEY,
    };
    await ringUp(app, retry ?? lookRing());
    await runRings(world, app);
    expect(arrived(world)).toEqual([messageIdFor(mail)]);
  });

  it('keeps its retry while the mailbox refuses us', async () => {
    const { world, app } = oneMailbox();
    const mail = world.mailboxes.add(MAILBOX, aMail(), { shape: 'unreadable', breaks: 1 });
    await ringUp(app, lookRing());
    world.mailboxes.troubles.set(MAILBOX, 'no-access');
    await runRings(world, app, 3_600_000);
    world.mailboxes.troubles.clear();
    await runRings(world, app, 7 * 86_400_000);
    await ringUp(app, lookRing());
    await runRings(world, app, 86_400_000);
    expect(arrived(world)).toEqual([messageIdFor(mail)]);
  });

  it('is recorded as gone when it was deleted meanwhile [F33]', async () => {
    const { world, app } = oneMailbox();
    const mail = world.mailboxes.add(MAILBOX, aMail(), { shape: 'unreadable', breaks: 1 });
    await ringUp(app, lookRing());
    world.mailboxes.remove(MAILBOX, mail.id);
    await runRings(world, app);
    expect(world.deliveries.ledger(MAILBOX).map((row) => row.state)).toEqual(['gone']);
    expect(world.workQueue.length).toBe(0);
  });

  it('sends its retry ring before its row is stored', async () => {
    const { world, app } = oneMailbox();
    world.mailboxes.add(MAILBOX, aMail(), { shape: 'unreadable', breaks: 1 });
    await ringUp(app, lookRing());
    expect(app.gate.calls.indexOf('workQueue.send')).toBeLessThan(app.gate.calls.indexOf('deliveries.commit'));
  });

  it('is a mail whose claim check the store refuses for good [F57]', async () => {
    const { world, app } = oneMailbox({ includeMime: true });
    app.gate.inject({
      call: 'claims.copy',
      nth: 1,
      kind: 'error',
      error: () => new PermanentError('content-too-large'),
    });
    const mail = world.mailboxes.add(MAILBOX, aMail());
    await ringUp(app, lookRing());
    expect(rowOf(world, mail)).toMatchObject({ state: 'failing', reason: 'content-too-large' });
  });
});

describe('a mailbox that refuses us', () => {
  it('is shown as suspended with whose move it is, and no ring is left [F32, F34]', async () => {
    const { world, app } = oneMailbox();
    world.mailboxes.troubles.set(MAILBOX, 'no-access');
    await ringUp(app, lookRing());
    expect(world.folders.get({ mailbox: MAILBOX, folder: INBOX_KEY })).toMatchObject({
      state: 'suspended',
      move: 'administrator',
      probes: 1,
    });
    expect(world.workQueue.length).toBe(0);
    expect(world.deliveries.lane(MAILBOX).holder).toBe('');
  });

  it('goes on where it stopped as soon as it lets us in [F32, F34]', async () => {
    const { world, app } = oneMailbox();
    await ringUp(app, lookRing());
    world.mailboxes.troubles.set(MAILBOX, 'no-access');
    await ringUp(app, lookRing());
    const mail = world.mailboxes.add(MAILBOX, aMail());
    world.mailboxes.troubles.clear();
    await ringUp(app, lookRing());
    expect(arrived(world)).toEqual([messageIdFor(mail)]);
    expect(world.folders.get({ mailbox: MAILBOX, folder: INBOX_KEY })?.state).toBe('active');
  });

  it('does not keep its other folders from being read [F49]', async () => {
    const { world, app } = oneMailbox();
    world.deliveries.of(MAILBOX).chains.set('z', { ...chainStart(world), folder: 'z', folderId: 'sales-id' });
    const mail = world.mailboxes.add(MAILBOX, aMail({ parentFolderId: 'sales-id' }));
    app.gate.inject({
      call: 'mail.openChain',
      nth: 1,
      kind: 'error',
      error: () => new MailboxUnavailableError('not-found', 'graph:404:ErrorItemNotFound'),
    });
    await ringUp(app, lookRing('timer', []));
    expect(arrived(world)).toEqual([messageIdFor(mail)]);
  });
});
