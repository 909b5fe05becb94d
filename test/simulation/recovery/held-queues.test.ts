import { describe, expect, it, vi } from 'vitest';
import { TransientError } from '../../../shared/errors.ts';
import { CATCH_UP_MS, HOUR, Installation, MINUTE, SECOND, usualLatency } from './installation.ts';
import { officeDay } from './office.ts';

// Hours of virtual time are seconds of real work, more on a busy machine.
vi.setConfig({ testTimeout: 120_000 });

const MAILBOXES = 10;
const full = () => new TransientError('bus:QuotaExceeded');

async function dayWith(refuse: (call: string) => Error | undefined, from: number, to: number, perHour: number) {
  const installation = await Installation.ready({ mailboxes: MAILBOXES });
  const begin = installation.time.now();
  installation.terms.latency = usualLatency;
  installation.terms.refuse = (call) => {
    const now = installation.time.now() - begin;
    return now >= from && now < to ? refuse(call) : undefined;
  };
  officeDay(installation, 8 * HOUR, perHour);
  await installation.run(9 * HOUR);
  return installation;
}

describe('a CRM queue that is full for hours', () => {
  it.each([6, 1])(
    'holds the mail, is not asked about with a storm of Graph calls, and gets all of it once (%d mails an hour) [F53]',
    async (perHour) => {
      const calm = await dayWith(() => undefined, 0, 0, perHour);
      const held = await dayWith((call) => (call === 'crmQueue.publish' ? full() : undefined), HOUR, 5 * HOUR, perHour);
      expect(held.books.difference()).toEqual({ missing: 0, extra: 0 });
      expect(held.books.delays().length).toBe(calm.books.delays().length);
      expect(Math.max(...held.books.delays())).toBeLessThanOrEqual(4 * HOUR + 11 * MINUTE);
      const ratio = held.graphCalls() / calm.graphCalls();
      console.info(`CRM queue full for 4 of 8 h, ${perHour} mails an hour: Graph calls × ${ratio.toFixed(2)}`);
      expect(ratio).toBeLessThanOrEqual(1.1);
      expect(held.workQueue.deadLetters()).toEqual([]);
      expect(held.workQueue.length).toBe(0);
    },
  );
});

describe('a CRM that does not read for days', () => {
  it('costs nothing but room in its queue [F61]', async () => {
    const installation = await Installation.ready({ mailboxes: 2 });
    installation.terms.latency = usualLatency;
    officeDay(installation, 72 * HOUR, 4);
    await installation.run(73 * HOUR);
    expect(installation.books.difference()).toEqual({ missing: 0, extra: 0 });
    expect(Math.max(...installation.books.delays())).toBeLessThan(MINUTE);
  });
});

describe('a throttled bus', () => {
  it('that refuses one send in three loses and doubles nothing [F52]', async () => {
    let sends = 0;
    const refuse = (call: string) =>
      /^(crmQueue|workQueue)\./.test(call) && ++sends % 3 === 0 ? new TransientError('bus:ServiceBusy') : undefined;
    const installation = await dayWith(refuse, HOUR, 3 * HOUR, 20);
    expect(installation.books.difference()).toEqual({ missing: 0, extra: 0 });
    expect(installation.workQueue.length).toBe(0);
  });

  it('that refuses everything for ten minutes makes Graph send notifications again [F09, F52]', async () => {
    const refuse = (call: string) =>
      /^(crmQueue|workQueue)\./.test(call) ? new TransientError('bus:ServiceBusy') : undefined;
    const installation = await dayWith(refuse, HOUR, HOUR + 10 * MINUTE, 20);
    expect(installation.books.difference()).toEqual({ missing: 0, extra: 0 });
    expect(Math.max(...installation.books.delays())).toBeLessThanOrEqual(10 * MINUTE + CATCH_UP_MS + 2 * MINUTE);
  });
});

describe('tables that are down for ten minutes', () => {
  it('leave every notification acknowledged, and its mail arrives soon after [F65]', async () => {
    const installation = await dayWith(
      (call) => (/^(deliveries|folders)\./.test(call) ? new TransientError('storage:503') : undefined),
      HOUR,
      HOUR + 10 * MINUTE,
      20,
    );
    expect(installation.books.difference()).toEqual({ missing: 0, extra: 0 });
    expect(Math.max(...installation.books.delays())).toBeLessThanOrEqual(11 * MINUTE + 30 * SECOND);
    expect(installation.notifications.refusedPosts).toBe(0);
  });
});
