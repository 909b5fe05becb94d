import { encodeRing, parseRing, type Ring, splitRing } from '../../../shared/domain/work-item.ts';
import type { WorkQueue } from '../../../shared/ports.ts';
import { TransientError } from '../../../shared/errors.ts';
import type { VirtualClock } from '../virtual-clock.ts';
import type { Gate } from './gate.ts';

interface QueuedRing {
  number: number;
  body: string;
  /** Not delivered before. */
  at: number;
  attempts: number;
  /** Locked by a receiver until then. */
  lockedUntil: number;
}

export interface ReceivedRing {
  number: number;
  body: string;
}

const MAX_DELIVERIES = 10;

/** The queue of rings as the broker keeps it: scheduled delivery, peek-lock, dead letters after ten deliveries. */
export class FakeWorkQueue {
  #messages: QueuedRing[] = [];
  #dead: string[] = [];
  #numbers = 0;
  /** Every ring ever sent, in order. */
  readonly sent: { ring: Ring; at: number; sentAt: number }[] = [];
  readonly #clock: VirtualClock;

  constructor(clock: VirtualClock) {
    this.#clock = clock;
  }

  get length(): number {
    return this.#messages.length;
  }

  /** Rings that wait, with the time from which on they may be delivered. */
  waiting(): { ring: Ring | undefined; at: number }[] {
    return this.#messages.map(({ body, at }) => ({ ring: parseRing(body), at }));
  }

  bodies(): { body: string; at: number }[] {
    return this.#messages.map(({ body, at }) => ({ body, at }));
  }

  deadLetters(): string[] {
    return [...this.#dead];
  }

  put(body: string, at = this.#clock.now()): void {
    this.#messages.push({ number: this.#numbers++, body, at, attempts: 0, lockedUntil: 0 });
  }

  send(rings: Ring[], at: number): void {
    for (const ring of rings.flatMap((whole) => splitRing(whole))) {
      this.sent.push({ ring, at, sentAt: this.#clock.now() });
      this.put(encodeRing(ring), at);
    }
  }

  /** When the next ring can be delivered. */
  nextAt(): number | undefined {
    const times = this.#messages.map((message) => Math.max(message.at, message.lockedUntil));
    return times.length > 0 ? Math.min(...times) : undefined;
  }

  /** Locks the next ring that is due. */
  receive(lockMs = 120_000): ReceivedRing | undefined {
    const now = this.#clock.now();
    const message = this.#messages
      .filter((item) => item.at <= now && item.lockedUntil <= now)
      .toSorted((a, b) => a.at - b.at || a.number - b.number)[0];
    if (!message) return undefined;
    if (message.attempts >= MAX_DELIVERIES) {
      this.deadLetter(message.number);
      return this.receive(lockMs);
    }
    message.attempts++;
    message.lockedUntil = now + lockMs;
    return { number: message.number, body: message.body };
  }

  complete(number: number): void {
    this.#messages = this.#messages.filter((item) => item.number !== number);
  }

  abandon(number: number): void {
    for (const item of this.#messages) if (item.number === number) item.lockedUntil = 0;
  }

  deadLetter(number: number): void {
    const message = this.#messages.find((item) => item.number === number);
    if (!message) return;
    this.complete(number);
    this.#dead.push(message.body);
  }

  /** Puts a body straight among the dead letters. */
  bury(body: string): void {
    this.#dead.push(body);
  }

  dead(max: number): string[] {
    return this.#dead.slice(0, max);
  }

  forgetDead(count: number): void {
    this.#dead.splice(0, count);
  }

  forgetDeadOnes(bodies: string[]): void {
    for (const body of bodies) this.#dead.splice(this.#dead.indexOf(body), 1);
  }
}

/** The port as one process sees it. */
export const fakeWorkQueue = (queue: FakeWorkQueue, gate: Gate, clock: VirtualClock): WorkQueue => ({
  async send(rings, { at, signal } = {}) {
    if (signal?.aborted) throw new TransientError('aborted');
    const due = at?.getTime() ?? clock.now();
    const half = rings.slice(0, Math.floor(rings.length / 2));
    const sending = gate.pass('workQueue.send', () => queue.send(rings, due), { midway: () => queue.send(half, due) });
    if (!signal) return sending;
    await Promise.race([
      sending,
      new Promise<never>((_, reject) => {
        signal.addEventListener('abort', () => reject(new TransientError('aborted')), { once: true });
      }),
    ]);
  },

  async drainDeadLetters(max, keep) {
    const isRing = (body: string) => parseRing(body) !== undefined;
    const readable = await gate.pass('workQueue.drainDeadLetters', () =>
      queue.deadLetters().filter(isRing).slice(0, max),
    );
    if (readable.length === 0) return 0;
    await keep(readable.flatMap((body) => parseRing(body) ?? []));
    return gate.pass('workQueue.completeDeadLetters', () => {
      queue.forgetDeadOnes(readable);
      return readable.length;
    });
  },
});
