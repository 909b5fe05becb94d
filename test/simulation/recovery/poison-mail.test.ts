import { describe, expect, it, vi } from 'vitest';
import { PermanentError } from '../../../shared/errors.ts';
import { percentile } from './delays.ts';
import { HOUR, Installation, MINUTE, usualLatency } from './installation.ts';
import { officeDay } from './office.ts';

// Hours of virtual time are seconds of real work, more on a busy machine.
vi.setConfig({ testTimeout: 120_000 });

/** Twenty mailboxes on an office morning; in the first one, some mails fail for reasons of their own. */
async function morning(poison: number) {
  const installation = await Installation.ready({ mailboxes: 20, config: { includeMime: true } });
  const [struck = ''] = installation.ids;
  installation.terms.latency = usualLatency;
  const begin = installation.time.now();
  officeDay(installation, 3 * HOUR, 20);
  const bad: string[] = [];
  for (let n = 0; n < poison; n++)
    installation.later(n * 5 * MINUTE, () => {
      const mail = installation.deliver(struck);
      bad.push(mail.id);
      installation.mailboxes.refusals.set(mail.id, () => new PermanentError('graph:ErrorCorruptData'));
    });
  await installation.run(4 * HOUR);
  return { installation, struck, bad, begin };
}

describe('mails that fail for their own reasons', () => {
  it('are parked after five failures and shown, while the rest of their mailbox and all others flow [F57]', async () => {
    const calm = await morning(0);
    const { installation, struck, bad } = await morning(10);
    expect(installation.books.difference()).toEqual({ missing: bad.length, extra: 0 });

    const [one] = installation.apps;
    const shown = await installation.ask(async () => one?.app.manageMailboxes.report(struck));
    expect(shown?.unfinished?.map(({ id, state, attempts, reason }) => ({ id, state, attempts, reason }))).toEqual(
      expect.arrayContaining(bad.map((id) => ({ id, state: 'parked', attempts: 5, reason: 'graph:ErrorCorruptData' }))),
    );
    expect(shown?.unfinished).toHaveLength(bad.length);
    expect(shown?.folders.map(({ state }) => state)).toEqual(['active']);

    const p99 = (run: Installation, of: (mailbox: string) => boolean) => percentile(run.books.delays(of), 0.99);
    const others = (mailbox: string) => mailbox !== struck;
    const ratio = p99(installation, others) / p99(calm.installation, others);
    const own = p99(installation, (mailbox) => mailbox === struck);
    console.info(`poison: others' p99 × ${ratio.toFixed(3)}; good mails of its own mailbox p99 ${own} ms`);
    expect(ratio).toBeLessThanOrEqual(1.05);
    expect(own).toBeLessThan(MINUTE);
  });

  it('go out once when the operator asks for them again after the cause is mended [F57, F59]', async () => {
    const { installation, struck, bad } = await morning(10);
    const [one] = installation.apps;
    // Asked for while the cause lasts: parked again, and nothing else happens.
    installation.later(0, () => void one?.app.manageMailboxes.sync(struck, true));
    await installation.run(HOUR);
    expect(installation.books.difference()).toEqual({ missing: bad.length, extra: 0 });
    installation.mailboxes.refusals.clear();
    installation.later(0, () => void one?.app.manageMailboxes.sync(struck, true));
    installation.later(1, () => void one?.app.manageMailboxes.sync(struck, true));
    await installation.run(HOUR);
    expect(installation.books.difference()).toEqual({ missing: 0, extra: 0 });
    const shown = await installation.ask(async () => one?.app.manageMailboxes.report(struck));
    expect(shown?.unfinished).toEqual([]);
  });
});
