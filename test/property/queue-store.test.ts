import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MessageLog } from '../../local/service-bus/message-log.ts';
import { PriorityQueue } from '../../local/service-bus/priority-queue.ts';
import { Queue } from '../../local/service-bus/queue.ts';
import type { QueueMessage } from '../../local/service-bus/queue-message.ts';
import type { QueueStore } from '../../local/service-bus/queue-store.ts';

const LOCK_MS = 100;
const MAX_DELIVERIES = 3;
const DUPLICATE_WINDOW_MS = 250;
const DEFAULT_LIFE_MS = 1000;
const MAX_BYTES = 100;
const MESSAGE_BYTES = 10;

interface Row {
  number: number;
  id: string;
  state: 'active' | 'scheduled' | 'deferred';
  token: string | undefined;
  /** The next moment that concerns the row. */
  due: number;
  life: number;
  expiresAt: number;
  attempts: number;
  reason: unknown;
}

/** The same queue as plain lists that are searched from end to end. */
class Model {
  now = 0;
  rows: Row[] = [];
  dead: Row[] = [];
  remembered: { id: string; until: number }[] = [];
  numbers = 0;
  deadNumbers = 0;
  tokens = 0;

  moveTo(now: number): void {
    for (;;) {
      const due = this.rows.filter((row) => row.due <= now).toSorted((a, b) => a.due - b.due || a.number - b.number)[0];
      if (due === undefined) break;
      if (due.token !== undefined) this.giveBack(due, due.due);
      else if (due.state === 'scheduled') {
        this.numbers += 1;
        Object.assign(due, { number: this.numbers, state: 'active', expiresAt: due.due + due.life });
        due.due = due.expiresAt;
        this.sort();
      } else this.bury(due, 'TTLExpiredException');
    }
    this.deadLocksEnd(now);
    this.now = now;
  }

  deadLocksEnd(now: number): void {
    for (const row of this.dead) if (row.due <= now) Object.assign(row, { token: undefined, due: Infinity });
  }

  sort(): void {
    this.rows.sort((a, b) => a.number - b.number);
  }

  giveBack(row: Row, at: number): void {
    Object.assign(row, { token: undefined, due: row.state === 'deferred' ? Infinity : row.expiresAt });
    if (this.dead.includes(row)) return;
    row.attempts += 1;
    if (row.attempts >= MAX_DELIVERIES) this.bury(row, 'MaxDeliveryCountExceeded');
    else if (row.state === 'active' && row.expiresAt <= at) this.bury(row, 'TTLExpiredException');
  }

  bury(row: Row, reason: string): void {
    this.deadNumbers += 1;
    this.drop(row);
    const changes = { number: this.deadNumbers, state: 'active', token: undefined, reason };
    this.dead.push(Object.assign(row, changes, { due: Infinity, expiresAt: Infinity }));
  }

  drop(row: Row): void {
    this.rows = this.rows.filter((other) => other !== row);
    this.dead = this.dead.filter((other) => other !== row);
  }

  send(id: string, life: number, delay: number): 'accepted' | 'quota-exceeded' {
    if ((this.rows.length + this.dead.length + 1) * MESSAGE_BYTES > MAX_BYTES) return 'quota-exceeded';
    this.numbers += 1;
    this.remembered = this.remembered.filter(({ until }) => until > this.now);
    if (this.remembered.some((entry) => entry.id === id)) return 'accepted';
    this.remembered.push({ id, until: this.now + DUPLICATE_WINDOW_MS });
    const shortest = Math.min(life, DEFAULT_LIFE_MS);
    const base = { number: this.numbers, id, token: undefined, life: shortest, attempts: 0, reason: undefined };
    if (delay > 0) this.rows.push({ ...base, state: 'scheduled', due: this.now + delay, expiresAt: Infinity });
    else this.rows.push({ ...base, state: 'active', due: this.now + shortest, expiresAt: this.now + shortest });
    return 'accepted';
  }

  lock(row: Row | undefined): number | undefined {
    if (row === undefined) return undefined;
    this.tokens += 1;
    Object.assign(row, { token: `token-${this.tokens}`, due: this.now + LOCK_MS });
    return row.number;
  }

  firstReady(list: readonly Row[]): Row | undefined {
    return list.find((row) => row.state === 'active' && row.token === undefined);
  }

  locked(list: readonly Row[], token: string): Row | undefined {
    return list.find((row) => row.token === token);
  }
}

