import type { QueueDefinition } from './queue-definition.ts';
import type { Draft, QueueEvent } from './queue-message.ts';
import { QueueStore } from './queue-store.ts';

/** Why a queue did not take what was sent. */
export type SendOutcome = 'accepted' | 'too-large' | 'quota-exceeded';

/** The last part of a dead-letter sub-queue's address. */
export const DEAD_LETTER_SUFFIX = '/$DeadLetterQueue';

export interface QueueSurroundings {
  readonly now: () => number;
  readonly newLockToken: () => string;
  /** The largest transfer (one message or one batch) in bytes. */
  readonly maxMessageSize: number;
  readonly report: (storeName: string, event: QueueEvent) => void;
  readonly onReady: (storeName: string) => void;
}

/** A queue with its dead-letter sub-queue; both share one quota. */
export class Queue<C> {
  readonly definition: QueueDefinition;
  readonly main: QueueStore<C>;
  readonly deadLetters: QueueStore<C>;
  readonly #maxMessageSize: number;

  constructor(definition: QueueDefinition, around: QueueSurroundings) {
    this.definition = definition;
    this.#maxMessageSize = around.maxMessageSize;
    const store = (name: string, deadLetterTo: QueueStore<C> | undefined): QueueStore<C> =>
      new QueueStore<C>(
        {
          name,
          lockDurationMs: definition.lockDurationMs,
          maxDeliveryCount: definition.maxDeliveryCount,
          duplicateWindowMs: deadLetterTo && definition.duplicateWindowMs,
          defaultTimeToLiveMs: definition.defaultTimeToLiveMs,
          deadLetterExpired: definition.deadLetterExpired,
          deadLetterTo,
        },
        {
          // The queue itself catches up first: what expires there appears here.
          now: deadLetterTo === undefined ? () => this.main.advance() : around.now,
          newLockToken: around.newLockToken,
          report: (event) => {
            around.report(name, event);
          },
          onReady: () => {
            around.onReady(name);
          },
        },
      );
    this.deadLetters = store(definition.name + DEAD_LETTER_SUFFIX, undefined);
    this.main = store(definition.name, this.deadLetters);
  }

  /** Takes all messages of one transfer or none of them. */
  send(drafts: readonly Draft<C>[], transferSize: number): SendOutcome {
    const refusal = this.#refusal(drafts, transferSize);
    if (refusal !== undefined) return refusal;
    for (const draft of drafts) this.main.send(draft);
    return 'accepted';
  }

  /** Like `send`, for messages that are to appear later; returns the numbers by which they can be cancelled. */
  schedule(drafts: readonly Draft<C>[], transferSize: number): number[] | Exclude<SendOutcome, 'accepted'> {
    return this.#refusal(drafts, transferSize) ?? drafts.map((draft) => this.main.send(draft));
  }

  advance(): void {
    this.main.advance();
    this.deadLetters.advance();
  }

  nextDueAt(): number | undefined {
    const due = Math.min(this.main.nextDueAt() ?? Infinity, this.deadLetters.nextDueAt() ?? Infinity);
    return due === Infinity ? undefined : due;
  }

  clear(): void {
    this.main.clear();
    this.deadLetters.clear();
  }

  #refusal(drafts: readonly Draft<C>[], transferSize: number): Exclude<SendOutcome, 'accepted'> | undefined {
    if (transferSize > this.#maxMessageSize) return 'too-large';
    const held = this.main.counts().bytes + this.deadLetters.counts().bytes;
    const added = drafts.reduce((sum, draft) => sum + draft.size, 0);
    return held + added > this.definition.maxSizeBytes ? 'quota-exceeded' : undefined;
  }
}
