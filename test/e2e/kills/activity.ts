// Whether the app has something to do, as far as it can be seen from outside: time may leap only when it has not.
import type { ObservedStep } from '../../../local/observed-step.ts';

/** Nobody has done anything for so long: whatever comes next waits for the clock. */
const QUIET_MS = 80;
/** The same while something is under way that may take its time, such as a large mail; if it never ends, time goes on. */
const STUCK_MS = 4_000;
const SETTLEMENTS = ['complete', 'abandon', 'dead-letter'];

export class Activity {
  readonly #ping: () => Promise<unknown>;
  #lastStepAt = performance.now();
  #steps = 0;
  /** Requests without an answer, and rings without an outcome. */
  #underWay = 0;
  #isLoading = false;

  /** `ping` resolves when the app has answered: a process that gets no turn on the machine is not at rest. */
  constructor(ping: () => Promise<unknown>) {
    this.#ping = ping;
  }

  note({ service, operation, side }: ObservedStep): void {
    this.#lastStepAt = performance.now();
    this.#steps += 1;
    if (service !== 'webhook') this.#isLoading = false;
    if (service !== 'bus') this.#underWay += side === 'before' ? 1 : -1;
    else if (operation === 'deliver' && side === 'after') this.#underWay += 1;
    else if (SETTLEMENTS.includes(operation) && side === 'after') this.#underWay -= 1;
  }

  /** A host starts: it loads the app in silence. */
  hostStarts(): void {
    this.#begin();
    this.#isLoading = true;
  }

  /** What the dead one had under way has no end. */
  hostEnded(): void {
    this.#begin();
    this.#isLoading = false;
  }

  async isQuiet(): Promise<boolean> {
    const isBusy = this.#isLoading || this.#underWay > 0;
    if (performance.now() - this.#lastStepAt < (isBusy ? STUCK_MS : QUIET_MS)) return false;
    const before = this.#steps;
    await this.#ping();
    await this.#ping();
    return this.#steps === before;
  }

  /** Time has leapt: what is due now gets its turn. */
  wait(): void {
    this.#lastStepAt = performance.now();
  }

  #begin(): void {
    this.#underWay = 0;
    this.#lastStepAt = performance.now();
  }
}
