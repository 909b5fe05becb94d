import { describe, expect, it } from 'vitest';
import { TransientError } from '../../../shared/errors.ts';
import { arrived, lookRing, messageIdFor, oneMailbox, ringFor, rowOf, runRings } from '../../support/app-under-test.ts';
import { aMail, MAILBOX } from '../../support/builders.ts';
import type { World } from '../../support/in-memory-ports.ts';

const HOUR_MS = 3_600_000;
const outage = () => new TransientError('graph:500');

const aPage = (world: World, count: number) =>
  Array.from({ length: count }, () => world.mailboxes.add(MAILBOX, aMail()));

const ids = (mails: ReturnType<typeof aPage>) => mails.map((mail) => messageIdFor(mail)).toSorted();

const put = (world: World, ring = lookRing()) => world.workQueue.put(JSON.stringify({ v: 1, ...ring }));

describe('a mail that Graph always answers with an error of its own', () => {
  it('does not hold up the mails behind it [F57]', async () => {
    const { world, app } = oneMailbox({ includeMime: true });
    const [bad, ...others] = aPage(world, 6);
    if (!bad) throw new Error('no mail');
    world.mailboxes.refusals.set(bad.id, outage);
    put(world);
    await runRings(world, app, 120_000);
    expect(arrived(world).toSorted()).toEqual(ids(others));
  });

  it('is parked after some tries, and shown to the operator [F57]', async () => {
    const { world, app } = oneMailbox({ includeMime: true });
    const [bad] = aPage(world, 3);
    if (!bad) throw new Error('no mail');
    world.mailboxes.refusals.set(bad.id, outage);
    put(world);
    await runRings(world, app, 3 * HOUR_MS);
    expect(rowOf(world, bad)).toMatchObject({ state: 'parked', reason: 'graph:500' });
    expect(await app.manageMailboxes.report(MAILBOX)).toMatchObject({ unfinished: [{ id: bad.id, state: 'parked' }] });
  });

  it('arrives once when it can be read at last', async () => {
    const { world, app } = oneMailbox({ includeMime: true });
    const mails = aPage(world, 3);
    const [bad] = mails;
    if (!bad) throw new Error('no mail');
    world.mailboxes.refusals.set(bad.id, outage);
    put(world);
    await runRings(world, app, 120_000);
    world.mailboxes.refusals.clear();
    await runRings(world, app, HOUR_MS);
    expect(arrived(world).toSorted()).toEqual(ids(mails));
    expect(world.crmQueue.sends).toHaveLength(3);
  });

  it('does not hold up the others when delta left its fields out', async () => {
    const { world, app } = oneMailbox();
    const bad = world.mailboxes.add(MAILBOX, aMail(), { shape: 'partial' });
    const others = aPage(world, 4);
    world.mailboxes.refusals.set(bad.id, outage);
    put(world);
    await runRings(world, app, 120_000);
    expect(arrived(world).toSorted()).toEqual(ids(others));
    expect(rowOf(world, bad)?.state).toBe('failing');
  });

  it.each([2, 3, 4, 5, 9])('does not hold up the others when there are %i of them in a row', async (count) => {
    const { world, app } = oneMailbox({ includeMime: true });
    const mails = aPage(world, count + 12);
    for (const bad of mails.slice(0, count)) world.mailboxes.refusals.set(bad.id, outage);
    put(world);
    await runRings(world, app, 600_000);
    expect(arrived(world).toSorted()).toEqual(ids(mails.slice(count)));
  });

  it('does not hold up the next pages when all other mails of its page were published before', async () => {
    const { world, app } = oneMailbox({ includeMime: true });
    const before = aPage(world, 40);
    put(world);
    await runRings(world, app, 60_000);
    const bad = aPage(world, 2);
    for (const mail of bad) world.mailboxes.refusals.set(mail.id, outage);
    const after = aPage(world, 100);
    world.mailboxes.expireLinks();
    put(world);
    await runRings(world, app, 1_800_000);
    expect(arrived(world).toSorted()).toEqual(ids([...before, ...after]));
  });

  it('does not slow the mailbox down when it was only named by a notification', async () => {
    const { world, app } = oneMailbox();
    const bad = world.mailboxes.add(MAILBOX, aMail(), { deltaLagMs: 10 * HOUR_MS });
    const good = world.mailboxes.add(MAILBOX, aMail(), { deltaLagMs: 10 * HOUR_MS });
    world.mailboxes.refusals.set(bad.id, outage);
    put(world, ringFor(bad, good));
    await runRings(world, app, 120_000);
    expect(arrived(world)).toEqual([messageIdFor(good)]);
  });

  it('does not hold up the others for the attachment that always breaks off [F38, F57]', async () => {
    const { world, app } = oneMailbox({ includeAttachments: true });
    const attachment = {
      id: 'a1',
      name: 'big.bin',
      contentType: 'x/y',
      size: 9,
      isInline: false,
      kind: 'file',
    } as const;
    const bad = world.mailboxes.add(MAILBOX, aMail({ attachments: [attachment] }));
    const others = aPage(world, 4);
    world.mailboxes.refusals.set(bad.id, () => new TransientError('graph:no-answer'));
    put(world);
    await runRings(world, app, 120_000);
    expect(arrived(world).toSorted()).toEqual(ids(others));
  });
});

describe('an outage that hits every mail of a page', () => {
  it('is nobody’s own fault: no mail is parked, and all arrive once when it is over [F37]', async () => {
    const { world, app } = oneMailbox({ includeMime: true });
    const mails = aPage(world, 12);
    app.gate.inject({ call: 'mail.openMime', kind: 'error', error: outage });
    put(world);
    await runRings(world, app, 3 * HOUR_MS);
    expect(world.deliveries.ledger(MAILBOX).filter((row) => row.state === 'parked')).toEqual([]);
    app.gate.mend();
    await runRings(world, app, HOUR_MS);
    expect(arrived(world).toSorted()).toEqual(ids(mails));
    expect(world.crmQueue.sends).toHaveLength(12);
  });

  it('is backed off from and not asked about mail by mail [F37]', async () => {
    const { world, app } = oneMailbox({ includeMime: true });
    aPage(world, 40);
    app.gate.inject({ call: 'mail.openMime', kind: 'error', error: outage });
    put(world);
    await runRings(world, app, HOUR_MS);
    expect(world.deliveries.lane(MAILBOX).failures).toBeGreaterThan(5);
    expect(world.deliveries.ledger(MAILBOX)).toEqual([]);
  });
});

describe('throttling', () => {
  it('is the mailbox’s matter although one mail’s content was asked for [F35]', async () => {
    const { world, app } = oneMailbox({ includeMime: true });
    const mails = aPage(world, 3);
    const [first] = mails;
    if (!first) throw new Error('no mail');
    const slow = () => new TransientError('graph:429:TooManyRequests', { retryAfterMs: 40_000 });
    world.mailboxes.refusals.set(first.id, slow);
    put(world);
    await runRings(world, app, 300_000);
    expect(rowOf(world, first)).toBeUndefined();
    world.mailboxes.refusals.clear();
    await runRings(world, app, HOUR_MS);
    expect(arrived(world).toSorted()).toEqual(ids(mails));
  });
});
