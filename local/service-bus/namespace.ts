import { randomUUID } from 'node:crypto';
import type { StepObserver } from '../observed-step.ts';
import type { Address } from './address.ts';
import { Counters } from './counters.ts';
import { Dispatcher } from './dispatcher.ts';
import { FaultPlan } from './faults.ts';
import type { MessageContent } from './message-codec.ts';
import { Queue } from './queue.ts';
import type { QueueDefinition } from './queue-definition.ts';
import type { QueueStore } from './queue-store.ts';

/** Something messages are received from: a queue or its dead-letter sub-queue. */
export interface Entity {
  readonly queue: Queue<MessageContent>;
  readonly store: QueueStore<MessageContent>;
  readonly dispatcher: Dispatcher;
}

export interface NamespaceOptions {
  readonly queues: readonly QueueDefinition[];
  readonly now: () => number;
  readonly maxMessageSize: number;
  readonly onStep: StepObserver | undefined;
}

const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** All queues of the broker, with one timer for everything that becomes due in them. */
export class Namespace {
  readonly maxMessageSize: number;
  readonly onStep: StepObserver | undefined;
  readonly counters: Counters;
  readonly faults = new FaultPlan();
  /** While true, no message is handed out. */
  frozen = false;
  readonly #now: () => number;
  readonly #entities = new Map<string, Entity>();
  readonly #queues: Queue<MessageContent>[] = [];
  readonly #pending = new Set<NodeJS.Timeout>();
  #alarm: NodeJS.Timeout | undefined;
  #alarmAt = Infinity;

  constructor(options: NamespaceOptions) {
    this.maxMessageSize = options.maxMessageSize;
    this.onStep = options.onStep;
    this.#now = options.now;
    for (const definition of options.queues) {
      const queue = new Queue<MessageContent>(definition, {
        now: options.now,
        newLockToken: randomUUID,
        maxMessageSize: options.maxMessageSize,
        report: (store, event) => {
          this.counters.count(store, event);
        },
        onReady: (store) => {
          this.#entities.get(store.toLowerCase())?.dispatcher.wake();
        },
      });
      this.#queues.push(queue);
      for (const store of [queue.main, queue.deadLetters]) {
        const dispatcher = new Dispatcher(store, () => this.frozen);
        this.#entities.set(store.rules.name.toLowerCase(), { queue, store, dispatcher });
      }
    }
    this.counters = new Counters([...this.#entities.values()].map(({ store }) => store.rules.name));
  }

  find(address: Exclude<Address, { kind: 'authorization' }>): Entity | undefined {
    return this.#entities.get(address.store);
  }

  /** The queue of this name; an unknown name is the caller's mistake. */
  queue(name: string): Queue<MessageContent> {
    const entity = this.#entities.get(name.toLowerCase());
    if (entity !== undefined) return entity.queue;
    const known = this.#queues.map(({ definition }) => definition.name).join(', ');
    throw new Error(`There is no queue "${name}". Declared are: ${known}.`);
  }

  /** Lets everything happen that is due and sets the alarm for the next moment. */
  tick(): void {
    let next = Infinity;
    for (const queue of this.#queues) {
      queue.advance();
      next = Math.min(next, queue.nextDueAt() ?? Infinity);
    }
    this.#setAlarm(next);
  }

  /** To be called after every operation that may have brought the next due moment forward. */
  watch(queue: Queue<MessageContent>): void {
    const due = queue.nextDueAt();
    if (due !== undefined && due < this.#alarmAt) this.#setAlarm(due);
  }

  /** Does something after a delay in real time, unless the broker is reset or closed before. */
  later(delayMs: number, act: () => void): void {
    const timer = setTimeout(() => {
      this.#pending.delete(timer);
      act();
    }, delayMs);
    this.#pending.add(timer);
  }

  wakeAll(): void {
    for (const { dispatcher } of this.#entities.values()) dispatcher.wake();
  }

  /** Forgets messages, figures and faults. */
  reset(): void {
    this.stop();
    for (const queue of this.#queues) queue.clear();
    this.counters.reset();
    this.faults.clear();
  }

  /** Ends all timers. */
  stop(): void {
    this.#setAlarm(Infinity);
    for (const timer of this.#pending) clearTimeout(timer);
    this.#pending.clear();
  }

  #setAlarm(at: number): void {
    clearTimeout(this.#alarm);
    this.#alarm = undefined;
    this.#alarmAt = at;
    if (at === Infinity) return;
    const delayMs = Math.min(Math.max(at - this.#now(), 1), LONGEST_TIMER_MS);
    this.#alarm = setTimeout(() => {
      this.tick();
    }, delayMs);
  }
}
