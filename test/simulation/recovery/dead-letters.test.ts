import { describe, expect, it } from 'vitest';
import { CATCH_UP_MS, HOUR, Installation, MINUTE, SECOND, usualLatency } from './installation.ts';

const bodyOf = (mailbox: string, ids: string[] = []) => JSON.stringify({ v: 1, mailbox, folders: [], ids });

describe('rings whose deliveries the platform used up', () => {
  it('ring again with the next tick, and no mail is lost [F58, F74]', async () => {
    const installation = await Installation.ready({ mailboxes: 10 });
    installation.terms.latency = usualLatency;
    installation.brokenWorkers = true;
    for (let n = 0; n < 200; n++)
      installation.later(n * 300, () => installation.deliver(installation.ids[n % 10] ?? ''));
    await installation.run(5 * MINUTE);
    expect(installation.logged.get('work items were dead-lettered and ring again') ?? 0).toBeGreaterThan(0);
    installation.brokenWorkers = false;
    await installation.run(MINUTE + 30 * SECOND);
    expect(installation.books.difference()).toEqual({ missing: 0, extra: 0 });
    expect(installation.workQueue.deadLetters()).toEqual([]);
  });

  it('wait without harm while the timers are down, and are rung once these run again [F58, F75]', async () => {
    const installation = await Installation.ready({ mailboxes: 10 });
    installation.terms.latency = usualLatency;
    installation.timersRun = false;
    installation.brokenWorkers = true;
    for (const mailbox of installation.ids) installation.deliver(mailbox);
    await installation.run(HOUR);
    installation.brokenWorkers = false;
    installation.deliver(installation.ids[0] ?? '');
    await installation.run(MINUTE);
    // New mail needs no timer, and brings the older one of its mailbox along.
    expect(installation.books.difference().missing).toBe(9);
    expect(installation.books.arrivals()).toHaveLength(2);
    installation.timersRun = true;
    await installation.run(2 * MINUTE);
    expect(installation.books.difference()).toEqual({ missing: 0, extra: 0 });
  });
});

describe('a thousand dead letters', () => {
  it('are drained in batches, and drained whole although the process dies in the middle, again and again [F59]', async () => {
    const installation = await Installation.ready({ mailboxes: 50, processes: 1 });
    installation.terms.latency = usualLatency;
    installation.notifications.dropShare = 1;
    for (let n = 0; n < 1_000; n++) {
      const mailbox = installation.ids[n % 50] ?? '';
      const mail = installation.deliver(mailbox);
      installation.workQueue.bury(bodyOf(mailbox, [mail.id]));
    }
    let deaths = 0;
    installation.terms.onCall = (call) => {
      // Before the rings are sent, before the dead letters are taken away, and after.
      if (!/^workQueue\.(send|completeDeadLetters)$/.test(call) || deaths >= 12) return;
      const [only] = installation.apps;
      if (!only || installation.workQueue.deadLetters().length === 0 || installation.random() < 0.3) return;
      deaths++;
      installation.kill(only);
      installation.later(SECOND, () => installation.start());
    };
    await installation.run(40 * MINUTE);
    expect(deaths).toBeGreaterThan(3);
    expect(installation.workQueue.deadLetters()).toEqual([]);
    expect(installation.books.difference()).toEqual({ missing: 0, extra: 0 });
    expect(installation.workQueue.length).toBe(0);
  });

  it('of which most are unreadable keep none of the others from ringing, and stay [F59]', async () => {
    const installation = await Installation.ready({ mailboxes: 2 });
    const [mailbox = ''] = installation.ids;
    installation.terms.latency = usualLatency;
    installation.notifications.dropShare = 1;
    for (let n = 0; n < 999; n++) installation.workQueue.bury(`not a ring ${n}`);
    const mail = installation.deliver(mailbox);
    installation.workQueue.bury(bodyOf(mailbox, [mail.id]));
    await installation.run(3 * MINUTE);
    expect(installation.workQueue.deadLetters()).toHaveLength(999);
    expect(installation.books.difference()).toEqual({ missing: 0, extra: 0 });
    await installation.run(CATCH_UP_MS);
    expect(installation.workQueue.deadLetters()).toHaveLength(999);
  });
});
