import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Mail } from '../../shared/domain/mail.ts';
import { isHeld } from '../../shared/domain/lane.ts';
import { encodeRing } from '../../shared/domain/work-item.ts';
import { type App, arrived, messageIdFor, ringFor, rowOf, startApp, watchMailbox } from '../support/app-under-test.ts';
import { aMail, MAILBOX } from '../support/builders.ts';
import { makeWorld, type World } from '../support/in-memory-ports.ts';
import { quietly } from '../support/quiet-log.ts';
import { seededRandom } from '../support/seeded-random.ts';

/*
 * Workers of several processes on one mailbox, without timers: only rings say that there is mail. Whatever happens in
 * between, each mail that was rung for has to arrive, once, and the lane has to be free in the end.
 */

const WORKERS = 3;
/** A mail that takes down five workers is parked unseen, on purpose. */
const MOST_CRASHES = 4;
const CALLS = [
  'deliveries.load',
  'deliveries.writeLane',
  'deliveries.readLane',
  'deliveries.commit',
  'deliveries.saveChain',
  'workQueue.send',
  'crmQueue.publish',
  'mail.openChain',
  'mail.followLink',
  'mail.getMail',
  'folders.update',
];

const worker = fc.nat(WORKERS - 1);
const operation = fc.oneof(
  {
    // Delta shows it at once: with a lag, rings that meet a guard leave their mail to catch-up (decision 10).
    arbitrary: fc.record({ kind: fc.constant('mail' as const) }),
    weight: 4,
  },
  { arbitrary: fc.record({ kind: fc.constant('receive' as const), worker }), weight: 5 },
  {
    arbitrary: fc.record({ kind: fc.constant('time' as const), ms: fc.constantFrom(50, 500, 5_000, 31_000, 91_000) }),
    weight: 4,
  },
  { arbitrary: fc.record({ kind: fc.constant('crash' as const), worker }), weight: 2 },
  {
    arbitrary: fc.record({
      kind: fc.constant('fault' as const),
      worker,
      call: fc.constantFrom(...CALLS),
      nth: fc.integer({ min: 1, max: 3 }),
      what: fc.constantFrom(
        'error' as const,
        'error' as const,
        'conflict' as const,
        'crash' as const,
        'crash' as const,
      ),
      when: fc.constantFrom('before' as const, 'midway' as const, 'after' as const),
    }),
    weight: 3,
  },
);

class Model {
  readonly world: World = makeWorld();
  readonly mails: Mail[] = [];
  crashes = 0;
  handlers: Promise<unknown>[] = [];
  readonly #latency: () => number;
  readonly #workers: App[];

  constructor(seed: number) {
    watchMailbox(this.world);
    const random = seededRandom(seed);
    this.#latency = () => Math.floor(random() * 400);
    this.#workers = Array.from({ length: WORKERS }, () => startApp(this.world, {}, this.#latency));
  }

  #at(index: number): App {
    const known = this.#workers[index];
    if (known && !known.gate.isCrashed) return known;
    const fresh = startApp(this.world, {}, this.#latency);
    this.#workers[index] = fresh;
    return fresh;
  }

  receive(index: number): void {
    const { workQueue } = this.world;
    const app = this.#at(index);
    const received = workQueue.receive();
    if (!received) return;
    const settle = (how: (number: number) => void) => () => {
      if (!app.gate.isCrashed) how(received.number);
    };
    this.handlers.push(
      app.processMailboxWork(received.body).then(
        settle((number) => workQueue.complete(number)),
        settle((number) => workQueue.abandon(number)),
      ),
    );
  }

  async apply(step: typeof operation extends fc.Arbitrary<infer T> ? T : never): Promise<void> {
    switch (step.kind) {
      case 'mail': {
        const mail = aMail({ receivedAt: new Date(this.world.clock.now()) });
        this.mails.push(this.world.mailboxes.add(MAILBOX, mail));
        this.world.workQueue.put(encodeRing(ringFor(mail)));
        return;
      }
      case 'receive':
        return this.receive(step.worker);
      case 'time':
        return this.world.clock.advance(step.ms);
      case 'crash':
        if (this.crashes++ < MOST_CRASHES) this.#at(step.worker).gate.crash();
        return;
      case 'fault': {
        const { worker: index, call, nth, what, when } = step;
        if (what === 'crash' && this.crashes++ >= MOST_CRASHES) return;
        return this.#at(index).gate.inject({ call, nth, kind: what, when });
      }
    }
  }

  /** No more faults: rings are answered until none is left. */
  async calmDown(): Promise<void> {
    for (const app of this.#workers) app.gate.mend();
    const { workQueue, clock } = this.world;
    for (let turn = 0; workQueue.length > 0; turn++) {
      if (turn > 500) throw new Error(`rings without end: ${JSON.stringify(workQueue.waiting().slice(0, 3))}`);
      this.receive(turn % WORKERS);
      await clock.advance(500);
      const next = workQueue.nextAt();
      if (next !== undefined && next > clock.now()) await clock.advance(next - clock.now());
    }
    await clock.advance(200_000);
  }
}

describe('a lane', () => {
  it('loses no wake-up, whichever worker dies or fails and when [F44, F72]', async () => {
    const seen = { mails: 0, takenOver: 0, guards: 0, pauses: 0 };
    await fc.assert(
      fc.asyncProperty(fc.nat(), fc.array(operation, { minLength: 5, maxLength: 40 }), async (seed, steps) => {
        const model = new Model(seed);
        const lines: string[] = [];
        await quietly(lines, async () => {
          for (const step of steps) await model.apply(step);
          await model.calmDown();
        });
        const { world, mails } = model;
        seen.mails += mails.length;
        seen.takenOver += lines.filter((line) => line.includes('taken over from')).length;
        seen.pauses += lines.filter((line) => line.includes('backs off')).length;
        seen.guards += world.workQueue.sent.filter(({ at, sentAt }) => at > sentAt).length;
        expect(arrived(world).toSorted()).toEqual(mails.map((mail) => messageIdFor(mail)).toSorted());
        expect(mails.map((mail) => rowOf(world, mail)?.state)).toEqual(mails.map(() => 'published'));
        expect(world.workQueue.deadLetters()).toEqual([]);
        // With nothing left on the queue nobody would come back for a lane that is held or marked.
        const lane = world.deliveries.lane(MAILBOX);
        expect({ held: isHeld(lane, world.clock.now()), marked: lane.marked }).toEqual({ held: false, marked: false });
      }),
      { numRuns: 1_500 },
    );
    // The histories have to lead where a wake-up could be lost.
    for (const [what, count] of Object.entries(seen)) expect(count, what).toBeGreaterThan(5);
  }, 120_000);
});
