import { describe, expect, it, vi } from 'vitest';
import { makeDice } from '../dice.ts';
import { settledInstallation } from './settled-installation.ts';
import { DAY, HOUR, MINUTE } from './tenant.ts';

vi.setConfig({ testTimeout: 240_000 });

describe('clocks that are ten minutes off, and jump', () => {
  it('bring no expiry and no hasty renewal in a year [F25]', async () => {
    const { runFor, time, tenant, installation, coverage, bare } = settledInstallation({
      mailboxes: 10,
      config: { catchUpMs: DAY },
    });
    const dice = makeDice(5, 1);
    const lives: number[] = [];
    const renewed = tenant.witness.renewed;
    const endings = new Map(tenant.sweep().map((item) => [item.id, { from: time.now(), to: item.expiresAt }]));
    tenant.witness.renewed = (subscription) => {
      renewed?.(subscription);
      const last = endings.get(subscription.id);
      if (last) lives.push((time.now() - last.from) / (last.to - last.from));
      endings.set(subscription.id, { from: time.now(), to: subscription.expiresAt });
    };
    for (const skewMs of [10 * MINUTE, -10 * MINUTE]) installation.start(skewMs);
    installation.every('renew', () => 30 * MINUTE);
    installation.every('reconcile', () => 2 * HOUR);
    for (let day = 1; day <= 365; day++) {
      await runFor(DAY);
      for (const { machine } of installation.running)
        if (dice.chance(0.2)) machine.skewMs = dice.between(-10, 10) * MINUTE;
      // A fresh process knows no clock but its own.
      const [oldest] = installation.running;
      if (oldest && dice.chance(0.2)) {
        installation.crash(oldest);
        installation.start(dice.between(-10, 10) * MINUTE);
      }
    }
    coverage.look();
    expect(coverage.expiries).toBe(0);
    expect(coverage.created).toBe(10);
    expect(bare()).toEqual([]);
    expect(lives.length).toBeGreaterThan(10 * 90);
    expect(Math.max(...lives)).toBeLessThan(2 / 3);
    expect(Math.min(...lives)).toBeGreaterThan(0.4);
    expect(tenant.quotas.refused).toEqual({ write: 0, read: 0, list: 0 });
  });
});
