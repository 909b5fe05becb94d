import { describe, expect, it } from 'vitest';
import {
  backOff,
  backOffMs,
  extend,
  EXTEND_EVERY_MS,
  FREE,
  guarded,
  guardTime,
  isGuarded,
  isHeld,
  LEASE_MS,
  release,
  SLICE_MS,
  take,
  wasAbandoned,
} from '../../../shared/domain/lane.ts';

const NOW = Date.parse('2026-10-12T08:00:00Z');
const held = take(FREE, 'worker-1', 'f1', NOW);

describe('a lane', () => {
  it('is held from when it is taken until its lease ends', () => {
    expect(isHeld(FREE, NOW)).toBe(false);
    expect(isHeld(held, NOW)).toBe(true);
    expect(isHeld(held, NOW + LEASE_MS - 1)).toBe(true);
    expect(isHeld(held, NOW + LEASE_MS)).toBe(false);
  });

  it('is extended several times before its lease ends, and a slice ends within a lease', () => {
    expect(EXTEND_EVERY_MS * 2).toBeLessThan(LEASE_MS);
    expect(SLICE_MS).toBeLessThan(LEASE_MS);
    expect(isHeld(extend(held, NOW + EXTEND_EVERY_MS), NOW + LEASE_MS)).toBe(true);
  });

  it('that was taken has no mark: whoever takes it looks', () => {
    expect(take(guarded(FREE, new Date(NOW + 1)), 'w', 'f', NOW).marked).toBe(false);
  });

  it('that was let go forgets its failures, one that backs off counts them', () => {
    const failed = backOff(backOff(held, new Date(NOW + 1_000)), new Date(NOW + 2_000));
    expect(failed).toMatchObject({ failures: 2, holder: '', marked: true, leaseEnd: new Date(NOW + 2_000) });
    expect(release(failed)).toMatchObject({ failures: 0, holder: '', marked: false, leaseEnd: new Date(0) });
  });

  it('was abandoned when its lease ran out in somebody’s hands, not after a pause', () => {
    expect(wasAbandoned(held, NOW + LEASE_MS)).toBe(true);
    expect(wasAbandoned(held, NOW + LEASE_MS - 1)).toBe(false);
    expect(wasAbandoned(backOff(held, new Date(NOW + 1)), NOW + 2)).toBe(false);
    expect(wasAbandoned(release(held), NOW + LEASE_MS)).toBe(false);
  });
});

describe('a held lane that is rung', () => {
  it('may be left alone when it is marked and a ring comes after the lease', () => {
    const guardAt = guardTime(held, NOW);
    expect(guardAt.getTime()).toBeGreaterThan(held.leaseEnd.getTime());
    expect(isGuarded(guarded(held, guardAt), NOW)).toBe(true);
  });

  it('may not be left alone without a mark', () => {
    expect(isGuarded({ ...held, guardAt: new Date(NOW + LEASE_MS * 2) }, NOW)).toBe(false);
  });

  it('may not be left alone when the lease was extended beyond the ring', () => {
    const later = extend(guarded(held, guardTime(held, NOW)), NOW + 2 * EXTEND_EVERY_MS);
    expect(isGuarded(later, NOW)).toBe(false);
  });

  it('may not be left to a ring that is due now: it may be the one that asks', () => {
    const guardAt = guardTime(held, NOW);
    for (const early of [3_000, 1_000, 0, -1_000])
      expect(isGuarded(guarded(held, guardAt), guardAt.getTime() - early)).toBe(false);
  });

  it('is rung again soon after a pause, and never in the past', () => {
    const paused = backOff(held, new Date(NOW + 60_000));
    expect(guardTime(paused, NOW).getTime() - (NOW + 60_000)).toBeLessThan(1_000);
    expect(guardTime(paused, NOW + 3_600_000).getTime()).toBeGreaterThan(NOW + 3_600_000);
  });
});

describe('a pause', () => {
  it('grows with each failure up to ten minutes [F37]', () => {
    const longest = (failures: number) => backOffMs(failures, undefined, 0.999_999);
    for (let failures = 1; failures < 9; failures++) expect(longest(failures)).toBeGreaterThan(longest(failures - 1));
    for (const failures of [10, 20, 1_000, Number.MAX_SAFE_INTEGER]) expect(longest(failures)).toBe(600_000);
  });

  it('is never shorter than Graph asked, nor longer than ten minutes [F35]', () => {
    expect(backOffMs(0, 37_000, 0)).toBe(37_000);
    expect(backOffMs(0, 3_600_000, 0)).toBe(600_000);
    expect(backOffMs(9, 1_000, 0.9)).toBeGreaterThan(1_000);
  });

  it('is spread by chance, but is never nothing [F37]', () => {
    expect(backOffMs(5, undefined, 0)).toBe(200);
    expect(backOffMs(5, undefined, 0.5)).toBe(16_000);
  });
});
