import { describe, expect, it } from 'vitest';
import { START } from '../../support/in-memory-ports.ts';
import { generatedId } from './generated-mailboxes.ts';
import { HOUR, Installation, mailboxId, MINUTE, usualLatency } from './installation.ts';

const YEAR = 365 * 24 * HOUR;
const mailbox = mailboxId(0);
const megabytes = () => Math.round(process.memoryUsage().rss / 2 ** 20);

/** A mailbox with mail of years, spread evenly up to an hour before the watch begins. */
function withOldMail(count: number): Installation {
  const installation = new Installation();
  const from = START - 10 * YEAR;
  const step = (START - HOUR - from) / count;
  installation.mailboxes.inboxes.set(mailbox, { count, receivedAt: (n) => from + n * step });
  installation.terms.latency = usualLatency;
  installation.later(0, () => installation.reconcile());
  return installation;
}

/** `count` mails come, `apartMs` after each other; nobody is told. */
function receive(installation: Installation, count: number, apartMs: number): void {
  const inbox = installation.mailboxes.inboxes.get(mailbox);
  if (!inbox) return;
  const { count: before, receivedAt } = inbox;
  const begin = installation.time.now();
  inbox.receivedAt = (n) => (n < before ? receivedAt(n) : begin + (n - before) * apartMs);
  for (let n = 0; n < count; n++)
    installation.later(n * apartMs, () => {
      inbox.count++;
      installation.books.expect(mailbox, generatedId(before + n));
    });
}

describe.each([100_000, 1_000_000])('a folder with %d old mails', (count) => {
  it('is opened without listing any of them, and new mail arrives [F46]', async () => {
    const before = megabytes();
    const installation = withOldMail(count);
    await installation.run(HOUR);
    const { shown } = installation.mailboxes;
    expect(installation.books.arrivals()).toEqual([]);
    expect(shown.mails).toBe(0);
    expect(shown.requests).toBeLessThan(15);
    receive(installation, 30, MINUTE);
    await installation.run(2 * HOUR);
    expect(installation.books.difference()).toEqual({ missing: 0, extra: 0 });
    expect(shown.mails).toBeLessThan(60);
    console.info(`${count} old mails: ${before} MB before, ${megabytes()} MB after`);
  });

  it('stays unlisted when its delta token is lost again and again [F43, F46]', async () => {
    const installation = withOldMail(count);
    await installation.run(10 * MINUTE);
    receive(installation, 30, MINUTE);
    for (let n = 0; n < 5; n++) installation.later(n * 20 * MINUTE, () => installation.mailboxes.expireLinks());
    await installation.run(3 * HOUR);
    expect(installation.books.difference()).toEqual({ missing: 0, extra: 0 });
    // Five times everything of the watch: by delta and twice by the listing.
    expect(installation.mailboxes.shown.mails).toBeLessThan(30 * 5 * 5);
    expect(installation.mailboxes.shown.largestPage).toBeLessThanOrEqual(50);
  });
});

describe('a watch that began long ago', () => {
  /** Mail of weeks that this installation has never seen, as after a restore of an old state. */
  const BACKLOG = process.env['BIG'] ? 100_000 : 12_000;

  it('catches up page by page with flat memory, also when its worker dies half-way [F46, F45]', async () => {
    const installation = new Installation({ processes: 1 });
    installation.terms.latency = usualLatency;
    installation.later(0, () => installation.reconcile());
    installation.mailboxes.inboxes.set(mailbox, { count: 0, receivedAt: () => 0 });
    await installation.run(5 * MINUTE);
    installation.timersRun = false;
    receive(installation, BACKLOG, 100);
    await installation.run(BACKLOG * 100 + MINUTE);
    expect(installation.books.arrivals()).toEqual([]);

    let retained = 0;
    installation.terms.onCall = (call) => {
      if (call === 'crmQueue.publish') retained = Math.max(retained, installation.books.lastPublish());
    };
    installation.timersRun = true;
    await installation.run(90_000);
    const sofar = installation.books.arrivals().length;
    expect(sofar).toBeGreaterThan(500);
    expect(sofar).toBeLessThan(BACKLOG);
    const [first] = installation.apps;
    if (first) installation.kill(first);
    installation.start();
    await installation.run(2 * HOUR);
    expect(installation.books.difference()).toEqual({ missing: 0, extra: 0 });
    expect(retained).toBeLessThanOrEqual(50);
    // Nothing that was stored is read again, but for the pages around the death and the re-openings.
    expect(installation.mailboxes.shown.mails).toBeLessThan(BACKLOG * 4);
    console.info(
      `${BACKLOG} mails caught up with a death after ${sofar}: ${installation.mailboxes.shown.mails} shown, ${megabytes()} MB`,
    );
  }, 600_000);
});

describe('a filter window with more than 5,000 mails', () => {
  it('loses none, although Graph ends the chain there without a word [F46]', async () => {
    const installation = new Installation();
    installation.terms.latency = usualLatency;
    installation.later(0, () => installation.reconcile());
    installation.mailboxes.inboxes.set(mailbox, { count: 0, receivedAt: () => 0 });
    await installation.run(5 * MINUTE);
    // Five a minute for a day and more, so that the chain passes the limit while it is followed.
    receive(installation, 7_200, 12_000);
    await installation.run(25 * HOUR);
    expect(installation.books.difference()).toEqual({ missing: 0, extra: 0 });
    expect(installation.logged.get('delta chain re-opened') ?? 0).toBeGreaterThan(1);
  });
});
