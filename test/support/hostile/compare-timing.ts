// `node …/compare-timing.ts --samples N`: does the time of the compare tell how much of a guess is right? Welch's t of
// guesses that are wrong from the first character against guesses that are wrong in the last one. A report, not a test:
// the machine's noise is in it. Below 4.5 nothing can be told (the limit of TVLA, ISO/IEC 17825).
import { parseArgs } from 'node:util';
import { type KeyRing, verifyClientState } from '../../../shared/domain/client-state.ts';
import { TENANT } from '../builders.ts';
import { seededRandom } from '../seeded-random.ts';
import { CLIENT_STATE, KEYS } from './forged-items.ts';

const { values } = parseArgs({ options: { samples: { type: 'string', default: '1000000' } } });
const samples = Number(values.samples);
const [signing] = KEYS;
if (!signing) throw new Error('there is no key');
const keys: KeyRing = { signing, accepted: new Map(KEYS.map((key) => [key.id, key])) };

const macAt = CLIENT_STATE.lastIndexOf('.') + 1;
const other = (character: string | undefined) => (character === 'A' ? 'B' : 'A');
const wrongAt = (place: number) =>
  CLIENT_STATE.slice(0, place) + other(CLIENT_STATE[place]) + CLIENT_STATE.slice(place + 1);

interface Class {
  name: string;
  guess: string;
  count: number;
  mean: number;
  squares: number;
}
const classOf = (name: string, guess: string): Class => ({ name, guess, count: 0, mean: 0, squares: 0 });

/** Welford's running mean and sum of squares. */
function add(to: Class, time: number): void {
  to.count++;
  const off = time - to.mean;
  to.mean += off / to.count;
  to.squares += off * (time - to.mean);
}

const welch = (a: Class, b: Class): number =>
  (a.mean - b.mean) / Math.sqrt(a.squares / (a.count - 1) / a.count + b.squares / (b.count - 1) / b.count);

/** A crude compare, to show that the measurement would see one that stops at the first difference. */
const crude = (_keys: KeyRing, _tenant: string, guess: string) => {
  let equal = true;
  for (let turn = 0; turn < 20 && equal; turn++)
    for (let place = 0; place < guess.length; place++)
      if (guess.charCodeAt(place) !== CLIENT_STATE.charCodeAt(place)) {
        equal = false;
        break;
      }
  return equal;
};

function measure(verify: (keys: KeyRing, tenant: string, guess: string) => unknown) {
  const early = classOf('wrong in the first character of the signature', wrongAt(macAt));
  const late = classOf('wrong in the last character of the signature', wrongAt(CLIENT_STATE.length - 2));
  const random = seededRandom(5);
  const warmUp = 20_000;
  const times = new Float64Array(samples);
  const which = new Uint8Array(samples);
  for (let sample = -warmUp; sample < samples; sample++) {
    const kind = random() < 0.5 ? 0 : 1;
    const { guess } = kind === 0 ? early : late;
    const before = process.hrtime.bigint();
    verify(keys, TENANT, guess);
    const took = Number(process.hrtime.bigint() - before);
    if (sample < 0) continue;
    times[sample] = took;
    which[sample] = kind;
  }
  // Pauses of the machine are a thousand times longer than what is measured; both classes lose the same tail.
  const cut = times.toSorted()[Math.floor(samples * 0.99)] ?? Infinity;
  for (let sample = 0; sample < samples; sample++)
    if ((times[sample] ?? 0) <= cut) add(which[sample] === 0 ? early : late, times[sample] ?? 0);
  return {
    welchT: Math.round(welch(early, late) * 100) / 100,
    meansNs: [early, late].map(({ mean }) => Math.round(mean)),
  };
}

const t = measure(verifyClientState);
console.log({ samples, ...t, limit: 4.5, crudeCompareForComparison: measure(crude) });
process.exitCode = Math.abs(t.welchT) < 4.5 ? 0 : 1;
