import { describe, expect, it, vi } from 'vitest';
import { TransientError } from '../../../shared/errors.ts';
import { percentile } from './delays.ts';
import { generatedId } from './generated-mailboxes.ts';
import { HOUR, Installation, type InstallationOptions, MINUTE, SECOND, usualLatency } from './installation.ts';
import { officeDay } from './office.ts';

// Hours of virtual time are seconds of real work, more on a busy machine.
vi.setConfig({ testTimeout: 120_000 });

const BOMB = Number(process.env['BOMB'] ?? (process.env['BIG'] ? 50_000 : 4_000));

/** Twenty ordinary mailboxes and a noisy one, which is the first. */
async function neighbourhood(options: InstallationOptions = {}) {
  const installation = await Installation.ready({ mailboxes: 21, processes: 2, ...options });
  const [noisy = '', ...others] = installation.ids;
  installation.terms.latency = usualLatency;
  officeDay(installation, 2 * HOUR, 30, { mailboxes: others });
  const isOther = (mailbox: string) => mailbox !== noisy;
  return { installation, noisy, othersP99: () => percentile(installation.books.delays(isOther), 0.99) };
}

const quietP99s = new Map<string, number>();

/** What the others see while the noisy one is quiet. */
async function quiet(options: InstallationOptions = {}): Promise<number> {
  const key = JSON.stringify(options);
  const known = quietP99s.get(key);
  if (known !== undefined) return known;
  const calm = await neighbourhood(options);
  await calm.installation.run(3 * HOUR);
  quietP99s.set(key, calm.othersP99());
  return calm.othersP99();
}

describe('a mail bomb in one mailbox', () => {
  it.each([
    { seconds: Math.ceil(BOMB / 17), processes: 2 },
    { seconds: Math.ceil(BOMB / 170), processes: 1 },
  ])(
    `of ${BOMB} mails within $seconds s leaves the others on $processes processes alone and arrives whole [F50]`,
    async (terms) => {
      const { seconds, processes } = terms;
      const before = await quiet({ processes });
      const { installation, noisy, othersP99 } = await neighbourhood({ processes });
      const begin = installation.time.now();
      const perSecond = Math.ceil(BOMB / seconds);
      installation.mailboxes.inboxes.set(noisy, {
        count: 0,
        receivedAt: (n) => begin + Math.floor(n / perSecond) * SECOND,
      });
      for (let second = 0; second * perSecond < BOMB; second++)
        installation.later((second + 1) * SECOND, () => {
          const inbox = installation.mailboxes.inboxes.get(noisy);
          if (!inbox) return;
          for (let n = 0; n < perSecond && inbox.count < BOMB; n++) {
            const id = generatedId(inbox.count++);
            installation.books.expect(noisy, id);
            installation.notifications.created(noisy, id);
          }
        });
      await installation.run(3 * HOUR);
      expect(installation.books.difference()).toEqual({ missing: 0, extra: 0 });
      const ratio = othersP99() / before;
      const own = installation.books.delays((mailbox) => mailbox === noisy);
      console.info(
        `${BOMB} mails within ${seconds} s on ${processes} into one mailbox: others' p99 × ${ratio.toFixed(3)} (${othersP99()} ms); ` +
          `at worst ${Math.max(...installation.books.delays((mailbox) => mailbox !== noisy))} ms; its own last after ${Math.max(...own) / SECOND} s; ${installation.graphCalls()} Graph requests`,
      );
      expect(ratio).toBeLessThanOrEqual(2);
      expect(installation.traffic.highest.get(noisy)).toBeLessThanOrEqual(4);
    },
    600_000,
  );
});

describe('a mailbox that Graph throttles for hours', () => {
  it.each([
    ['with Retry-After', 120_000],
    ['without', undefined],
    ['with Retry-After 0', 0],
    ['with a huge one', 86_400_000],
  ])('%s leaves the others alone, is asked rarely, and catches up afterwards [F35]', async (_, retryAfterMs) => {
    const before = await quiet();
    const { installation, noisy, othersP99 } = await neighbourhood();
    for (let n = 0; n < 100; n++) installation.later(n * MINUTE, () => installation.deliver(noisy));
    installation.traffic.refusing.set(noisy, () => new TransientError('graph:429', { retryAfterMs }));
    installation.later(2 * HOUR, () => installation.traffic.refusing.delete(noisy));
    await installation.run(2 * HOUR);
    expect(installation.traffic.refused).toBeLessThan(70);
    await installation.run(HOUR);
    expect(installation.books.difference()).toEqual({ missing: 0, extra: 0 });
    expect(othersP99() / before).toBeLessThanOrEqual(1.05);
  });
});

describe('MailboxConcurrency', () => {
  it.each([1, 2, 3])('at %d requests in flight slows the mailbox down and stops nothing [F36]', async (room) => {
    const options = { config: { includeMime: true } };
    const before = await quiet(options);
    const { installation, noisy, othersP99 } = await neighbourhood(options);
    installation.traffic.room.set(noisy, room);
    for (let n = 0; n < 200; n++) installation.deliver(noisy);
    await installation.run(3 * HOUR);
    expect(installation.books.difference()).toEqual({ missing: 0, extra: 0 });
    const own = installation.books.delays((mailbox) => mailbox === noisy);
    console.info(
      `room for ${room}: ${installation.traffic.refused} refused, last after ${Math.max(...own) / SECOND} s; ` +
        `others' p99 × ${(othersP99() / before).toFixed(2)}`,
    );
    expect(installation.traffic.refused).toBeLessThan(20);
    expect(othersP99() / before).toBeLessThanOrEqual(1.05);
  });
});

describe('a mailbox that many processes want to read', () => {
  it.each([20, 100])('has at most four requests in flight over %d of them [F76]', async (processes) => {
    const installation = await Installation.ready({ mailboxes: 3, processes, config: { includeMime: true } });
    installation.terms.latency = usualLatency;
    officeDay(installation, HOUR, 300);
    await installation.run(90 * MINUTE);
    expect(installation.books.difference()).toEqual({ missing: 0, extra: 0 });
    for (const mailbox of installation.ids) expect(installation.traffic.highest.get(mailbox)).toBeLessThanOrEqual(4);
  });
});
