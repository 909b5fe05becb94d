import { describe, expect, it, vi } from 'vitest';
import { MARK } from './installation.ts';
import { resourceOf, settledInstallation } from './settled-installation.ts';
import { DAY, HOUR, MINUTE } from './tenant.ts';

vi.setConfig({ testTimeout: 240_000 });

const FAR = Date.parse('2040-01-01T00:00:00Z');
const OURS = `https://old-host.northwind.example/api/notifications?app=${MARK}`;
const FOREIGN = 'https://elsewhere.northwind.example/api/notifications?app=anothermark';

describe('subscriptions of ours that no row knows', () => {
  it('are all removed among ten thousand, although Graph lets us list only some pages at a time [F24]', async () => {
    const { runFor, time, tenant, installation, startTimers, coverage } = settledInstallation({
      mailboxes: 10_000,
      config: { catchUpMs: 30 * DAY },
    });
    const expiresAt = time.now() + 6 * DAY;
    const orphans = Array.from(
      { length: 50 },
      (_, number) => tenant.put({ resource: `users/x${number}/left`, notificationUrl: OURS, expiresAt }).id,
    );
    const foreign = Array.from(
      { length: 50 },
      (_, number) => tenant.put({ resource: `users/y${number}/foreign`, notificationUrl: FOREIGN, expiresAt: FAR }).id,
    );
    installation.start();
    startTimers();
    await runFor(50 * MINUTE);
    // Seen once: its row may only not be written yet.
    expect(orphans.filter((id) => tenant.all.has(id))).toHaveLength(50);
    await runFor(45 * MINUTE);
    expect(orphans.filter((id) => tenant.all.has(id))).toEqual([]);
    expect(foreign.every((id) => tenant.all.has(id))).toBe(true);
    expect(coverage.foreignTouched).toEqual([]);
    expect(tenant.all.size).toBe(10_000 + 50);
    expect(installation.folders.orphans.size).toBe(0);
  });
});

describe('a hundred redeployments, each with another address', () => {
  it('leave one subscription for each mailbox, all at the last address, and touch no foreign one [F24, F28]', async () => {
    const { runFor, tenant, installation, startTimers, coverage, members } = settledInstallation({ mailboxes: 40 });
    const foreign = members.map((mailbox) =>
      tenant.put({ app: 'another', resource: resourceOf(mailbox), notificationUrl: FOREIGN, expiresAt: FAR }),
    );
    startTimers();
    let uncovered = 0;
    for (let number = 1; number <= 100; number++) {
      const publicBaseUrl = `https://slot-${number}.northwind.example`;
      installation.stopAll();
      installation.config = { ...installation.config, publicBaseUrl };
      installation.start();
      coverage.moveTo(publicBaseUrl);
      // Some are redeployed again before they were through, or before the ten minutes between two writes are over.
      await runFor(number % 10 === 0 ? 3 * HOUR : ([20_000, 5 * MINUTE, 45 * MINUTE][number % 3] ?? 0));
      if (number % 10 === 0) uncovered += coverage.gaps.size;
    }
    await runFor(2 * HOUR);
    const ours = tenant.sweep().filter((item) => item.notificationUrl.endsWith(`?app=${MARK}`));
    const home = `https://slot-100.northwind.example/api/notifications?app=${MARK}`;
    expect(uncovered).toBe(0);
    expect(ours).toHaveLength(40);
    expect(ours.every((item) => item.notificationUrl === home)).toBe(true);
    expect(ours.every((item) => item.lifecycleNotificationUrl?.startsWith('https://slot-100.'))).toBe(true);
    expect(foreign.every(({ id }) => tenant.all.has(id))).toBe(true);
    expect(coverage.foreignTouched).toEqual([]);
  });
});
