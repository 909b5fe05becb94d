import { VirtualClock } from '../support/virtual-clock.ts';

interface Alarm {
  at: number;
  order: number;
  /** Nothing any more once it was called off. */
  call: (() => void) | undefined;
}

/**
 * Virtual time for histories with tens of thousands of alarms: a heap, and the event loop turns only after an alarm that
 * woke the app (`wake`), because everything else is plain function calls.
 */
export class SimulatedTime extends VirtualClock {
  #time: number;
  #orders = 0;
  #awake = true;
  readonly #heap: Alarm[] = [];
  /** Alarms that went off. */
  steps = 0;

  constructor(start: number) {
    super(start);
    this.#time = start;
  }

  override now(): number {
    return this.#time;
  }

  override readonly after = (ms: number, call: () => void): (() => void) => {
    const alarm: Alarm = { at: this.#time + Math.max(0, Math.round(ms)), order: this.#orders++, call };
    this.#push(alarm);
    return () => {
      alarm.call = undefined;
    };
  };

  override nextAt(): number | undefined {
    while (this.#heap[0] && !this.#heap[0].call) this.#pop();
    return this.#heap[0]?.at;
  }

  /** The app has something to do now: promises must settle before the next alarm. */
  wake(): void {
    this.#awake = true;
  }

  /** Lets alarms go off one by one until `until`; time jumps from one to the next. */
  async run(until: number): Promise<void> {
    for (;;) {
      if (this.#awake) {
        this.#awake = false;
        // Everything simulated is a promise or an alarm, so one turn of the event loop sees all promises through.
        await new Promise((resolve) => setImmediate(resolve));
        continue;
      }
      const next = this.nextAt();
      if (next === undefined || next > until) break;
      const alarm = this.#pop();
      this.#time = Math.max(this.#time, next);
      this.steps++;
      alarm?.call?.();
    }
    this.#time = Math.max(this.#time, until);
  }

  #isBefore(a: Alarm | undefined, b: Alarm | undefined): boolean {
    if (!a || !b) return a !== undefined;
    return a.at < b.at || (a.at === b.at && a.order < b.order);
  }

  #push(alarm: Alarm): void {
    const heap = this.#heap;
    let place = heap.length;
    heap.push(alarm);
    while (place > 0) {
      const parent = (place - 1) >> 1;
      const above = heap[parent];
      if (!above || !this.#isBefore(alarm, above)) break;
      heap[place] = above;
      place = parent;
    }
    heap[place] = alarm;
  }

  #pop(): Alarm | undefined {
    const heap = this.#heap;
    const first = heap[0];
    const last = heap.pop();
    if (!last || heap.length === 0) return first;
    let place = 0;
    for (;;) {
      const left = 2 * place + 1;
      const smaller = this.#isBefore(heap[left + 1], heap[left]) ? left + 1 : left;
      const below = heap[smaller];
      if (!below || !this.#isBefore(below, last)) break;
      heap[place] = below;
      place = smaller;
    }
    heap[place] = last;
    return first;
  }
}
