import { describe, expect, it, vi } from 'vitest';
import { HOUR, Installation, usualLatency } from './installation.ts';

// Hours of virtual time are seconds of real work, more on a busy machine.
vi.setConfig({ testTimeout: 120_000 });

const MISSED = 130;

/** A mailbox in sync, with some pages of mail that nobody notified of; tokens are forgotten at the calls given. */
async function forgetTokensAt(strikes: (n: number) => boolean) {
  const installation = await Installation.ready();
  const [mailbox = ''] = installation.ids;
  for (let n = 0; n < 5; n++) installation.deliver(mailbox);
  await installation.run(HOUR);
  installation.notifications.dropShare = 1;
  for (let n = 0; n < MISSED; n++) installation.deliver(mailbox);
  let calls = 0;
  installation.terms.latency = usualLatency;
  installation.terms.onCall = (call) => {
    if (!/^mail\.(openChain|followLink|listSince)$/.test(call)) return;
    if (!strikes(++calls)) return;
    installation.mailboxes.expireLinks();
    // Mail goes on coming while everything is asked for anew.
    installation.deliver(mailbox);
  };
  installation.notifications.lifecycle(mailbox, 'missed');
  await installation.run(2 * HOUR);
  return { installation, calls };
}

describe('a delta token that the service forgets', () => {
  it('at any page, or at any two of them, costs no mail and doubles none [F43]', async () => {
    let pages = 0;
    for (let first = 1; ; first++) {
      const { installation, calls } = await forgetTokensAt((n) => n === first);
      expect(installation.books.difference(), `forgotten at page ${first}`).toEqual({ missing: 0, extra: 0 });
      if (calls < first) break;
      pages = first;
      // Right after the first, and while its gap is listed.
      for (const second of [first + 1, first + 2, first + 4, first + 7]) {
        const twice = await forgetTokensAt((n) => n === first || n === second);
        expect(twice.installation.books.difference(), `forgotten at pages ${first} and ${second}`).toEqual({
          missing: 0,
          extra: 0,
        });
      }
      // Catch-up looks go on for as long as the test does.
      if (first >= 14) break;
    }
    expect(pages).toBeGreaterThan(6);
  });

  it('at every page for an hour delays mail and loses none [F43]', async () => {
    const until = { time: Infinity };
    const installation = await Installation.ready({ mailboxes: 2 });
    const [mailbox = '', other = ''] = installation.ids;
    installation.terms.latency = usualLatency;
    until.time = installation.time.now() + HOUR;
    installation.terms.onCall = (call) => {
      if (call.startsWith('mail.') && installation.time.now() < until.time) installation.mailboxes.expireLinks();
    };
    for (let n = 0; n < MISSED; n++) installation.deliver(mailbox);
    installation.deliver(other);
    await installation.run(2 * HOUR);
    expect(installation.books.difference()).toEqual({ missing: 0, extra: 0 });
    expect(installation.graphCalls()).toBeLessThan(1_500);
  });
});

describe('pages that lead in a circle', () => {
  it.each([1, 2, 3])(
    'of %d do not keep the mail behind them from arriving, nor go on for ever [F47]',
    async (length) => {
      const installation = await Installation.ready({ mailboxes: 2 });
      const [mailbox = '', other = ''] = installation.ids;
      installation.terms.latency = usualLatency;
      installation.notifications.dropShare = 1;
      for (let n = 0; n < 50 * (length + 2); n++) installation.deliver(mailbox);
      installation.deliver(other);
      const follow = installation.mailboxes.follow.bind(installation.mailboxes);
      const circle: string[] = [];
      installation.mailboxes.follow = (link, size) => {
        const answer = follow(link, size);
        if (answer === 'expired' || answer.next.kind === 'delta' || !link.includes(mailbox)) return answer;
        if (!circle.includes(link)) circle.push(link);
        return { ...answer, next: { kind: 'next', link: circle[circle.length % length] ?? link } };
      };
      await installation.run(HOUR);
      expect(installation.books.difference()).toEqual({ missing: 0, extra: 0 });
      expect(installation.traffic.requests.get(mailbox)).toBeLessThan(1_000);
    },
  );

  it('do not keep a listing of several slices from its end [F47]', async () => {
    const installation = await Installation.ready();
    const [mailbox = ''] = installation.ids;
    installation.terms.latency = (call) => (call.startsWith('mail.') ? 3_000 : 10);
    installation.notifications.dropShare = 1;
    for (let n = 0; n < 2_500; n++) installation.deliver(mailbox);
    installation.mailboxes.linksToItself = true;
    await installation.run(HOUR);
    expect(installation.books.difference()).toEqual({ missing: 0, extra: 0 });
  });

  it('and are empty do not keep the mailbox busy [F47]', async () => {
    const installation = await Installation.ready({ mailboxes: 2 });
    const [mailbox = '', other = ''] = installation.ids;
    installation.terms.latency = usualLatency;
    let pages = 0;
    const follow = installation.mailboxes.follow.bind(installation.mailboxes);
    installation.mailboxes.follow = (link, size) => {
      if (!link.includes(mailbox)) return follow(link, size);
      return { entries: [], count: 0, next: { kind: 'next', link: `${link.split('&page=')[0]}&page=${++pages}` } };
    };
    installation.notifications.dropShare = 1;
    for (let n = 0; n < 80; n++) installation.deliver(mailbox);
    installation.deliver(other);
    await installation.run(2 * HOUR);
    expect(installation.books.difference()).toEqual({ missing: 0, extra: 0 });
    expect(installation.traffic.requests.get(mailbox)).toBeLessThan(2_000);
  });
});
