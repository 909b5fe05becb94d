import { describe, expect, it, vi } from 'vitest';
import { percentile } from './delays.ts';
import { CATCH_UP_MS, HOUR, Installation, MINUTE, SECOND, TICK_MS, usualLatency } from './installation.ts';

// Hours of virtual time are seconds of real work, more on a busy machine.
vi.setConfig({ testTimeout: 120_000 });

/** `BIG=1` makes the large sizes larger still. */
const MAILBOXES = process.env['BIG'] ? 100 : 20;

/** Looking takes a little while too. */
const LOOK_MS = 10 * SECOND;
const ONE_INTERVAL_MS = CATCH_UP_MS + TICK_MS + LOOK_MS;

/** Mail trickles into every mailbox for `ms`, `perHour` each. */
function trickle(installation: Installation, ms: number, perHour: number): void {
  for (const mailbox of installation.ids) {
    const mean = HOUR / perHour;
    for (let at = installation.random() * mean; at < ms; at += -Math.log(1 - installation.random()) * mean)
      installation.later(at, () => installation.deliver(mailbox));
  }
}

const everythingArrivedOnce = (installation: Installation) =>
  expect(installation.books.difference()).toEqual({ missing: 0, extra: 0 });

describe('with notifications that get lost', () => {
  it.each([0, 0.2, 0.8, 1])(
    'every mail arrives once within one catch-up interval: %d of them lost [F04]',
    async (dropShare) => {
      const installation = await Installation.ready({ mailboxes: MAILBOXES });
      installation.terms.latency = usualLatency;
      installation.notifications.dropShare = dropShare;
      trickle(installation, 3 * HOUR, 12);
      await installation.run(3 * HOUR + ONE_INTERVAL_MS);
      everythingArrivedOnce(installation);
      const delays = installation.books.delays();
      expect(delays.length).toBeGreaterThan(MAILBOXES * 20);
      expect(Math.max(...delays)).toBeLessThanOrEqual(ONE_INTERVAL_MS);
      if (dropShare === 0) expect(percentile(delays, 1)).toBeLessThanOrEqual(LOOK_MS);
      expect(installation.workQueue.deadLetters()).toEqual([]);
    },
  );

  it('every mail of a day of silence arrives once, none later than one catch-up interval [F05]', async () => {
    const installation = await Installation.ready({ mailboxes: MAILBOXES });
    installation.terms.latency = usualLatency;
    installation.notifications.dropShare = 1;
    trickle(installation, 24 * HOUR, 6);
    await installation.run(24 * HOUR);
    installation.notifications.dropShare = 0;
    trickle(installation, HOUR, 6);
    await installation.run(HOUR + ONE_INTERVAL_MS);
    everythingArrivedOnce(installation);
    expect(Math.max(...installation.books.delays())).toBeLessThanOrEqual(ONE_INTERVAL_MS);
  });

  it('ten thousand missed mails of one mailbox all arrive within one catch-up interval [F04, F21]', async () => {
    const installation = await Installation.ready({ mailboxes: 3 });
    const [crowded = '', ...others] = installation.ids;
    installation.terms.latency = usualLatency;
    installation.notifications.dropShare = 1;
    for (let n = 0; n < 10_000; n++) installation.deliver(crowded);
    for (const mailbox of others) installation.deliver(mailbox);
    await installation.run(ONE_INTERVAL_MS + 2 * MINUTE);
    everythingArrivedOnce(installation);
    expect(Math.max(...installation.books.delays((mailbox) => mailbox !== crowded))).toBeLessThanOrEqual(
      ONE_INTERVAL_MS,
    );
    expect(installation.traffic.highest.get(crowded)).toBeLessThanOrEqual(4);
    console.info(`10,000 missed mails: the last after ${Math.max(...installation.books.delays()) / SECOND} s`);
  });
});

describe('a bulk move of which Graph only says "missed"', () => {
  it('arrives whole, at once [F04, F21]', async () => {
    const installation = await Installation.ready({ mailboxes: 2 });
    const [mailbox = ''] = installation.ids;
    installation.terms.latency = usualLatency;
    installation.notifications.dropShare = 1;
    const filed = Array.from({ length: 500 }, () => installation.deliver(mailbox, { parentFolderId: 'archive-id' }));
    await installation.run(MINUTE);
    expect(installation.books.arrivals()).toEqual([]);
    for (const mail of filed) {
      installation.mailboxes.move(mailbox, mail.id, 'inbox-id');
      installation.books.expect(mailbox, mail.id);
    }
    installation.notifications.lifecycle(mailbox, 'missed');
    await installation.run(MINUTE);
    everythingArrivedOnce(installation);
  });
});
