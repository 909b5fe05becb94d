import { parseArgs } from 'node:util';
import { ALL_FAULTS, type FaultKind } from './faults.ts';
import { type History, playHistory } from './history.ts';

const MOST_LINES = 150;
const MOST_FAILURES = 5;

/** The lines of a trace that are about the breach, and the last ones before it was seen. */
function excerpt({ lines, breaches }: History): string[] {
  const words = breaches.slice(0, 3).flatMap((breach) => breach.about);
  const marked = lines.filter((line) => words.some((word) => line.includes(word)));
  if (marked.length <= MOST_LINES) return marked;
  const half = MOST_LINES / 2;
  return [...marked.slice(0, half), `… ${marked.length - MOST_LINES} lines left out …`, ...marked.slice(-half)];
}

async function report(failed: History, whole: boolean): Promise<void> {
  const again = await playHistory(failed.seed, true);
  console.log(`\nFAILED seed ${failed.seed}, trace ${failed.hash}`);
  for (const { rule, what } of failed.breaches.slice(0, 8)) console.log(`  ${rule}: ${what}`);
  console.log(`  ${JSON.stringify({ ...failed.plan, mailboxes: failed.plan.mailboxes.map(({ named }) => named) })}`);
  for (const line of whole ? again.lines : excerpt(again)) console.log(`    ${line.slice(0, 260)}`);
  if (again.hash !== failed.hash) console.log('  The same seed took another course: something in it is not simulated.');
  console.log(`  replay: npm run simulate -- --seed ${failed.seed} --histories 1`);
}

/** Plays histories from `seed` on; the exit code says whether all of them held. */
async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      seed: { type: 'string', default: '1' },
      histories: { type: 'string', default: '2000' },
      quiet: { type: 'boolean', default: false },
      hashes: { type: 'boolean', default: false },
      whole: { type: 'boolean', default: false },
    },
  });
  const seed = Number(values.seed);
  const histories = Number(values.histories);
  if (!Number.isSafeInteger(seed) || !Number.isSafeInteger(histories) || histories < 1) {
    console.error(
      '--seed and --histories take whole numbers; for example: npm run simulate -- --seed 1 --histories 2000',
    );
    return 2;
  }
  const struck = new Map<FaultKind, number>();
  const totals = { mails: 0, sends: 0, steps: 0, days: 0 };
  const failed: History[] = [];
  const rules = new Map<string, number>();
  const startedAt = performance.now();
  let last: History | undefined;
  for (let number = 0; number < histories; number++) {
    const history = await playHistory(seed + number);
    last = history;
    for (const [kind, count] of history.struck) struck.set(kind, (struck.get(kind) ?? 0) + count);
    totals.mails += history.mails;
    totals.sends += history.sends;
    totals.steps += history.steps;
    totals.days += history.plan.days;
    if (values.hashes) console.log(`seed ${history.seed} trace ${history.hash}`);
    if (history.breaches.length === 0) continue;
    failed.push(history);
    for (const rule of new Set(history.breaches.map((breach) => breach.rule)))
      rules.set(rule, (rules.get(rule) ?? 0) + 1);
    if (!values.quiet && failed.length <= MOST_FAILURES) await report(history, values.whole);
    if (values.quiet)
      for (const { rule, what } of history.breaches.slice(0, 2)) console.log(`seed ${history.seed} ${rule}: ${what}`);
  }
  const seconds = (performance.now() - startedAt) / 1000;
  console.log(
    `\n${histories} histories from seed ${seed}, ${totals.days} virtual days, ${totals.mails} mails, ${totals.sends} sends, ${totals.steps} steps`,
  );
  console.log(`${(histories / seconds).toFixed(1)} histories/s`);
  if (histories === 1) console.log(`trace ${last?.hash}`);
  console.log('faults that struck:');
  for (const kind of ALL_FAULTS) console.log(`  ${String(struck.get(kind) ?? 0).padStart(8)}  ${kind}`);
  if (failed.length === 0) {
    console.log('0 lost, 0 doubled, 0 broken');
    return 0;
  }
  console.log(`${failed.length} histories broke a rule:`);
  for (const [rule, count] of rules) console.log(`  ${String(count).padStart(8)}  ${rule}`);
  return 1;
}

process.exitCode = await main();
