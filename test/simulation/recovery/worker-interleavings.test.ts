import { describe, expect, it, vi } from 'vitest';
import { withInvocationLog } from '../../../shared/log.ts';
import { INBOX_KEY, MAILBOX } from '../../support/builders.ts';
import { readLink } from '../../support/fakes/delta-link.ts';
import { everyOrder, type Schedule } from './interleavings.ts';
import { type Actor, deeds, play } from './stepping.ts';
import { makeSteppingWorld, queuedRing, type SteppingWorld } from './stepping-world.ts';

// Hours of virtual time are seconds of real work, more on a busy machine.
vi.setConfig({ testTimeout: 120_000 });

/** Longer than a lease. */
const LEASE_OVER_MS = 95_000;
const WHOLE = process.env['BIG'] !== undefined;
const quietly = <T>(work: () => Promise<T>) => withInvocationLog(() => undefined, work);

const mailArrives = ({ deliver, stores }: SteppingWorld) =>
  deeds(() => stores.workQueue.put(JSON.stringify(queuedRing(undefined, deliver().id))));
const leaseRunsOut = ({ clock }: SteppingWorld) => deeds(() => clock.advance(LEASE_OVER_MS));

/** Two workers answer a ring each for one mailbox, while the world does something at any moment. */
async function twoWorkers(
  schedule: Schedule,
  name: string,
  frozen: boolean,
  world: ((world: SteppingWorld) => Actor)[],
): Promise<void> {
  const place = makeSteppingWorld();
  const { stores, deliver, mails, arrived, finish } = place;
  deliver();
  deliver();
  const workers = [place.worker({ frozen }), place.worker({ frozen })];
  const done = Promise.all(workers.map(({ answer }) => answer(queuedRing('timer'))));
  let furthest = 0;
  const check = () => {
    const link = stores.deliveries.chain(MAILBOX, INBOX_KEY)?.link;
    const position = link === undefined ? 0 : readLink(link).position;
    expect(position, `a stale worker moved the link back; order ${name}`).toBeGreaterThanOrEqual(furthest);
    furthest = position;
  };
  await play([...workers.map(({ gate }) => gate), ...world.map((make) => make(place))], schedule, check);
  await done;
  await finish();
  const got = { arrived: arrived().length, different: new Set(arrived()).size };
  expect(got, `order ${name}`).toEqual({ arrived: mails.length, different: mails.length });
  expect(stores.deliveries.ledger(MAILBOX), `order ${name}`).toHaveLength(mails.length);
  expect(stores.deliveries.lane(MAILBOX).holder, `order ${name}`).toBe('');
}

describe('two workers on one delta link', () => {
  it('lose and double nothing in whatever order they and new mail come [F44]', async () => {
    const orders = await quietly(() =>
      everyOrder((schedule, name) => twoWorkers(schedule, name, false, [mailArrives])),
    );
    console.info(`${orders} orders of two workers and a mail`);
    expect(orders).toBeGreaterThan(500);
  });

  it('lose and double nothing when the lease runs out at any moment under a worker that slept through it [F44]', async () => {
    const orders = await quietly(() =>
      everyOrder((schedule, name) => twoWorkers(schedule, name, true, [leaseRunsOut])),
    );
    console.info(`${orders} orders of two workers and the end of a lease that they slept through`);
    expect(orders).toBeGreaterThan(500);
  });

  it.runIf(WHOLE)(
    'lose and double nothing when the lease runs out under a worker that sees it [F44]',
    async () => {
      const orders = await quietly(() =>
        everyOrder((schedule, name) => twoWorkers(schedule, name, false, [leaseRunsOut])),
      );
      console.info(`${orders} orders of two workers and the end of a lease`);
    },
    600_000,
  );

  it.runIf(WHOLE)(
    'lose and double nothing when mail comes and the lease runs out [F44]',
    async () => {
      const orders = await quietly(() =>
        everyOrder((schedule, name) => twoWorkers(schedule, name, true, [mailArrives, leaseRunsOut])),
      );
      console.info(`${orders} orders of two workers, a mail and the end of a lease`);
    },
    600_000,
  );
});
