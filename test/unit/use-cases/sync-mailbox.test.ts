import { describe, expect, it } from 'vitest';
import { folderKey } from '../../../shared/domain/delta.ts';
import { TransientError } from '../../../shared/errors.ts';
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
  watchMailbox,
} from '../../support/app-under-test.ts';
import { aMail, INBOX_KEY, MAILBOX } from '../../support/builders.ts';
import { START } from '../../support/in-memory-ports.ts';

const graphCalls = (calls: string[]) => calls.filter((call) => call.startsWith('mail.'));
const held = (holder: string, forMs = 90_000, marked = false, guardAt = 0) => ({
  holder,
  leaseEnd: new Date(START + forMs),
  marked,
  guardAt: new Date(guardAt),
  failures: 0,
  at: '',
});

describe('a ring for a new mail', () => {
  it('puts the mail on the CRM queue once, remembers it and stores the delta link', async () => {
    const { world, app } = oneMailbox();
    const mail = world.mailboxes.add(MAILBOX, aMail());

    await ringUp(app, ringFor(mail));

    expect(arrived(world)).toEqual([messageIdFor(mail)]);
    expect(rowOf(world, mail)).toMatchObject({ id: mail.id, state: 'published', attempts: 0 });
    expect(chainOf(world)?.link).toContain('https://graph.test/');
    expect(world.workQueue.length).toBe(0);
  });

  it('costs one read, one lane write and one transaction in the table', async () => {
    const { world, app } = oneMailbox();
    await ringUp(app, lookRing());
    const mail = world.mailboxes.add(MAILBOX, aMail());
    app.gate.calls.length = 0;

    await ringUp(app, ringFor(mail));

    expect(app.gate.calls).toEqual([
      'deliveries.load',
      'deliveries.writeLane',
      'mail.followLink',
      'crmQueue.publish',
      'deliveries.commit',
    ]);
  });

  it('leaves the lane free', async () => {
    const { world, app } = oneMailbox();
    await ringUp(app, ringFor(world.mailboxes.add(MAILBOX, aMail())));
    expect(world.deliveries.lane(MAILBOX)).toMatchObject({ holder: '', marked: false });
    expect(world.deliveries.lane(MAILBOX).leaseEnd.getTime()).toBe(0);
  });

  it('costs nothing at all when this process has just published its mails [F01, T03]', async () => {
    const { world, app } = oneMailbox();
    const mail = world.mailboxes.add(MAILBOX, aMail());
    await ringUp(app, ringFor(mail));
    app.gate.calls.length = 0;
    await ringUp(app, ringFor(mail));
    expect(app.gate.calls).toEqual([]);
  });

  it('costs one read of the ledger and no Graph request when another process published its mails [F01]', async () => {
    const { world, app } = oneMailbox();
    const mail = world.mailboxes.add(MAILBOX, aMail());
    await ringUp(app, ringFor(mail));
    const other = startApp(world);
    await ringUp(other, ringFor(mail));
    expect(other.gate.calls).toEqual(['deliveries.load']);
  });

  it('asks Graph although all of its mails are known when it says to look', async () => {
    const { world, app } = oneMailbox();
    const mail = world.mailboxes.add(MAILBOX, aMail());
    await ringUp(app, ringFor(mail));
    app.gate.calls.length = 0;

    await ringUp(app, { ...ringFor(mail), look: 'missed' });

    expect(graphCalls(app.gate.calls)).toEqual(['mail.followLink']);
  });

  it('is answered without Graph when nothing of the mailbox is watched [F03]', async () => {
    const { world, app } = oneMailbox();
    world.deliveries.remove(MAILBOX);
    await ringUp(app, lookRing());
    expect(graphCalls(app.gate.calls)).toEqual([]);
    expect(world.workQueue.length).toBe(0);
  });

  it('fetches a mail by its id while delta does not show it yet, and does not send it again later', async () => {
    const { world, app } = oneMailbox();
    await ringUp(app, lookRing());
    const mail = world.mailboxes.add(MAILBOX, aMail(), { deltaLagMs: 60_000 });

    await ringUp(app, ringFor(mail));
    expect(arrived(world)).toEqual([messageIdFor(mail)]);
    await world.clock.advance(120_000);
    await ringUp(app, lookRing());

    expect(world.crmQueue.sends).toHaveLength(1);
  });

  it('asks once more after a while for a mail that neither delta nor its id show [F33]', async () => {
    const { world, app } = oneMailbox();
    await ringUp(app, lookRing());
    const mail = world.mailboxes.add(MAILBOX, aMail(), { deltaLagMs: 600_000, byIdLagMs: 10_000 });

    await ringUp(app, ringFor(mail));
    expect(arrived(world)).toEqual([]);
    await runRings(world, app, 300_000);

    expect(arrived(world)).toEqual([messageIdFor(mail)]);
  });

  it('lets a mail go that is gone both times it is asked for [F33]', async () => {
    const { world, app } = oneMailbox();
    await ringUp(app, ringFor('AAkAdeleted='));
    await runRings(world, app);
    expect(arrived(world)).toEqual([]);
    expect(world.workQueue.length).toBe(0);
  });
});

