import { VirtualClock } from '../../support/virtual-clock.ts';
import { Gate } from '../../support/fakes/gate.ts';

/** The way of one process to the stores, with nothing but its death on it: a year has hundreds of millions of calls. */
export class QuickGate extends Gate {
  readonly #onAnswer: () => void;
  /** Called with every call that is about to take effect; a test may stop the process there. */
  onCall: ((call: string) => void) | undefined;

  constructor(onAnswer: () => void) {
    super(new VirtualClock(0));
    this.#onAnswer = onAnswer;
  }

  override async pass<T>(call: string, effect: () => T): Promise<T> {
    this.onCall?.(call);
    if (this.isCrashed) return new Promise<never>(() => undefined);
    const result = effect();
    this.#onAnswer();
    return result;
  }
}
