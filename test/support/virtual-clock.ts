import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Clock } from '../../shared/ports.ts';

interface Alarm {
  at: number;
  order: number;
  call: () => void;
}

/** Time that moves only when a test says so. Alarms due at the same moment go off in the order they were set. */
export class VirtualClock implements Clock {
  #now: number;
  #order = 0;
  #alarms: Alarm[] = [];

  constructor(start: number) {
    this.#now = start;
  }

  now(): number {
    return this.#now;
  }

  /** Calls back once after `ms`; the result cancels it. The port `after`. */
  readonly after = (ms: number, call: () => void): (() => void) => {
    const alarm = { at: this.#now + Math.max(0, ms), order: this.#order++, call };
    this.#alarms.push(alarm);
    return () => {
      this.#alarms = this.#alarms.filter((other) => other !== alarm);
    };
  };

  /** When the next alarm goes off. */
  nextAt(): number | undefined {
    return this.#first()?.at;
  }

  /** Moves on by `ms`; every alarm on the way goes off at its own time, and what it starts runs as far as it can. */
  async advance(ms: number): Promise<void> {
    const end = this.#now + ms;
    await settled();
    for (let alarm = this.#first(); alarm && alarm.at <= end; alarm = this.#first()) {
      const due = alarm;
      this.#alarms = this.#alarms.filter((other) => other !== due);
      this.#now = Math.max(this.#now, due.at);
      due.call();
      await settled();
    }
    this.#now = end;
  }

  /** Moves on from alarm to alarm until `work` is done; fails when nothing is left that could finish it. */
  async runUntilDone<T>(work: Promise<T>, limitMs = 86_400_000): Promise<T> {
    const end = this.#now + limitMs;
    const state = { done: false };
    const finish = () => {
      state.done = true;
    };
    void work.then(finish, finish);
    await settled();
    while (!state.done) {
      const next = this.nextAt();
      if (next === undefined || next > end) throw new Error('nothing is left that could finish the work under test');
      await this.advance(next - this.#now);
    }
    return work;
  }

  #first(): Alarm | undefined {
    return this.#alarms.toSorted((a, b) => a.at - b.at || a.order - b.order)[0];
  }
}

/** Lets everything run that waits for no alarm. Promises chain: some turns of the event loop see them all through. */
export async function settled(): Promise<void> {
  for (let turn = 0; turn < 3; turn++) await nextTurn();
}
