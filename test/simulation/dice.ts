import { seededRandom } from '../support/seeded-random.ts';

/** Draws from one seeded stream. */
export interface Dice {
  next(): number;
  chance(probability: number): boolean;
  /** Whole number in [from, to]. */
  whole(from: number, to: number): number;
  between(from: number, to: number): number;
  pick<T>(items: readonly T[]): T;
  /** Mostly small, now and then large: mean `mean`. */
  waiting(mean: number): number;
}

/** `stream` keeps draws for one purpose from shifting those for another. */
export function makeDice(seed: number, stream: number): Dice {
  const next = seededRandom(Math.imul(seed, 0x9e_37_79_b1) ^ Math.imul(stream, 0x85_eb_ca_6b));
  const whole = (from: number, to: number) => from + Math.floor(next() * (to - from + 1));
  return {
    next,
    whole,
    chance: (probability) => next() < probability,
    between: (from, to) => from + next() * (to - from),
    waiting: (mean) => -Math.log(1 - next()) * mean,
    pick(items) {
      const item = items[whole(0, items.length - 1)];
      if (item === undefined) throw new Error('nothing to pick from');
      return item;
    },
  };
}
