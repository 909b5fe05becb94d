import { describe, expect, it } from 'vitest';
import { ALL_FAULTS, type FaultKind } from './faults.ts';
import { playHistory } from './history.ts';
import { playSeeds } from './play-seeds.ts';

const SEED = 20_261_012;
const HISTORIES = 50;

describe('fifty histories of faults', () => {
  it('end with nothing lost, nothing doubled and no rule broken [F01, F02, F04, F72]', {
    timeout: 120_000,
  }, async () => {
    const broken: string[] = [];
    const struck = new Set<FaultKind>();
    let judged = 0;
    for (let seed = SEED; seed < SEED + HISTORIES; seed++) {
      const history = await playHistory(seed);
      for (const kind of history.struck.keys()) struck.add(kind);
      judged += history.judged;
      for (const { rule, what } of history.breaches)
        broken.push(`${rule}: ${what}; replay: npm run simulate -- --seed ${seed} --histories 1`);
    }
    expect(broken).toEqual([]);
    expect(ALL_FAULTS.filter((kind) => !struck.has(kind))).toEqual([]);
    expect(judged).toBeGreaterThan(0);
  });
});

describe('a seed', () => {
  it('decides everything that happens', async () => {
    const first = await playHistory(SEED + 3);
    const second = await playHistory(SEED + 3, true);
    expect(second.hash).toBe(first.hash);
    expect(second.steps).toBe(first.steps);
  });

  it('takes the same course in any thread, and its history comes in its turn', async () => {
    const seeds = [SEED, SEED + 1, SEED + 2, SEED + 3];
    const hashes: string[] = [];
    for await (const { seed, hash } of playSeeds(SEED, seeds.length, 2)) hashes.push(`${seed} ${hash}`);
    const alone: string[] = [];
    for (const seed of seeds) alone.push(`${seed} ${(await playHistory(seed)).hash}`);
    expect(hashes).toEqual(alone);
  });

  it('is one of many: another one takes another course', async () => {
    expect((await playHistory(SEED + 1)).hash).not.toBe((await playHistory(SEED + 2)).hash);
  });
});
