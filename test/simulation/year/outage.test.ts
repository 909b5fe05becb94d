import { describe, expect, it, vi } from 'vitest';
import { settledInstallation } from './settled-installation.ts';
import { DAY, MINUTE } from './tenant.ts';

vi.setConfig({ testTimeout: 240_000 });

const CATCH_UP_MS = 10 * MINUTE;

describe('ten thousand mailboxes after eight days of downtime', () => {
  it('have their subscriptions again within forty minutes and within the budget of requests, and are looked at meanwhile [F18]', async () => {
    const { runFor, installation, tenant, startTimers, bare, oldestRingMs } = settledInstallation({
      mailboxes: 10_000,
      config: { catchUpMs: CATCH_UP_MS },
    });
    tenant.pageSize = 1_000;
    await runFor(8 * DAY);
    expect(bare()).toHaveLength(10_000);
    installation.start();
    startTimers();
    await runFor(2 * CATCH_UP_MS);
    let oldest = 0;
    for (let minute = 0; minute < 20; minute++) {
      await runFor(MINUTE);
      oldest = Math.max(oldest, oldestRingMs());
    }
    expect(bare()).toHaveLength(0);
    expect(tenant.quotas.refused).toMatchObject({ write: 0, read: 0 });
    expect(installation.cutOff).toBe(0);
    // Every mailbox is looked at in turn, with or without a subscription.
    expect(oldest).toBeLessThan(CATCH_UP_MS + 5 * MINUTE);
    await runFor(CATCH_UP_MS);
    expect(tenant.all.size).toBe(10_000);
  });
});
