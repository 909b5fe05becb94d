import { describe, expect, it } from 'vitest';
import { settledInstallation } from './settled-installation.ts';
import { HOUR, MINUTE, type Trouble } from './tenant.ts';

/** Twenty subscriptions past half their life, and the troubles of some of them. */
async function renewOnce(troubles: (id: string, lose: () => void) => Trouble | undefined) {
  const settled = settledInstallation({ mailboxes: 20, ageMs: () => 84 * HOUR });
  const { tenant, installation, runFor } = settled;
  const ids = tenant.sweep().map(({ id }) => id);
  const before = new Map(tenant.sweep().map(({ id, expiresAt }) => [id, expiresAt]));
  tenant.partTrouble = (id) =>
    troubles(id, () => {
      const found = tenant.live(id);
      if (found) tenant.end(found, 'removed by Graph');
    });
  const running = installation.start();
  installation.fire('renew', running);
  await runFor(2 * MINUTE);
  tenant.partTrouble = () => undefined;
  const isRenewed = (id: string) => (tenant.all.get(id)?.expiresAt ?? 0) > (before.get(id) ?? 0);
  return { ...settled, ids, isRenewed };
}

describe('a batch of which some parts fail', () => {
  it.each([
    { status: 429, code: 'TooManyRequests', retryAfterSeconds: 7 },
    { status: 429, code: 'TooManyRequests' },
    { status: 500 },
    { status: 503 },
    { status: 424, code: 'FailedDependency' },
    { status: 400, code: 'ValidationError' },
    { status: 0 },
    { status: 0, applied: true },
    { status: 504, applied: true },
  ])('renews the others at once and those later, each of them once: %j [F27, F22]', async (trouble) => {
    const failing = new Set([3, 8, 19]);
    const { ids, isRenewed, startTimers, runFor, coverage, bare, tenant } = await renewOnce((id) =>
      failing.has(Number(id.slice(-4)) - 1) ? trouble : undefined,
    );
    const late = ids.filter((_, number) => failing.has(number));
    expect(ids.filter((id) => !isRenewed(id))).toEqual(trouble.applied ? [] : late);
    startTimers();
    await runFor(20 * MINUTE);
    expect(ids.every(isRenewed)).toBe(true);
    // What Graph did although it said otherwise is renewed once more, nothing else is.
    expect(coverage.renewed).toBe(20 + (trouble.applied ? 3 : 0));
    expect(bare()).toEqual([]);
    expect(tenant.all.size).toBe(20);
  });

  it('makes those anew that are gone, and believes no 404 of one that is there [F22, F27]', async () => {
    const [gone, there] = ['000000000002', '000000000005'];
    const { tenant, bare, startTimers, runFor, coverage, isRenewed, ids } = await renewOnce((id, lose) => {
      if (id.endsWith(gone)) lose();
      return id.endsWith(gone) || id.endsWith(there) ? { status: 404, code: 'ResourceNotFound' } : undefined;
    });
    expect(bare()).toEqual([]);
    startTimers();
    await runFor(20 * MINUTE);
    expect(tenant.all.size).toBe(20);
    expect(ids.filter((id) => !isRenewed(id)).map((id) => id.slice(-12))).toEqual([gone]);
    expect(coverage.created).toBe(21);
  });
});