interface Real {
  now: number;
  queue: Queue<string>;
}

function newReal(): Real {
  let tokens = 0;
  const real: Real = {
    now: 0,
    queue: new Queue<string>(
      {
        name: 'queue',
        lockDurationMs: LOCK_MS,
        maxDeliveryCount: MAX_DELIVERIES,
        duplicateWindowMs: DUPLICATE_WINDOW_MS,
        defaultTimeToLiveMs: DEFAULT_LIFE_MS,
        deadLetterExpired: true,
        maxSizeBytes: MAX_BYTES,
      },
      {
        now: () => real.now,
        newLockToken: () => {
          tokens += 1;
          return `token-${tokens}`;
        },
        maxMessageSize: MESSAGE_BYTES,
        report: () => {},
        onReady: () => {},
      },
    ),
  };
  return real;
}

function shown(message: QueueMessage<string>): Omit<Row, 'life' | 'due'> {
  return {
    number: message.sequenceNumber,
    id: message.messageId,
    state: message.state,
    token: message.lock?.token,
    expiresAt: message.expiresAt,
    attempts: message.deliveryCount,
    reason: message.changes.get('DeadLetterReason'),
  };
}

function comparable({ life: _life, due: _due, ...row }: Row): Omit<Row, 'life' | 'due'> {
  return row;
}

function expectSame(model: Model, { queue }: Real): void {
  expect(queue.main.peek(0, Infinity).map(shown)).toEqual(model.rows.map(comparable));
  expect(queue.deadLetters.peek(0, Infinity).map(shown)).toEqual(model.dead.map(comparable));
  const due = Math.min(...[...model.rows, ...model.dead].map((row) => row.due));
  expect(queue.nextDueAt() ?? Infinity).toBe(due);
  expect(queue.main.counts()).toEqual({
    ready: model.rows.filter((row) => row.state === 'active' && row.token === undefined).length,
    scheduled: model.rows.filter((row) => row.state === 'scheduled').length,
    locked: model.rows.filter((row) => row.token !== undefined).length,
    total: model.rows.length,
    bytes: model.rows.length * MESSAGE_BYTES,
  });
}

/** A command that does the same to both sides and compares answers and what is left behind. */
class Step implements fc.Command<Model, Real> {
  readonly name: string;
  readonly act: (model: Model, real: Real) => void;

  constructor(name: string, act: (model: Model, real: Real) => void) {
    this.name = name;
    this.act = act;
  }

  check(): boolean {
    return true;
  }

  run(model: Model, real: Real): void {
    this.act(model, real);
    expectSame(model, real);
  }

  toString(): string {
    return this.name;
  }
}

type Part = 'main' | 'dead letters';

const storeOf = (real: Real, part: Part): QueueStore<string> =>
  part === 'main' ? real.queue.main : real.queue.deadLetters;
const rowsOf = (model: Model, part: Part): Row[] => (part === 'main' ? model.rows : model.dead);

const part = fc.constantFrom<Part>('main', 'main', 'main', 'dead letters');
// Tokens are drawn from all ever given, so some are stale.
const tokenChoice = fc.nat({ max: 9 });
const tokenOf = (model: Model, choice: number): string => `token-${model.tokens - choice}`;

// Round figures, so that moments coincide.
const tens = (max: number): fc.Arbitrary<number> => fc.integer({ min: 1, max }).map((count) => count * 10);

