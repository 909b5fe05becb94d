import { describe, expect, it } from 'vitest';
import {
  active,
  isCatchUpDue,
  isRenewalDue,
  mayPatch,
  needsSubscription,
  subscribed,
  inTrouble,
} from '../../../shared/domain/watched-folder.ts';
import { aFolder } from '../../support/builders.ts';

const NOW = Date.parse('2026-10-12T08:00:00Z');
const MINUTE = 60_000;
const at = (minutes: number) => new Date(NOW + minutes * MINUTE);

describe('a watched folder', () => {
  it('needs a subscription when it has none, does not know its end or is past it [F18]', () => {
    const good = aFolder({ subscription: 's', expiresAt: at(1) });
    expect(needsSubscription(good, NOW)).toBe(false);
    expect(needsSubscription({ ...good, subscription: undefined }, NOW)).toBe(true);
    expect(needsSubscription({ ...good, expiresAt: undefined }, NOW)).toBe(true);
    expect(needsSubscription({ ...good, expiresAt: at(0) }, NOW)).toBe(true);
  });

  it('is renewed at half of the life that was granted, whatever was asked for [F17, F25]', () => {
    const row = { ...aFolder(), ...subscribed('s', at(100), NOW) };
    expect(row.renewAt).toEqual(at(50));
    expect(isRenewalDue(row, at(50).getTime() - 1)).toBe(false);
    expect(isRenewalDue(row, at(50).getTime())).toBe(true);
    expect(isRenewalDue(aFolder(), NOW)).toBe(false);
  });

  it('is not patched twice within ten minutes [F19]', () => {
    expect(mayPatch(aFolder(), NOW)).toBe(true);
    expect(mayPatch(aFolder({ patchedAt: at(-9.99) }), NOW)).toBe(false);
    expect(mayPatch(aFolder({ patchedAt: at(-10) }), NOW)).toBe(true);
  });

  it('is caught up with when it was neither rung nor read for an interval [F04]', () => {
    const due = (rung: number, synced: number) =>
      isCatchUpDue(aFolder({ rungAt: at(rung), syncedAt: at(synced) }), NOW, 10 * MINUTE);
    expect(due(-10, -10)).toBe(true);
    expect(due(-9, -60)).toBe(false);
    expect(due(-60, -9)).toBe(false);
  });
});

describe('a folder that refuses us', () => {
  it('is probed ever more slowly, at least once a day [F32, F34]', () => {
    let row = aFolder();
    const waits = [];
    for (let probe = 0; probe < 20; probe++) {
      row = { ...row, ...inTrouble(row, 'no-access', NOW) };
      waits.push((row.probeAt.getTime() - NOW) / MINUTE);
    }
    expect(waits.slice(0, 4)).toEqual([5, 10, 20, 40]);
    expect(Math.max(...waits)).toBe(24 * 60);
    expect(waits.toSorted((a, b) => a - b)).toEqual(waits);
  });

  it('says since when, and whose move it is', () => {
    const first = { ...aFolder(), ...inTrouble(aFolder(), 'no-access', NOW) };
    const second = { ...first, ...inTrouble(first, 'not-found', NOW + MINUTE) };
    expect(first).toMatchObject({ state: 'suspended', move: 'administrator', since: at(0) });
    expect(second.since).toEqual(at(0));
    expect(second.reason).toMatch(/not found/);
    expect(first.reason).toMatch(/Mail\.Read/);
  });

  it('starts over with its probes once it is active again', () => {
    const refused = { ...aFolder(), ...inTrouble(aFolder({ probes: 7 }), 'no-access', NOW) };
    expect({ ...refused, ...active(refused, NOW) }).toMatchObject({
      state: 'active',
      reason: '',
      move: 'none',
      probes: 0,
    });
    expect(active(aFolder(), NOW)).toEqual({});
  });
});
