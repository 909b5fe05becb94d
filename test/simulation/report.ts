import { ALL_FAULTS } from './faults.ts';
import { type History, playHistory } from './history.ts';
import type { Tally } from './tally.ts';

const MOST_LINES = 150;
const MOST_BREACHES = 8;
const LINE_LENGTH = 260;

/** The lines of a trace that are about the breach, and the last ones before it was seen. */
function excerpt({ lines, breaches }: History): string[] {
  const words = breaches.slice(0, 3).flatMap((breach) => breach.about);
  const marked = lines.filter((line) => words.some((word) => line.includes(word)));
  if (marked.length <= MOST_LINES) return marked;
  const half = MOST_LINES / 2;
  return [...marked.slice(0, half), `… ${marked.length - MOST_LINES} lines left out …`, ...marked.slice(-half)];
}

/** What a history broke, the part of its trace that shows how, and the command that plays it again. */
export async function reportFailure(failed: History, whole: boolean): Promise<void> {
  const again = await playHistory(failed.seed, true);
  console.log(`\nFAILED seed ${failed.seed}, trace ${failed.hash}`);
  for (const { rule, what } of failed.breaches.slice(0, MOST_BREACHES)) console.log(`  ${rule}: ${what}`);
  console.log(`  ${JSON.stringify({ ...failed.plan, mailboxes: failed.plan.mailboxes.map(({ named }) => named) })}`);
  for (const line of whole ? again.lines : excerpt(again)) console.log(`    ${line.slice(0, LINE_LENGTH)}`);
  if (again.hash !== failed.hash) console.log('  The same seed took another course: something in it is not simulated.');
  console.log(`  replay: npm run simulate -- --seed ${failed.seed} --histories 1`);
}

/** What all histories came to; returns the exit code. */
export function reportTotals(tally: Tally, seed: number, seconds: number, workers: number): number {
  const { histories, days, mails, sends, steps, struck, failed, rules, lastHash } = tally;
  console.log(
    `\n${histories} histories from seed ${seed}, ${days} virtual days, ${mails} mails, ${sends} sends, ${steps} steps`,
  );
  console.log(`${(histories / seconds).toFixed(1)} histories/s on ${workers} ${workers === 1 ? 'worker' : 'workers'}`);
  if (histories === 1) console.log(`trace ${lastHash}`);
  console.log('faults that struck:');
  for (const kind of ALL_FAULTS) console.log(`  ${String(struck.get(kind) ?? 0).padStart(8)}  ${kind}`);
  if (failed === 0) {
    console.log('0 lost, 0 doubled, 0 broken');
    return 0;
  }
  console.log(`${failed} histories broke a rule:`);
  for (const [rule, count] of rules) console.log(`  ${String(count).padStart(8)}  ${rule}`);
  return 1;
}
