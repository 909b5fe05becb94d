import type { Ring } from '../../../shared/domain/work-item.ts';
import { TransientError } from '../../../shared/errors.ts';
import type { WorkQueue } from '../../../shared/ports.ts';
import type { Gate } from '../../support/fakes/gate.ts';
import type { SimulatedTime } from '../simulated-time.ts';

const LOCK_MS = 120_000;

/** Who takes rings. */
export interface Receiver {
  /** The receiver that takes the next ring; `undefined`: nobody does now. */
  next(): { work(ring: Ring): Promise<void>; busy: number } | undefined;
}

/** Delivers rings when they are due to whoever has a hand free, and again after a lock that ran out. */
export class RingsQueue {
  /** Rings by what they ask for. */
  readonly sent = new Map<string, number>();
  /** Rings are taken in but nobody works on them: the third trigger of renewals is dead. */
  silent = false;
  readonly #time: SimulatedTime;
  readonly #receiver: Receiver;
  #due: Ring[] = [];
  #first = 0;

  constructor(time: SimulatedTime, receiver: Receiver) {
    this.#time = time;
    this.#receiver = receiver;
  }

  put(ring: Ring, at: number): void {
    const look = ring.look ?? 'ids';
    this.sent.set(look, (this.sent.get(look) ?? 0) + 1);
    if (this.silent) return;
    this.#time.after(at - this.#time.now(), () => this.#enqueue(ring));
  }

  /** Hands out what is due. */
  pump(): void {
    while (this.#first < this.#due.length) {
      const receiver = this.#receiver.next();
      if (!receiver) return;
      const ring = this.#due[this.#first++];
      if (ring) this.#deliver(ring, receiver);
    }
    this.#due = [];
    this.#first = 0;
  }

  #enqueue(ring: Ring): void {
    this.#due.push(ring);
    this.pump();
  }

  #deliver(ring: Ring, receiver: NonNullable<ReturnType<Receiver['next']>>): void {
    const relock = this.#time.after(LOCK_MS, () => this.#enqueue(ring));
    receiver.busy++;
    void receiver
      .work(ring)
      .then(relock, () => undefined)
      .finally(() => {
        receiver.busy--;
        this.pump();
      });
  }
}

export const ringsQueue = (queue: RingsQueue, gate: Gate, now: () => number): WorkQueue => ({
  async send(rings, { at, signal } = {}) {
    if (signal?.aborted) throw new TransientError('aborted');
    await gate.pass('workQueue.send', () => {
      for (const ring of rings) queue.put(ring, at?.getTime() ?? now());
    });
  },
  drainDeadLetters: () => Promise.resolve(0),
});
