// A part of the kill matrix: the crashes that the failure modes name, and others drawn by the commit.
// All of it: `npm run kill-matrix`.
import { execFileSync } from 'node:child_process';
import { afterAll, describe, expect, test } from 'vitest';
import { seededRandom } from '../../support/seeded-random.ts';
import { type Failpoint, failpoints, failpointsNamed } from './failpoints.ts';
import { KillRunner } from './run-kill.ts';

const runner = new KillRunner();
afterAll(() => runner.close());

const LIMIT_MS = 240_000;
const NONE = { lost: [], doubled: [], broken: [] };
const DRAWN = 9;

async function expectNothingLost(failpoint: Failpoint, seed: number, double = false): Promise<void> {
  const { lost, doubled, broken, second } = await runner.run({ failpoint, seed, double });
  expect({ lost, doubled, broken }, second && `killed again at ${second}`).toEqual(NONE);
}

const moment = ({ id, side, what }: Failpoint) => `${side} “${what}” (${id})`;

/** What has to be seen at which failpoints, and the failure modes that they are cases of. */
const crashes: [claim: string, failpoints: string[], modes: string][] = [
  ['Graph posts again, as it was not answered', ['K02a'], 'F71'],
  ['the ring that was enqueued is enough, and a second one does no harm', ['K02b'], 'F10, F71'],
  ['what was fetched and not sent is sent', ['K06b', 'K07a'], 'F72'],
  ['what was sent and not recorded is sent under the same MessageId', ['K07b', 'K08a'], 'F72'],
  ['a page whose link was not saved is read again', ['K51a', 'K51b', 'K52a'], 'F45'],
  ['a page whose link was saved is not sent again', ['K08b', 'K10b'], 'F45, F72'],
  ['a ring that was not completed costs nothing more', ['K09a', 'K09b'], 'F72'],
  ['nothing is sent without its blob', ['K15a', 'K15b'], 'F68'],
  ['blocks that were never joined are not referred to', ['K16b', 'K17a'], 'F70'],
  ['the subscription whose answer was lost is replaced by one that its row knows', ['K33b', 'K36a'], 'F23'],
];

describe('killed', () => {
  for (const [claim, ids, modes] of crashes)
    for (const failpoint of failpointsNamed(ids))
      test(`${moment(failpoint)}: ${claim} [${modes}]`, () => expectNothingLost(failpoint, 1), LIMIT_MS);
});

test(
  'a mail arrives once although Graph never hears our answer and posts again [F01, F10]',
  async () => {
    const { lost, doubled, broken, posts } = await runner.loseAcknowledgement(1);
    expect({ lost, doubled, broken, posts }).toEqual({ ...NONE, posts: 2 });
  },
  LIMIT_MS,
);

/** Anything that changes with the commit and only with it. */
function commitNumber(): number {
  try {
    return Number.parseInt(
      execFileSync('git', ['rev-parse', 'HEAD'], { encoding: 'utf8', stdio: 'pipe' }).slice(0, 7),
      16,
    );
  } catch {
    // Not a checkout, such as an unpacked archive.
    return 1;
  }
}

describe('killed where this commit says', () => {
  const seed = commitNumber();
  const random = seededRandom(seed);
  for (let number = 0; number < DRAWN; number++) {
    const failpoint = failpoints[Math.floor(random() * failpoints.length)];
    const double = number % 3 === 0;
    if (failpoint)
      test(
        `${moment(failpoint)}${double ? ', and once more while it recovers' : ''}: every mail arrives once (seed ${seed})`,
        () => expectNothingLost(failpoint, seed, double),
        LIMIT_MS,
      );
  }
});
