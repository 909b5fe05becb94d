import { TransientError } from '../../../shared/errors.ts';
import type { VirtualClock } from '../virtual-clock.ts';

/** Every call of a port by its full name, such as `deliveries.commit`. `*` stands for any call. */
export interface Fault {
  call: string;
  /** The n-th call counted from when the fault was set, from 1; without it every call. */
  nth?: number;
  /** `before` and `after` the effect; `midway`: part of the effect is done, where the call has parts. */
  when?: 'before' | 'midway' | 'after';
  /**
   * `error`: the call fails. `conflict`: somebody else was faster (calls that know conflicts). `crash`: the process stops
   * here; none of its calls ever returns again.
   */
  kind: 'error' | 'conflict' | 'crash';
  /** What is thrown; a TransientError by default. */
  error?: () => Error;
}

interface Effects<T> {
  midway?: (() => void) | undefined;
  conflict?: (() => T) | undefined;
}

/** An app that calls this often in one test runs in circles. Stopped like a crash, so that the test ends and fails. */
const MOST_CALLS = 50_000;

/**
 * The way of one process to the shared state of the fakes. Counts calls, injects faults given as data, stops everything
 * when the process crashes, and, with `latency`, lets calls take virtual time.
 */
export class Gate {
  /** Names of all calls in order. */
  readonly calls: string[] = [];
  /** Settles when the process has crashed. */
  readonly crashed: Promise<void>;
  #crash: () => void = () => undefined;
  #isCrashed = false;
  #faults: { fault: Fault; seen: number }[] = [];
  readonly #clock: VirtualClock;
  readonly #latency: ((call: string) => number) | undefined;

  constructor(clock: VirtualClock, latency?: (call: string) => number) {
    this.#clock = clock;
    this.#latency = latency;
    this.crashed = new Promise((resolve) => {
      this.#crash = resolve;
    });
  }

  get isCrashed(): boolean {
    return this.#isCrashed;
  }

  /** Adds faults; they count calls from now on. */
  inject(...faults: Fault[]): void {
    this.#faults.push(...faults.map((fault) => ({ fault, seen: 0 })));
  }

  mend(): void {
    this.#faults = [];
  }

  count(call: string): number {
    return this.calls.filter((name) => name === call || (call.endsWith('.') && name.startsWith(call))).length;
  }

  /** Stops the process: nothing it waits for ever comes. */
  crash(): void {
    this.#isCrashed = true;
    this.#crash();
  }

  /** One call of a port. `effect` happens at one moment, after half of the latency. */
  async pass<T>(call: string, effect: () => T, { midway, conflict }: Effects<T> = {}): Promise<T> {
    if (this.#isCrashed) return never();
    this.calls.push(call);
    if (this.calls.length > MOST_CALLS) this.crash();
    const fault = this.#due(call);
    await this.#wait(call);
    if (fault?.kind === 'conflict' && conflict) return conflict();
    if (fault && (fault.when ?? 'before') !== 'after') {
      if (fault.when === 'midway') midway?.();
      return this.#fail(fault);
    }
    const result = effect();
    await this.#wait(call);
    if (fault) return this.#fail(fault);
    return result;
  }

  #due(call: string): Fault | undefined {
    let due: Fault | undefined;
    for (const entry of this.#faults) {
      if (entry.fault.call !== '*' && entry.fault.call !== call) continue;
      entry.seen++;
      if (entry.fault.nth === undefined || entry.fault.nth === entry.seen) due ??= entry.fault;
    }
    return due;
  }

  async #wait(call: string): Promise<void> {
    const ms = (this.#latency?.(call) ?? 0) / 2;
    if (ms > 0) await new Promise<void>((resolve) => void this.#clock.after(ms, resolve));
    // A process that crashed meanwhile does not get its answer.
    if (this.#isCrashed) await never();
  }

  #fail(fault: Fault): Promise<never> {
    if (fault.kind === 'crash') {
      this.crash();
      return never();
    }
    return Promise.reject(fault.error?.() ?? new TransientError('injected'));
  }
}

const never = () => new Promise<never>(() => undefined);
