import { VirtualClock } from '../support/virtual-clock.ts';

/** Twenty times what a history takes. A storm of rings has to end as a breach and not as a history without end. */
const MOST_STEPS = 200_000;

interface Alarm {
  at: number;
  order: number;
  /** Nothing any more once it was called off. */
  call: (() => void) | undefined;
}

/**
 * Virtual time for histories with tens of thousands of alarms: a heap, and promises are waited for only after an alarm
 * that woke the app (`wake`), because everything else is plain function calls.
 */
export class SimulatedTime extends VirtualClock {
  #time: number;
  #orders = 0;
  #awake = true;
  readonly #heap: Alarm[] = [];
  /** Alarms that went off. */
  steps = 0;
  /** Time stands still for good: something goes round in circles. */
  isExhausted = false;

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
        await promisesSettled();
        continue;
      }
      const next = this.nextAt();
      if (next === undefined || next > until) break;
      this.isExhausted ||= this.steps > MOST_STEPS;
      if (this.isExhausted) return;
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

/**
 * Everything simulated is a promise or an alarm. Node calls a tick back once no promise is left that could go on, so no
 * turn of the event loop is needed; that was half of the cost of a history.
 */
const promisesSettled = (): Promise<void> => new Promise((resolve) => process.nextTick(resolve));
