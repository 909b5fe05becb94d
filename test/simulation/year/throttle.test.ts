import { describe, expect, it, vi } from 'vitest';
import { settledInstallation } from './settled-installation.ts';
import { DAY, HOUR, MINUTE } from './tenant.ts';

vi.setConfig({ testTimeout: 240_000 });

const MANY = 10_000;
/** What 500 writes in 20 seconds allow. */
const BUDGET_MS = (MANY / 500) * 20_000;

describe('ten thousand subscriptions that are due in one hour', () => {
  it('are renewed at the pace that Graph allows, twenty to a request, and go on after an interruption [F26]', async () => {
    const { runFor, time, installation, coverage, tenant, startTimers } = settledInstallation({
      mailboxes: MANY,
      ageMs: () => 84 * HOUR,
      config: { catchUpMs: 30 * DAY },
    });
    const [first] = [installation.start()];
    startTimers();
    tenant.pageSize = 1_000;
    const startedAt = time.now();
    while (coverage.renewed < MANY / 2) await runFor(MINUTE);
    installation.crash(first);
    installation.start();
    while (coverage.renewed < MANY && time.now() - startedAt < 3 * BUDGET_MS) await runFor(MINUTE / 2);
    expect(coverage.renewed).toBe(MANY);
    // The interruption and the last ones that were throttled cost some turns of the timer.
    expect(time.now() - startedAt).toBeLessThan(BUDGET_MS * 1.2 + 8 * MINUTE);
    // One batch in each window learns that it is full.
    expect(tenant.quotas.refused.write).toBeLessThan(MANY * 0.1);
    expect(installation.cutOff).toBe(0);
    expect(coverage.renewed / (installation.requests.get('POST $batch') ?? 0)).toBeGreaterThan(17);
    await runFor(HOUR);
    expect(coverage.renewed).toBe(MANY);
  });
});

describe('hundreds of subscriptions that come due one after the other', () => {
  it('are renewed twenty to a request all the same, by timers that run each minute and half hour [F26]', async () => {
    const mailboxes = 400;
    const { runFor, installation, coverage, startTimers } = settledInstallation({
      mailboxes,
      ageMs: (number) => (84 * HOUR * number) / mailboxes,
      config: { catchUpMs: 6 * HOUR },
    });
    installation.start();
    startTimers();
    await runFor(2 * DAY);
    // What comes due within two days is renewed, and hardly anything else.
    expect(coverage.renewed).toBeGreaterThan((mailboxes * 48) / 84);
    expect(coverage.renewed).toBeLessThan(((mailboxes * 48) / 84) * 1.3);
    expect(coverage.renewed / (installation.requests.get('POST $batch') ?? 0)).toBeGreaterThanOrEqual(19.5);
  });
});
