import { Gate } from '../../support/fakes/gate.ts';
import { settled } from '../../support/virtual-clock.ts';
import type { Schedule } from './interleavings.ts';

/** Somebody who acts step by step, each step only when it is their turn. */
export interface Actor {
  /** Has a step to take now. */
  isReady(): boolean;
  step(): void | Promise<void>;
}

/** A process whose calls wait for their turn. */
export class SteppingGate extends Gate implements Actor {
  readonly #waiting: (() => void)[] = [];

  override async pass<T>(call: string, effect: () => T): Promise<T> {
    this.calls.push(call);
    await new Promise<void>((resolve) => void this.#waiting.push(resolve));
    return effect();
  }

  isReady(): boolean {
    return this.#waiting.length > 0;
  }

  step(): void {
    this.#waiting.shift()?.();
  }
}

/** Deeds of the world, in their order, each at any moment. */
export const deeds = (...acts: (() => void | Promise<void>)[]): Actor => ({
  isReady: () => acts.length > 0,
  step: () => acts.shift()?.(),
});

/** Lets the actors take steps in the order of the schedule until none has any left; `check` looks after each. */
export async function play(actors: Actor[], schedule: Schedule, check: () => void = () => undefined): Promise<void> {
  for (;;) {
    await settled();
    check();
    const ready = actors.filter((actor) => actor.isReady());
    if (ready.length === 0) return;
    await ready[ready.length === 1 ? 0 : schedule.choose(ready.length)]?.step();
  }
}
