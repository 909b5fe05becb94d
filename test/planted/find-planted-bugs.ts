import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import pLimit from 'p-limit';
import { findBySimulation, playUnplanted } from './find-by-simulation.ts';
import { findByTests } from './find-by-tests.ts';
import type { Finding } from './finding.ts';
import { type Plant, plantedFile, ROOT } from './plant.ts';
import { plantNamed, PLANTS } from './plants.ts';

const USAGE = `Puts each planted bug into the product and proves that simulation or tests find it.
  --name NAME           only this one; --list names them
  --part I/N            every Nth, from the Ith on; "commit" for I takes turns by the commit
  --seed N              first history to play (2, because the first of all is a very large one)
  --most-histories N    at most so many for a bug (1000)
  --jobs N              at the same time (as many as there are cores)
  --json FILE           the result as data`;

const seconds = (since: number) => (performance.now() - since) / 1000;
const cell = (text: string, width: number) =>
  text.length > width ? `${text.slice(0, width - 1)}…` : text.padEnd(width);

/** Every nth plant, so that each slice has some of every kind. */
function slice(part: string): readonly Plant[] {
  const [turn = '', of = ''] = part.split('/');
  const count = Number(of);
  const number =
    turn === 'commit'
      ? Number.parseInt(execFileSync('git', ['rev-parse', 'HEAD'], { cwd: ROOT, encoding: 'utf8' }).slice(0, 8), 16)
      : Number(turn);
  if (!Number.isSafeInteger(number) || !Number.isSafeInteger(count) || number < 0 || count < 1)
    throw new Error('--part takes a number and a count, for example 3/8 or commit/8');
  return PLANTS.filter((_, position) => position % count === number % count);
}

async function look(plant: Plant, seed: number, most: number): Promise<Finding> {
  try {
    plantedFile(plant);
  } catch (error) {
    return { found: false, by: error instanceof Error ? error.message : 'stale', failed: [] };
  }
  return plant.foundBy === 'simulation'
    ? findBySimulation(plant.name, seed, most)
    : findByTests(plant.name, [plant.foundBy]);
}

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      name: { type: 'string' },
      part: { type: 'string' },
      seed: { type: 'string', default: '2' },
      'most-histories': { type: 'string', default: '1000' },
      jobs: { type: 'string', default: String(availableParallelism()) },
      json: { type: 'string' },
      list: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  const plants = values.name !== undefined ? [plantNamed(values.name)] : values.part ? slice(values.part) : PLANTS;
  if (values.help) return say(USAGE);
  if (values.list) return say(plants.map(({ name, ids }) => `${name} [${ids.join(', ')}]`).join('\n'));
  const seed = Number(values.seed);
  const most = Number(values['most-histories']);
  const limit = pLimit(Number(values.jobs));
  const startedAt = performance.now();
  console.log(
    `${cell('planted bug', 52)} ${cell('ids', 16)} ${cell('histories', 9)} ${'seconds'.padStart(7)}  found by`,
  );
  const results: (Finding & { plant: Plant; seconds: number })[] = [];
  const find = async (plant: Plant) => {
    const since = performance.now();
    const finding = await look(plant, seed, most);
    results.push({ ...finding, plant, seconds: seconds(since) });
    const by = plant.foundBy === 'simulation' ? finding.by : `${plant.foundBy} › ${finding.by}`;
    console.log(
      `${cell(plant.name, 52)} ${cell(plant.ids.join(' '), 16)} ${cell(String(finding.histories ?? ''), 9)} ` +
        `${seconds(since).toFixed(1).padStart(7)}  ${finding.found ? '' : 'NOT FOUND: '}${cell(by, 180).trimEnd()}`,
    );
  };
  await Promise.all(plants.map((plant) => limit(() => find(plant))));

  // What finds the bugs has to be silent without them, over the same tests and the same histories.
  const files = [...new Set(plants.map((plant) => plant.foundBy))].filter((file) => file !== 'simulation');
  const longest = Math.max(0, ...results.map(({ histories = 0 }) => histories));
  const [ofTests, ofHistories] = await Promise.all([
    files.length > 0 ? limit(() => findByTests(undefined, files, 600_000)) : undefined,
    longest > 0 ? limit(() => playUnplanted(seed, longest)) : undefined,
  ]);
  const alarms = [ofTests?.found ? ofTests.by : undefined, ofHistories].filter((alarm) => alarm !== undefined);
  for (const alarm of alarms) console.log(`FALSE ALARM without any planted bug: ${alarm}`);

  const missed = results.filter(({ found }) => !found);
  const ids = new Set(plants.flatMap((plant) => plant.ids));
  console.log(
    `\n${plants.length} planted bugs for ${ids.size} failure modes and threats, ${plants.length - missed.length} found; ` +
      `without them ${files.length} test files and ${longest} histories are ${alarms.length > 0 ? 'NOT ' : ''}clean; ` +
      `${seconds(startedAt).toFixed(0)} s`,
  );
  for (const { plant } of missed) console.log(`  not found: ${plant.name}`);
  if (values.json !== undefined) writeFileSync(values.json, JSON.stringify(results, undefined, 2));
  return missed.length > 0 || alarms.length > 0 ? 1 : 0;
}

function say(text: string): number {
  console.log(text);
  return 0;
}

process.exitCode = await main();
