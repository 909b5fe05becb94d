import { Gate } from '../../support/fakes/gate.ts';
import type { SimulatedTime } from '../simulated-time.ts';

const never = () => new Promise<never>(() => undefined);

/** What stands between one process and the world; every part may change while the world runs. */
export interface Terms {
  /** How long a call takes, in virtual ms. */
  latency(call: string): number;
  /** What the call comes to instead of its effect, if anything. */
  refuse(call: string): Error | undefined;
  /** Called before each call with its number, from 1. */
  onCall(call: string, nth: number): void;
}

export const CALM: Terms = { latency: () => 0, refuse: () => undefined, onCall: () => undefined };

/** The way of one process to the shared state, for runs of a million calls: counts them and keeps none. */
export class RecoveryGate extends Gate {
  readonly counts = new Map<string, number>();
  total = 0;
  readonly #time: SimulatedTime;
  readonly #terms: Terms;

  constructor(time: SimulatedTime, terms: Terms) {
    super(time);
    this.#time = time;
    this.#terms = terms;
  }

  override count(call: string): number {
    let sum = 0;
    for (const [name, count] of this.counts)
      if (name === call || (call.endsWith('.') && name.startsWith(call))) sum += count;
    return sum;
  }

  override async pass<T>(call: string, effect: () => T): Promise<T> {
    if (this.isCrashed) return never();
    this.counts.set(call, (this.counts.get(call) ?? 0) + 1);
    this.#terms.onCall(call, ++this.total);
    if (this.isCrashed) return never();
    const half = this.#terms.latency(call) / 2;
    await this.#passes(half);
    const refusal = this.#terms.refuse(call);
    if (refusal) throw refusal;
    const result = effect();
    await this.#passes(half);
    return result;
  }

  async #passes(ms: number): Promise<void> {
    if (ms > 0)
      await new Promise<void>((resolve) => {
        this.#time.after(ms, () => {
          this.#time.wake();
          resolve();
        });
      });
    // A process that crashed meanwhile does not get its answer.
    if (this.isCrashed) await never();
  }
}