describe('what is wanted', () => {
  it('is no draft, nothing from before the watch began and nothing older than the ledger reaches [F46, F49]', async () => {
    const { world, app } = oneMailbox();
    const draft = world.mailboxes.add(MAILBOX, aMail({ isDraft: true }));
    const early = world.mailboxes.add(MAILBOX, aMail({ receivedAt: new Date(START - 2 * 86_400_000) }));
    const wanted = world.mailboxes.add(MAILBOX, aMail());

    await ringUp(app, ringFor(draft, early, wanted));

    expect(arrived(world)).toEqual([messageIdFor(wanted)]);
  });

  it('does not include a mail named by id that lies in a folder nobody watches', async () => {
    const { world, app } = oneMailbox();
    const elsewhere = world.mailboxes.add(MAILBOX, aMail({ parentFolderId: 'archive-id' }));
    await ringUp(app, ringFor(elsewhere));
    expect(arrived(world)).toEqual([]);
  });

  it('includes an old mail that is moved into a watched folder within the time of the watch [F48]', async () => {
    const { world, app } = oneMailbox();
    await ringUp(app, lookRing());
    const mail = world.mailboxes.add(MAILBOX, aMail({ parentFolderId: 'archive-id' }));
    world.mailboxes.move(MAILBOX, mail.id, 'inbox-id');
    await ringUp(app, lookRing());
    expect(arrived(world)).toEqual([messageIdFor(mail)]);
  });

  it('is fetched by id when the page leaves fields out', async () => {
    const { world, app } = oneMailbox();
    const partial = world.mailboxes.add(MAILBOX, aMail(), { shape: 'partial' });
    const undated = world.mailboxes.add(MAILBOX, aMail(), { shape: 'undated' });
    await ringUp(app, lookRing());
    expect(arrived(world).toSorted()).toEqual([messageIdFor(partial), messageIdFor(undated)].toSorted());
    expect(app.gate.count('mail.getMail')).toBe(2);
  });

  it('is not fetched by id when the ledger knows the partial entry', async () => {
    const { world, app } = oneMailbox();
    const mail = world.mailboxes.add(MAILBOX, aMail(), { shape: 'partial' });
    await ringUp(app, lookRing());
    world.mailboxes.expireLinks();
    const before = app.gate.count('mail.getMail');
    await ringUp(app, lookRing());
    expect(app.gate.count('mail.getMail')).toBe(before);
    expect(arrived(world)).toEqual([messageIdFor(mail)]);
  });
});

describe('a lane held by another worker', () => {
  it('is marked, and the ring sends itself for after the lease before that [F21, F44]', async () => {
    const { world, app } = oneMailbox();
    world.deliveries.of(MAILBOX).lane = held('somebody');

    await ringUp(app, lookRing());

    expect(app.gate.calls).toEqual(['deliveries.load', 'workQueue.send', 'deliveries.writeLane']);
    expect(world.workQueue.sent).toEqual([{ ring: lookRing(), at: START + 95_000, sentAt: START }]);
    expect(world.deliveries.lane(MAILBOX)).toMatchObject({ holder: 'somebody', marked: true });
  });

  it('needs no second guard while one is due after the lease', async () => {
    const { world, app } = oneMailbox();
    world.deliveries.of(MAILBOX).lane = held('somebody', 90_000, true, START + 95_000);
    await ringUp(app, lookRing());
    expect(world.workQueue.length).toBe(0);
  });

  it('gets a guard of its own when the one that is due comes before the end of the lease', async () => {
    const { world, app } = oneMailbox();
    world.deliveries.of(MAILBOX).lane = held('somebody', 90_000, true, START + 50_000);
    await ringUp(app, lookRing());
    expect(world.workQueue.sent.map(({ at }) => at)).toEqual([START + 95_000]);
  });

  it('is asked for afresh when it changes while the ring guards it', async () => {
    const { world, app } = oneMailbox();
    const mail = world.mailboxes.add(MAILBOX, aMail());
    world.deliveries.of(MAILBOX).lane = held('somebody');
    app.gate.inject({ call: 'deliveries.writeLane', nth: 1, kind: 'conflict' });
    await ringUp(app, ringFor(mail));
    expect(world.deliveries.lane(MAILBOX).marked).toBe(true);
    expect(world.workQueue.length).toBeGreaterThan(0);
  });

  it('keeps the ring on the queue when the guard cannot be sent', async () => {
    const { world, app } = oneMailbox();
    world.deliveries.of(MAILBOX).lane = held('somebody');
    app.gate.inject({ call: 'workQueue.send', kind: 'error' });
    await expect(ringUp(app, lookRing())).rejects.toBeInstanceOf(TransientError);
    expect(world.deliveries.lane(MAILBOX).marked).toBe(false);
  });

  it('does not swallow the guard ring that comes a moment too early by our clock', async () => {
    const { world, app } = oneMailbox();
    const mail = world.mailboxes.add(MAILBOX, aMail());
    app.gate.inject({ call: 'mail.openChain', nth: 1, kind: 'error' });
    await ringUp(app, ringFor(mail));
    const [waiting] = world.workQueue.waiting();
    const { leaseEnd } = world.deliveries.lane(MAILBOX);
    await world.clock.advance(leaseEnd.getTime() - 150 - world.clock.now());

    // The queue's clock is ahead: its scheduled ring is delivered now.
    world.workQueue.complete(0);
    await ringUp(app, waiting?.ring ?? lookRing());
    await runRings(world, app);

    expect(arrived(world)).toEqual([messageIdFor(mail)]);
  });

  it('is looked at in every folder when its mark may stand for another folder', async () => {
    const { world, app } = oneMailbox();
    watchMailbox(world, MAILBOX, 'sales-id');
    const mail = world.mailboxes.add(MAILBOX, aMail({ parentFolderId: 'sales-id' }));
    // Both rings came while somebody held it: the first guards for the inbox, the second finds it guarded.
    world.deliveries.of(MAILBOX).lane = held('somebody');
    await ringUp(app, lookRing('timer', [INBOX_KEY]));
    await ringUp(app, { ...ringFor(mail), folders: [folderKey('sales-id')] });
    await runRings(world, app);
    expect(arrived(world)).toEqual([messageIdFor(mail)]);
  });
});

