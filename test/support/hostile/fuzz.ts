// `node …/fuzz.ts --runs N [--seed S] [--only NAME]`: N inputs in all, spread over every parser; what broke and how long
// the slowest input took. Exit 0 only if nothing broke.
import { inspect, parseArgs } from 'node:util';
import * as fc from 'fast-check';
import { exportJWK, generateKeyPair } from 'jose';
import { PARSERS, tryParser } from './parsers.ts';

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '1000000' },
    seed: { type: 'string', default: '1' },
    only: { type: 'string' },
  },
});

const { publicKey } = await generateKeyPair('RS256');
const jwks = { keys: [{ ...(await exportJWK(publicKey)), kid: 'k1', alg: 'RS256', use: 'sig' }] };
globalThis.fetch = () => Promise.resolve(Response.json(jwks));
const { log } = console;
console.log = () => undefined;
console.error = () => undefined;

const chosen = PARSERS.filter(({ name }) => values.only === undefined || name.includes(values.only));
const runsEach = Math.ceil(Number(values.runs) / chosen.length);
let broken = 0;
let tried = 0;
for (const parser of chosen) {
  let slowest = 0;
  let spent = 0;
  let read = 0;
  const seed = Number(values.seed);
  const outcome = await fc.check(
    fc.asyncProperty(parser.input, async (input) => {
      read++;
      const before = performance.now();
      const failure = await tryParser(parser, input);
      const took = performance.now() - before;
      spent += took;
      // A pause of the machine or of the garbage collector happens once; a slow input is slow every time.
      if (took > 5) {
        const again = performance.now();
        await tryParser(parser, input);
        slowest = Math.max(slowest, Math.min(took, performance.now() - again));
      } else slowest = Math.max(slowest, took);
      if (failure !== undefined) throw failure instanceof Error ? failure : new Error(inspect(failure));
    }),
    { numRuns: runsEach, seed, endOnFailure: true },
  );
  tried += read;
  if (outcome.failed) broken++;
  const figures = `${String(read).padStart(8)} inputs  mean ${((spent / read) * 1000).toFixed(0).padStart(5)} µs  slowest ${slowest.toFixed(1).padStart(6)} ms`;
  log(`${figures}  ${outcome.failed ? 'BROKEN' : 'ok'}  ${parser.name}`);
  if (outcome.failed) log(fc.defaultReportMessage(outcome));
}
log({ inputs: tried, parsers: chosen.length, broken });
process.exitCode = broken > 0 ? 1 : 0;
