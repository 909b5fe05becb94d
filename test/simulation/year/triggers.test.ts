import { describe, expect, it, vi } from 'vitest';
import { liveAYear } from './live-a-year.ts';
import { settledInstallation } from './settled-installation.ts';
import { DAY, HOUR } from './tenant.ts';
import { makeTroubles } from './troubles.ts';
import type { YearReport } from './year-report.ts';

vi.setConfig({ testTimeout: 240_000 });

const nothingWentWrong = ({
  expiriesOfOurMaking,
  orphans,
  uncovered,
  unwanted,
  dropped,
  foreignTouched,
}: YearReport) => ({
  expiriesOfOurMaking,
  orphans,
  uncovered,
  unwanted,
  dropped,
  foreignTouched,
});
const NOTHING = { expiriesOfOurMaking: [], orphans: [], uncovered: [], unwanted: [], dropped: [], foreignTouched: [] };

describe('a year with restarts, outages, redeployments and 5 % failing renewals', () => {
  it.each([
    ['no trigger dead', 'none'],
    ['the timer that renews dead', 'renew'],
    ['the timer that reconciles dead', 'reconcile'],
    ['nobody who answers rings', 'sync'],
  ] as const)('brings no expiry of our making and leaves no orphan: %s [F22, F25, F75]', async (_, dead) => {
    const report = await liveAYear({ mailboxes: 20, days: 365, seed: 7, dead });
    expect(report.renewed).toBeGreaterThan(1_000);
    expect(report.failedRenewals).toBeGreaterThan(30);
    expect(report.restarts).toBeGreaterThan(100);
    expect(nothingWentWrong(report)).toEqual(NOTHING);
    expect(report.cutOff).toBe(0);
    expect(report.foreignLeft).toBe(report.foreignMade);
  });

  it('brings none either while both timers are dead and mail comes in, for a year [F75]', async () => {
    const { time, tenant, installation, coverage, members, bare } = settledInstallation({ mailboxes: 20 });
    makeTroubles(tenant, { parts: 0.05, requests: 0.01 }, 3);
    installation.kill('renew');
    installation.kill('reconcile');
    installation.start();
    // Each mailbox gets a mail every few hours, and its notification rings.
    for (const [number, mailbox] of members.entries()) {
      const ring = () => {
        installation.queue.put({ mailbox, folders: [], ids: [], look: 'notified' }, time.now());
        time.after((3 + number / 10) * HOUR, ring);
      };
      ring();
    }
    for (let day = 1; day <= 365; day++) {
      await time.run(time.now() + DAY);
      coverage.look();
    }
    expect(coverage.renewed).toBeGreaterThan(20 * 365 * 0.2);
    expect(coverage.expiriesOfOurMaking).toEqual([]);
    expect(bare()).toEqual([]);
    expect(tenant.all.size).toBe(20);
  });
});
