import { parseArgs } from 'node:util';
import { loadPlanted } from './load-planted.ts';
import { plantNamed } from './plants.ts';

/** What the process that plays tells the one that asked for it, one message a history. */
export interface Played {
  seed: number;
  breach: { rule: string; what: string } | undefined;
}

const { values } = parseArgs({
  options: { plant: { type: 'string' }, seed: { type: 'string' }, histories: { type: 'string' } },
});
if (values.plant !== undefined) loadPlanted(plantNamed(values.plant));
// Only now: what it imports is to be loaded with the bug in it.
const { playHistory } = await import('../simulation/history.ts');

const first = Number(values.seed);
for (let seed = first; seed < first + Number(values.histories); seed++) {
  const [breach] = (await playHistory(seed)).breaches;
  const played: Played = { seed, breach: breach && { rule: breach.rule, what: breach.what } };
  process.send?.(played);
  if (breach) break;
}
process.disconnect?.();
