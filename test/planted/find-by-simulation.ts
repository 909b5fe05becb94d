import { fork } from 'node:child_process';
import * as z from 'zod';
import type { Finding } from './finding.ts';
import { ROOT } from './plant.ts';

/** A history takes a second or so; one that a bug keeps from ending takes for ever. */
const HISTORY_MS = 300_000;

const playedSchema = z.object({
  seed: z.number(),
  breach: z.object({ rule: z.string(), what: z.string() }).optional(),
});

interface Played {
  /** Of the history that broke a rule. */
  seed: number;
  /** The rule that broke; `undefined`: none did. */
  broken: string | undefined;
  /** Why it ended otherwise than it should. */
  trouble: string | undefined;
}

/** Plays histories in a process of their own, from `seed` on, until a rule breaks. */
function play(plant: string | undefined, seed: number, histories: number): Promise<Played> {
  return new Promise((resolve) => {
    const args = ['--seed', String(seed), '--histories', String(histories)];
    const child = fork(
      `${ROOT}test/planted/play-planted.ts`,
      plant === undefined ? args : ['--plant', plant, ...args],
      {
        execArgv: ['--experimental-strip-types', '--disable-warning=ExperimentalWarning'],
        stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
      },
    );
    const played: Played = { seed, broken: undefined, trouble: undefined };
    let complaint = '';
    const tooLong = () => {
      played.trouble = 'a history does not end';
      child.kill('SIGKILL');
    };
    let patience = setTimeout(tooLong, HISTORY_MS);
    child.stderr?.on('data', (text) => (complaint += String(text)));
    child.on('message', (message) => {
      clearTimeout(patience);
      patience = setTimeout(tooLong, HISTORY_MS);
      const { seed: last, breach } = playedSchema.parse(message);
      played.seed = last;
      if (breach) played.broken = `${breach.rule}: ${breach.what}`;
    });
    child.on('exit', (code) => {
      clearTimeout(patience);
      // A product that does not even run proves nothing about the rules.
      if (code !== 0) played.trouble ??= `the player ended with ${code}: ${complaint.slice(0, 500)}`;
      resolve(played);
    });
  });
}

/** Plays histories with the bug in the product until a rule breaks that holds without it. */
export async function findBySimulation(plant: string, seed: number, most: number): Promise<Finding> {
  for (let from = seed; from < seed + most; ) {
    const { seed: last, broken, trouble } = await play(plant, from, seed + most - from);
    const histories = last - seed + 1;
    if (trouble) return { found: false, by: `seed ${last}: ${trouble}`, histories, failed: [] };
    if (!broken) break;
    const without = await play(undefined, last, 1);
    if (!without.broken) return { found: true, by: broken, histories, failed: [] };
    from = last + 1;
  }
  return { found: false, by: 'no rule broke', histories: most, failed: [] };
}

/** The same histories of the product as it is; what breaks in one of them. */
export async function playUnplanted(seed: number, histories: number): Promise<string | undefined> {
  const { seed: last, broken, trouble } = await play(undefined, seed, histories);
  const alarm = broken ?? trouble;
  return alarm && `seed ${last}: ${alarm}`;
}
