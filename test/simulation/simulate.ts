import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { reportFailure, reportTotals } from './report.ts';
import type { History } from './history.ts';
import { playSeeds } from './play-seeds.ts';
import { Tally } from './tally.ts';

const MOST_FAILURES = 5;
const MOST_SEED = 2 ** 32;

const isWhole = (value: number, least: number) => Number.isSafeInteger(value) && value >= least;

/** Plays histories from `seed` on; the exit code says whether all of them held. */
async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      seed: { type: 'string', default: '1' },
      histories: { type: 'string', default: '2000' },
      workers: { type: 'string', default: String(availableParallelism()) },
      quiet: { type: 'boolean', default: false },
      hashes: { type: 'boolean', default: false },
      whole: { type: 'boolean', default: false },
    },
  });
  const [seed, histories, workers] = [Number(values.seed), Number(values.histories), Number(values.workers)];
  if (!isWhole(seed, 0) || seed > MOST_SEED || !isWhole(histories, 1) || !isWhole(workers, 1)) {
    console.error(
      '--seed (up to 2^32), --histories and --workers take whole numbers; for example: npm run simulate -- --seed 1 --histories 2000',
    );
    return 2;
  }
  const tally = new Tally();
  const startedAt = performance.now();
  for await (const history of playSeeds(seed, histories, workers)) {
    tally.add(history);
    if (values.hashes) console.log(`seed ${history.seed} trace ${history.hash}`);
    if (history.breaches.length === 0) continue;
    if (values.quiet) reportBriefly(history);
    else if (tally.failed <= MOST_FAILURES) await reportFailure(history, values.whole);
  }
  return reportTotals(tally, seed, (performance.now() - startedAt) / 1000, Math.min(workers, histories));
}

function reportBriefly({ seed, breaches }: History): void {
  for (const { rule, what } of breaches.slice(0, 2)) console.log(`seed ${seed} ${rule}: ${what}`);
}

process.exitCode = await main();
