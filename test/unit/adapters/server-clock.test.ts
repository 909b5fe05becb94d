import { describe, expect, it } from 'vitest';
import { makeServerClock } from '../../../shared/adapters/server-clock.ts';

const START = Date.parse('2026-10-12T08:00:00Z');

function aClock() {
  const local = { now: START };
  const clock = makeServerClock(() => local.now);
  return { local, clock, observe: (ms: number) => clock.observe(new Date(ms).toUTCString()) };
}

describe('the clock of a service', () => {
  it('is the clock of this machine until an answer came', () => {
    expect(aClock().clock.now()).toBe(START);
  });

  it.each([-3_600_000, -5_000, 5_000, 86_400_000])('is what its answers say: %i ms away [F25]', (away) => {
    const { local, clock, observe } = aClock();
    observe(START + away);
    expect(clock.now()).toBe(START + away);
    local.now += 1_234;
    expect(clock.now()).toBe(START + away + 1_234);
  });

  it.each([-2_000, -400, 0, 900, 2_000])(
    'takes a difference of %i ms for the rounding of whole seconds [F25]',
    (away) => {
      const { clock, observe } = aClock();
      observe(START + away);
      expect(clock.now()).toBe(START);
    },
  );

  it('does not wander with the rounding of each answer', () => {
    const { clock, observe } = aClock();
    observe(START + 60_000);
    for (const noise of [999, -999, 500, 1_000]) observe(START + 60_000 + noise);
    expect(clock.now()).toBe(START + 60_000);
  });

  it('comes back when this machine is set right [F25]', () => {
    const { local, clock, observe } = aClock();
    observe(START + 60_000);
    local.now += 60_000;
    observe(START + 60_000);
    expect(clock.now()).toBe(START + 60_000);
  });

  it('is not set back by an answer that lay there while this machine stood still [F25, F73]', () => {
    const { local, clock } = aClock();
    const askedAt = clock.now();
    local.now += 360_000;
    clock.observe(new Date(START).toUTCString(), clock.now() - askedAt);
    expect(clock.now()).toBe(START + 360_000);
  });

  it('learns from a slow answer no more than it can tell, and the rest from the next one [F25]', () => {
    const { local, clock } = aClock();
    local.now += 30_000;
    clock.observe(new Date(START + 600_000).toUTCString(), 30_000);
    expect(clock.now()).toBeGreaterThanOrEqual(START + 600_000);
    expect(clock.now()).toBeLessThanOrEqual(START + 630_000);
    clock.observe(new Date(START + 620_000).toUTCString(), 50);
    expect(Math.abs(clock.now() - (START + 620_000))).toBeLessThanOrEqual(2_050);
  });

  it.each([undefined, null, '', 'yesterday'])('learns nothing from %o', (date) => {
    const { clock, observe } = aClock();
    observe(START + 60_000);
    clock.observe(date);
    expect(clock.now()).toBe(START + 60_000);
  });
});