const steps = [
  fc
    .tuple(
      fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'),
      fc.constantFrom(50, 150, 400, Infinity),
      fc.constantFrom(0, 0, 0, 30, 120, 500),
    )
    .map(
      ([id, life, delay]) =>
        new Step(`send ${id} living ${life} in ${delay}`, (model, real) => {
          const draft = { messageId: id, size: MESSAGE_BYTES, content: id, timeToLiveMs: life };
          const outcome = real.queue.send([{ ...draft, scheduledAt: real.now + delay }], MESSAGE_BYTES);
          expect(outcome).toBe(model.send(id, life, delay));
        }),
    ),
  part.map(
    (from) =>
      new Step(`lock from ${from}`, (model, real) => {
        const message = storeOf(real, from).lockNext();
        expect(message?.sequenceNumber).toBe(model.lock(model.firstReady(rowsOf(model, from))));
      }),
  ),
  part.map(
    (from) =>
      new Step(`take from ${from}`, (model, real) => {
        const row = model.firstReady(rowsOf(model, from));
        expect(storeOf(real, from).takeNext()?.sequenceNumber).toBe(row?.number);
        if (row !== undefined) model.drop(row);
      }),
  ),
  fc.tuple(part, tokenChoice).map(
    ([from, choice]) =>
      new Step(`complete ${choice} in ${from}`, (model, real) => {
        const row = model.locked(rowsOf(model, from), tokenOf(model, choice));
        expect(storeOf(real, from).complete(tokenOf(model, choice))).toBe(row ? 'done' : 'lock-lost');
        if (row !== undefined) model.drop(row);
      }),
  ),
  fc.tuple(part, tokenChoice).map(
    ([from, choice]) =>
      new Step(`abandon ${choice} in ${from}`, (model, real) => {
        const row = model.locked(rowsOf(model, from), tokenOf(model, choice));
        expect(storeOf(real, from).abandon(tokenOf(model, choice))).toBe(row ? 'done' : 'lock-lost');
        if (row !== undefined) model.giveBack(row, model.now);
      }),
  ),
  fc.tuple(part, tokenChoice).map(
    ([from, choice]) =>
      new Step(`defer ${choice} in ${from}`, (model, real) => {
        const row = model.locked(rowsOf(model, from), tokenOf(model, choice));
        expect(storeOf(real, from).defer(tokenOf(model, choice))).toBe(row ? 'done' : 'lock-lost');
        if (row !== undefined) Object.assign(row, { state: 'deferred', token: undefined, due: Infinity });
      }),
  ),
  fc.tuple(part, tokenChoice).map(
    ([from, choice]) =>
      new Step(`dead-letter ${choice} in ${from}`, (model, real) => {
        const row = model.locked(rowsOf(model, from), tokenOf(model, choice));
        const changes = new Map([['DeadLetterReason', 'mine']]);
        const held = from === 'main' ? 'done' : 'not-allowed';
        expect(storeOf(real, from).deadLetter(tokenOf(model, choice), changes)).toBe(row ? held : 'lock-lost');
        if (row !== undefined && from === 'main') model.bury(row, 'mine');
      }),
  ),
  fc.tuple(part, tokenChoice).map(
    ([from, choice]) =>
      new Step(`renew ${choice} in ${from}`, (model, real) => {
        const row = model.locked(rowsOf(model, from), tokenOf(model, choice));
        if (row !== undefined) row.due = model.now + LOCK_MS;
        expect(storeOf(real, from).renew(tokenOf(model, choice))).toBe(row?.due);
      }),
  ),
  fc.tuple(part, fc.nat({ max: 20 }), fc.constantFrom<'lock' | 'take'>('lock', 'take')).map(
    ([from, number, mode]) =>
      new Step(`${mode} deferred ${number} of ${from}`, (model, real) => {
        const row = rowsOf(model, from).find((other) => other.number === number);
        const free = row?.state === 'deferred' && row.token === undefined ? row : undefined;
        const received = storeOf(real, from).receiveDeferred([number, number], mode);
        expect(received?.map((message) => message.messageId)).toEqual(free && [free.id]);
        if (free !== undefined && mode === 'lock') model.lock(free);
        else if (free !== undefined) model.drop(free);
      }),
  ),
  fc.array(fc.nat({ max: 20 }), { maxLength: 2 }).map(
    (numbers) =>
      new Step(`cancel ${numbers.join(' and ')}`, (model, real) => {
        const rows = numbers.map((number) => model.rows.find((row) => row.number === number));
        const all = rows.every((row) => row?.state === 'scheduled');
        expect(real.queue.main.cancelScheduled(numbers)).toBe(all);
        if (all) for (const row of rows) if (row !== undefined) model.drop(row);
      }),
  ),
  fc.array(tens(9), { minLength: 1, maxLength: 6 }).map(
    (pieces) =>
      new Step(`wait ${pieces.join(' + ')}`, (model, real) => {
        // One side is asked on the way and the other is not: what happens must not depend on it.
        for (const piece of pieces) {
          real.now += piece;
          real.queue.advance();
        }
        model.moveTo(real.now);
      }),
  ),
  tens(50).map(
    (milliseconds) =>
      new Step(`leap ${milliseconds}`, (model, real) => {
        real.now += milliseconds;
        model.moveTo(real.now);
        real.queue.advance();
      }),
  ),
  fc.constant(
    new Step('end all locks', (model, real) => {
      const locked = model.rows.filter((row) => row.token !== undefined);
      // In the order in which they were locked.
      locked.sort((a, b) => Number(a.token?.slice(6)) - Number(b.token?.slice(6)));
      for (const row of locked) model.giveBack(row, model.now);
      real.queue.main.expireLocks();
    }),
  ),
];