describe('rings that come while this process is at the mailbox', () => {
  it('wait for the next round and end with it [F21]', async () => {
    const { world } = oneMailbox();
    const app = startApp(world, {}, (call) => (call.startsWith('mail.') ? 200 : 10));
    const first = world.mailboxes.add(MAILBOX, aMail());
    const one = ringUp(app, ringFor(first));
    await world.clock.advance(50);
    const second = world.mailboxes.add(MAILBOX, aMail());
    const two = ringUp(app, ringFor(second));

    await world.clock.runUntilDone(Promise.all([one, two]));

    expect(arrived(world).toSorted()).toEqual([messageIdFor(first), messageIdFor(second)].toSorted());
    expect(app.gate.count('deliveries.load')).toBe(1);
    expect(world.workQueue.length).toBe(0);
  });

  it('begin anew when the one they joined had nothing to look at', async () => {
    const { world } = oneMailbox();
    const app = startApp(world, {}, () => 10);
    const known = world.mailboxes.add(MAILBOX, aMail());
    await world.clock.runUntilDone(ringUp(app, ringFor(known)));
    const one = ringUp(app, ringFor(known));
    const fresh = world.mailboxes.add(MAILBOX, aMail());
    const two = ringUp(app, ringFor(fresh));
    await world.clock.runUntilDone(Promise.all([one, two]));
    expect(arrived(world)).toContain(messageIdFor(fresh));
  });

  it('do not keep the first ring for ever: after a minute of work the lane is let go', async () => {
    const { world } = oneMailbox();
    const app = startApp(world, {}, (call) => (call.startsWith('mail.') ? 400 : 20));
    const joined: Promise<void>[] = [];
    const first = ringUp(app, lookRing());
    let firstDoneAt = 0;
    const noted = first.finally(() => {
      firstDoneAt = world.clock.now();
    });
    for (let second = 0; second < 180; second++) {
      joined.push(ringUp(app, ringFor(world.mailboxes.add(MAILBOX, aMail()))));
      await world.clock.advance(1_000);
    }
    expect(firstDoneAt).toBeGreaterThan(0);
    expect(firstDoneAt - START).toBeLessThan(75_000);
    await world.clock.runUntilDone(Promise.all([noted, ...joined]));
    await runRings(world, app);
    expect(arrived(world)).toHaveLength(180);
  });
});

describe('a mark set while the holder works', () => {
  it('makes it look once more, and once only [F21]', async () => {
    const { world } = oneMailbox();
    const app = startApp(world, {}, (call) => (call.startsWith('mail.') ? 200 : 10));
    const other = startApp(world, {}, () => 10);
    const work = ringUp(app, lookRing());
    await world.clock.advance(100);
    await world.clock.runUntilDone(ringUp(other, lookRing('missed')));
    await world.clock.runUntilDone(work, 600_000);

    expect(graphCalls(app.gate.calls)).toHaveLength(2);
    expect(world.deliveries.lane(MAILBOX)).toMatchObject({ holder: '', marked: false });
  });

  it('brings in the mail that came after the first look [F21]', async () => {
    const { world } = oneMailbox();
    const app = startApp(world, {}, (call) => (call === 'deliveries.commit' ? 400 : 10));
    const other = startApp(world, {}, () => 10);
    const work = ringUp(app, lookRing());
    await world.clock.advance(100);
    const late = world.mailboxes.add(MAILBOX, aMail());
    await world.clock.runUntilDone(ringUp(other, ringFor(late)));
    await world.clock.runUntilDone(work, 600_000);
    expect(arrived(world)).toEqual([messageIdFor(late)]);
  });
});
