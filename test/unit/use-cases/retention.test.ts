import { beforeEach, describe, expect, it } from 'vitest';
import { blobFolder, ledgerKey } from '../../../shared/domain/delivery.ts';
import { FREE, take } from '../../../shared/domain/lane.ts';
import { aMail, MAILBOX } from '../../support/builders.ts';
import {
  type App,
  arrived,
  lookRing,
  oneMailbox,
  ringFor,
  ringUp,
  rowOf,
  startApp,
} from '../../support/app-under-test.ts';
import { START, type World } from '../../support/in-memory-ports.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

let world: World;
let app: App;

beforeEach(() => {
  ({ world, app } = oneMailbox({ includeMime: true }));
});

const reconcile = async () => {
  await world.clock.runUntilDone(app.reconcileMailboxes());
};
const sync = async (mail = aMail()) => {
  world.mailboxes.add(MAILBOX, mail);
  await world.clock.runUntilDone(ringUp(app, ringFor(mail)));
  return mail;
};
const blobs = () => [...world.blobs.blobs.keys()];

describe('retention [T29]', () => {
  it('keeps the ledger row of a mail for 60 days by received time [T29]', async () => {
    const mail = await sync();
    await world.clock.advance(60 * DAY - HOUR);
    await reconcile();
    expect(rowOf(world, mail)).toBeDefined();
    await world.clock.advance(13 * HOUR);
    await reconcile();
    expect(rowOf(world, mail)).toBeUndefined();
  });

  it('keeps the blobs of a mail for 90 days, longer than its event can lie in the queue [F61, F69]', async () => {
    await sync();
    await world.clock.advance(90 * DAY - HOUR);
    await reconcile();
    expect(blobs()).toHaveLength(1);
    await world.clock.advance(13 * HOUR);
    await reconcile();
    expect(blobs()).toEqual([]);
  });

  it('sends no mail again whose row is gone, even if delta and the audit show it', async () => {
    const mail = await sync();
    await world.clock.advance(61 * DAY);
    await reconcile();
    expect(rowOf(world, mail)).toBeUndefined();
    world.mailboxes.expireLinks();
    await world.clock.runUntilDone(ringUp(app, lookRing()));
    await world.clock.runUntilDone(ringUp(app, ringFor(mail)));
    expect(arrived(world)).toHaveLength(1);
  });

  it('of a mailbox that is not watched any more goes on', async () => {
    const mail = await sync();
    const [row] = world.folders.all();
    if (row) world.folders.put({ ...row, wanted: false });
    await world.clock.advance(91 * DAY);
    await reconcile();
    expect(rowOf(world, mail)).toBeUndefined();
    expect(blobs()).toEqual([]);
  });

  it('is not asked for twice within half a day', async () => {
    await world.clock.advance(13 * HOUR);
    await reconcile();
    app.gate.calls.length = 0;
    await reconcile();
    await world.clock.advance(11 * HOUR);
    await reconcile();
    expect(app.gate.count('deliveries.purge')).toBe(0);
    await world.clock.advance(2 * HOUR);
    await reconcile();
    expect(app.gate.count('deliveries.purge')).toBe(1);
  });

  it('that fails leaves the rest of the timer to run', async () => {
    await world.clock.advance(13 * HOUR);
    app.gate.inject({ call: 'deliveries.purge', kind: 'error' });
    await reconcile();
    expect(world.workQueue.nextAt()).toBeDefined();
  });
});

