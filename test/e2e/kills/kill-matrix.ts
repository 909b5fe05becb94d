// Kills the app at every failpoint and counts what was lost or doubled. `--help` says how to choose.
import { parseArgs } from 'node:util';
import { buildDeployed } from '../../../local/build.ts';
import { failpoints, failpointsNamed } from './failpoints.ts';
import { KillRunner, type KillResult } from './run-kill.ts';

const USAGE = `node test/e2e/kills/kill-matrix.ts [--seed N] [--seeds N] [--double N] [--failpoints K01,K07b] [--part I/N] [--log]
  --seed N        first seed (1)
  --seeds N       single kills at each failpoint, with as many seeds (2)
  --double N      double kills at each failpoint, with as many seeds (1)
  --failpoints …  only these; a number means both its sides
  --part I/N      only the I-th of N parts
  --log           what the host printed in a run that failed`;

interface Run {
  seed: number;
  double: boolean;
}

const wholeNumber = (name: string, text: string): number => {
  const number = Number(text);
  if (!Number.isSafeInteger(number) || number < 0) throw new Error(`--${name} takes a whole number.\n${USAGE}`);
  return number;
};

function readOptions() {
  const { values } = parseArgs({
    options: {
      seed: { type: 'string', default: '1' },
      seeds: { type: 'string', default: '2' },
      double: { type: 'string', default: '1' },
      failpoints: { type: 'string' },
      part: { type: 'string', default: '1/1' },
      log: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  const [part = 0, parts = 0] = values.part.split('/').map((text) => wholeNumber('part', text));
  if (part < 1 || part > parts) throw new Error(`--part takes I/N with I from 1 to N.\n${USAGE}`);
  const first = wholeNumber('seed', values.seed);
  const seedsOf = (count: number, double: boolean): Run[] =>
    Array.from({ length: count }, (_, index) => ({ seed: first + index, double }));
  const chosen = values.failpoints === undefined ? failpoints : failpointsNamed(values.failpoints.split(','));
  return {
    help: values.help,
    log: values.log,
    points: chosen.filter((_, index) => index % parts === part - 1),
    runs: [
      ...seedsOf(wholeNumber('seeds', values.seeds), false),
      ...seedsOf(wholeNumber('double', values.double), true),
    ],
  };
}

const isGood = ({ lost, doubled, broken }: KillResult) => lost.length + doubled.length + broken.length === 0;
const sum = (results: readonly KillResult[], figure: (result: KillResult) => number) =>
  results.reduce((total, result) => total + figure(result), 0);

function row(results: KillResult[], id: string, what: string): string {
  const cells = [
    String(sum(results, ({ kills }) => kills)).padStart(6),
    String(sum(results, ({ lost }) => lost.length)).padStart(5),
    String(sum(results, ({ doubled }) => doubled.length)).padStart(8),
    String(sum(results, ({ broken }) => broken.length)).padStart(7),
    sum(results, ({ seconds }) => seconds)
      .toFixed(1)
      .padStart(8),
  ];
  return `${id.padEnd(10)} ${what.padEnd(58)} ${cells.join(' ')}`;
}

async function main(): Promise<number> {
  const options = readOptions();
  if (options.help) {
    console.log(USAGE);
    return 0;
  }
  await buildDeployed();
  const runner = new KillRunner();
  const all: KillResult[] = [];
  let unreached = 0;
  console.log(`${'failpoint'.padEnd(10)} ${'what'.padEnd(60)} kills  lost  doubled  broken  seconds`);
  try {
    for (const failpoint of options.points) {
      const results: KillResult[] = [];
      for (const { seed, double } of options.runs) {
        const again = `--failpoints ${failpoint.id} --seed ${seed} ${double ? '--seeds 0 --double 1' : '--seeds 1 --double 0'}`;
        try {
          const result = await runner.run({ failpoint, seed, double });
          results.push(result);
          if (isGood(result)) continue;
          console.log(`FAILED ${failpoint.id}${result.second ? `, then ${result.second}` : ''}: ${again}`);
          for (const text of result.broken) console.log(`  ${text}`);
        } catch (error) {
          unreached += 1;
          console.log(`FAILED ${error instanceof Error ? error.message : String(error)} ${again}`);
        }
        if (options.log) for (const line of runner.log) console.log(`    ${line}`);
      }
      all.push(...results);
      console.log(row(results, failpoint.id, `${failpoint.side} ${failpoint.what}`));
    }
  } finally {
    await runner.close();
  }
  const [kills, lost, doubled, broken] = [
    sum(all, (result) => result.kills),
    sum(all, (result) => result.lost.length),
    sum(all, (result) => result.doubled.length),
    sum(all, (result) => result.broken.length),
  ];
  const mails = sum(all, (result) => result.mails);
  const repeats = sum(all, (result) => result.repeatsDropped);
  console.log(
    `\n${options.points.length} failpoints, ${mails} mails, ${repeats} repeated sends dropped by the CRM queue, ` +
      `${sum(all, ({ seconds }) => seconds).toFixed(0)} s`,
  );
  console.log(`${kills} kills · ${lost} lost · ${doubled} doubled`);
  if (broken + unreached > 0) console.log(`${broken} other faults · ${unreached} runs that did not get to their end`);
  return lost + doubled + broken + unreached === 0 ? 0 : 1;
}

process.exitCode = await main();