describe('the queue engine', () => {
  it('answers and ends like a list that is searched from end to end, whatever is done to it', () => {
    fc.assert(
      fc.property(fc.commands(steps, { maxCommands: 120, size: 'max' }), (commands) => {
        fc.modelRun(() => ({ model: new Model(), real: newReal() }), commands);
      }),
      { numRuns: 300 },
    );
  });

  it('holds and works off 50,000 locked, scheduled and waiting messages without looking at all of them', () => {
    const count = 50_000;
    let now = 0;
    let tokens = 0;
    const queue = new Queue<number>(
      {
        name: 'large',
        lockDurationMs: 1000,
        maxDeliveryCount: 10,
        duplicateWindowMs: 10_000,
        defaultTimeToLiveMs: 1_000_000,
        deadLetterExpired: true,
        maxSizeBytes: Infinity,
      },
      {
        now: () => now,
        newLockToken: () => {
          tokens += 1;
          return String(tokens);
        },
        maxMessageSize: 1,
        report: () => {},
        onReady: () => {},
      },
    );
    for (let content = 0; content < count; content += 1)
      queue.send([{ messageId: String(content), size: 1, content, scheduledAt: content % 2 }], 1);
    now = 1;
    const order: number[] = [];
    // Every third is completed, the others come back when their lock ends, in the old order.
    for (let message = queue.main.lockNext(); message !== undefined; message = queue.main.lockNext()) {
      order.push(message.sequenceNumber);
      if (message.content % 3 === 0) queue.main.complete(message.lock?.token ?? '');
    }
    now += 1000;
    const second: number[] = [];
    for (let message = queue.main.takeNext(); message !== undefined; message = queue.main.takeNext())
      second.push(message.sequenceNumber);
    expect(order).toEqual(order.toSorted((a, b) => a - b));
    expect(order).toHaveLength(count);
    expect(second).toEqual(second.toSorted((a, b) => a - b));
    expect(second).toHaveLength(Math.floor((count * 2) / 3));
    expect(queue.main.counts()).toEqual({ ready: 0, scheduled: 0, locked: 0, total: 0, bytes: 0 });
  });
});

describe('the structures beneath it', () => {
  it('gives out the smallest rank first, whatever was taken out from the middle', () => {
    const operation = fc.oneof(fc.record({ add: fc.nat({ max: 50 }) }), fc.record({ remove: fc.nat({ max: 100 }) }));
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 200, size: 'max' }), (operations) => {
        const queue = new PriorityQueue<number>();
        const tickets = operations.flatMap((step, order) => {
          return 'add' in step ? [queue.add(order, step.add, order)] : [];
        });
        const removed = new Set(operations.flatMap((step) => ('remove' in step ? [tickets[step.remove]] : [])));
        for (const ticket of removed)
          if (ticket !== undefined) {
            queue.remove(ticket);
            queue.remove(ticket);
          }
        const left = tickets.filter((ticket) => !removed.has(ticket));
        const expected = left.toSorted((a, b) => a.rank - b.rank || a.tieBreak - b.tieBreak).map(({ item }) => item);
        const given: number[] = [];
        for (let first = queue.first(); first !== undefined; first = queue.first()) {
          given.push(first.item);
          queue.remove(first);
        }
        expect(given).toEqual(expected);
        expect(queue.size).toBe(0);
      }),
    );
  });

  it('finds and walks what is left by number after any removals', () => {
    fc.assert(
      fc.property(
        fc.array(fc.boolean(), { minLength: 1, maxLength: 600, size: 'max' }),
        fc.nat({ max: 700 }),
        (keeps, from) => {
          const log = new MessageLog<number>();
          const kept: number[] = [];
          keeps.forEach((keep, index) => {
            const number = index * 2 + 1;
            log.add(number, number);
            if (keep) kept.push(number);
          });
          keeps.forEach((keep, index) => {
            if (!keep) log.delete(index * 2 + 1);
          });
          log.add(10_000, 10_000);
          kept.push(10_000);
          expect([...log.from(from)]).toEqual(kept.filter((number) => number >= from));
          expect(log.size).toBe(kept.length);
          expect(log.get(from)).toBe(kept.includes(from) ? from : undefined);
        },
      ),
    );
  });
});