describe('a blob that nothing refers to [F68]', () => {
  /** The worker dies after the blob and before the ledger hears of it; the mail is gone when the ring comes again. */
  async function orphan() {
    const mail = aMail();
    world.mailboxes.add(MAILBOX, mail);
    app.gate.inject({ call: 'deliveries.commit', kind: 'crash' });
    void ringUp(app, ringFor(mail));
    await world.clock.advance(1_000);
    expect(arrived(world)).toEqual([]);
    world.mailboxes.remove(MAILBOX, mail.id);
    app = startApp(world, { includeMime: true });
    expect(blobs()).toHaveLength(1);
  }

  it('is removed within a day [F68]', async () => {
    await orphan();
    for (let hours = 0; hours < 24; hours++) {
      await world.clock.advance(HOUR);
      await reconcile();
    }
    expect(blobs()).toEqual([]);
  });

  it('is removed within a day although somebody reads the mailbox just when it is looked for [F68]', async () => {
    await orphan();
    await world.clock.advance(13 * HOUR);
    world.deliveries.of(MAILBOX).lane = take(FREE, 'reader', '', world.clock.now());
    await reconcile();
    expect(blobs()).toHaveLength(1);
    world.deliveries.of(MAILBOX).lane = FREE;
    for (let hours = 13; hours < 24; hours++) {
      await reconcile();
      await world.clock.advance(HOUR);
    }
    expect(blobs()).toEqual([]);
  });

  it('is removed within a day although the mailbox is read on every full hour, just when it is looked for [F68]', async () => {
    await orphan();
    await world.clock.advance(13 * HOUR);
    for (let minutes = 13 * 60; minutes < 24 * 60; minutes += 10) {
      const { clock, deliveries } = world;
      deliveries.of(MAILBOX).lane = minutes % 60 === 0 ? take(FREE, 'reader', '', clock.now()) : FREE;
      await reconcile();
      await clock.advance(10 * 60_000);
    }
    expect(blobs()).toEqual([]);
  });

  it('stays for the first hours: its mail may still be on its way', async () => {
    await orphan();
    await world.clock.advance(10 * HOUR);
    await app.ports.folders.touch(
      { mailbox: MAILBOX, folder: world.folders.all()[0]?.folder ?? '' },
      { purgedAt: new Date(0) },
    );
    await reconcile();
    expect(blobs()).toHaveLength(1);
  });

  it('is never one whose event was sent, even if the worker died before the ledger knew [F69]', async () => {
    const mail = aMail();
    world.mailboxes.add(MAILBOX, mail);
    app.gate.inject({ call: 'crmQueue.publish', kind: 'crash', when: 'after' });
    void ringUp(app, ringFor(mail));
    await world.clock.advance(1_000);
    expect(arrived(world)).toHaveLength(1);
    world.mailboxes.remove(MAILBOX, mail.id);
    app = startApp(world, { includeMime: true });
    for (let turn = 0; turn < 6; turn++) {
      await world.clock.advance(12 * HOUR);
      await reconcile();
    }
    expect(blobs()).toEqual([`${blobFolder(MAILBOX, ledgerKey(mail.receivedAt, mail.id))}/mime`]);
  });

  it('is removed without ending a pause that Graph asked for [F35]', async () => {
    await orphan();
    const leaseEnd = new Date(world.clock.now() + 13 * HOUR);
    world.deliveries.of(MAILBOX).lane = { ...FREE, leaseEnd, failures: 3, marked: true };
    await world.clock.advance(12 * HOUR + 1);
    await reconcile();
    expect(blobs()).toEqual([]);
    expect(world.deliveries.lane(MAILBOX)).toMatchObject({ leaseEnd, failures: 3, holder: '' });
  });

  it('is never one of a mail that is failing or parked, or of another mailbox', async () => {
    const mail = aMail({ receivedAt: new Date(START) });
    const key = ledgerKey(mail.receivedAt, mail.id);
    const row = { key, id: mail.id, state: 'parked' as const, attempts: 5, recordedAt: new Date(START) };
    world.deliveries.of(MAILBOX).ledger.save([row]);
    world.blobs.putNew(`${blobFolder(MAILBOX, key)}/mime`, 'message/rfc822', Buffer.from('x'));
    world.blobs.putNew(`${MAILBOX}0/d-1/mime`, 'message/rfc822', Buffer.from('x'));
    await world.clock.advance(20 * HOUR);
    await reconcile();
    expect(blobs()).toHaveLength(2);
  });
});
