import { DuplicateWindow } from './duplicate-window.ts';
import type { ShelvedMessage } from './message-shelf.ts';
import { MessageShelf, toShelved } from './message-shelf.ts';
import type { Draft, PropertyChanges, QueueEvent, QueueMessage } from './queue-message.ts';
import { deadLetterChanges, NO_CHANGES } from './queue-message.ts';

/** What one store needs to know. A store without `deadLetterTo` is itself a dead-letter sub-queue. */
export interface StoreRules<C> {
  readonly name: string;
  readonly lockDurationMs: number;
  readonly maxDeliveryCount: number;
  readonly duplicateWindowMs: number | undefined;
  readonly defaultTimeToLiveMs: number;
  readonly deadLetterExpired: boolean;
  readonly deadLetterTo: QueueStore<C> | undefined;
}

export interface StoreSurroundings {
  readonly now: () => number;
  readonly newLockToken: () => string;
  readonly report: (event: QueueEvent) => void;
  /** Called whenever a message can be received that could not be received before. */
  readonly onReady: () => void;
}

/** `lock-lost`: the lock has ended or never was; `not-allowed`: a dead letter cannot be dead-lettered again. */
export type Settlement = 'done' | 'lock-lost' | 'not-allowed';

/**
 * The state machine of one queue (or of one dead-letter sub-queue). It knows neither AMQP nor timers: every
 * operation first catches up with the clock, so the outcome does not depend on when `advance` was called.
 */
export class QueueStore<C> {
  readonly rules: StoreRules<C>;
  readonly #around: StoreSurroundings;
  readonly #shelf = new MessageShelf<C>();
  readonly #duplicates: DuplicateWindow | undefined;

  constructor(rules: StoreRules<C>, around: StoreSurroundings) {
    this.rules = rules;
    this.#around = around;
    this.#duplicates = rules.duplicateWindowMs === undefined ? undefined : new DuplicateWindow(rules.duplicateWindowMs);
  }

  counts(): MessageShelf<C>['counts'] {
    this.advance();
    return this.#shelf.counts;
  }

  /** Stores a message. Returns its sequence number; a duplicate is dropped and its number belongs to no message. */
  send(draft: Draft<C>): number {
    const now = this.advance();
    this.#around.report('messagesSent');
    if (this.#duplicates?.admit(draft.messageId, now) === false) {
      this.#around.report('duplicatesDropped');
      return this.#shelf.nextSequenceNumber();
    }
    const message = toShelved(draft, this.rules.defaultTimeToLiveMs);
    if (draft.scheduledAt === undefined || draft.scheduledAt <= now) this.#activate(message, now);
    else {
      message.enqueuedAt = now;
      this.#shelf.insert(message, 'scheduled');
      this.#shelf.wait(message, draft.scheduledAt);
    }
    return message.sequenceNumber;
  }

  /** Removes scheduled messages; when one of them is not there (any more), none is removed and the answer is false. */
  cancelScheduled(sequenceNumbers: readonly number[]): boolean {
    this.advance();
    const messages = this.#find(sequenceNumbers, (message) => message.state === 'scheduled');
    for (const message of messages ?? []) this.#shelf.remove(message);
    return messages !== undefined;
  }

  /** Locks and returns the oldest message that is ready. */
  lockNext(): QueueMessage<C> | undefined {
    const now = this.advance();
    const message = this.#shelf.firstReady();
    return message && this.#lock(message, now);
  }

  /** Removes and returns the oldest message that is ready. */
  takeNext(): QueueMessage<C> | undefined {
    this.advance();
    const message = this.#shelf.firstReady();
    return message && this.#take(message);
  }

  /** Locks or takes deferred messages by number; undefined when one of them is not deferred, absent or locked. */
  receiveDeferred(sequenceNumbers: readonly number[], mode: 'lock' | 'take'): QueueMessage<C>[] | undefined {
    const now = this.advance();
    const isFree = ({ state, lock }: QueueMessage<C>): boolean => state === 'deferred' && lock === undefined;
    const messages = this.#find(sequenceNumbers, isFree);
    return messages?.map((message) => (mode === 'lock' ? this.#lock(message, now) : this.#take(message)));
  }

  complete(token: string): Settlement {
    return this.#settle(token, 'completes', (message) => {
      this.#shelf.remove(message);
    });
  }

  /** Gives a message back to its old place in the queue. */
  abandon(token: string, changes: PropertyChanges = NO_CHANGES): Settlement {
    return this.#settle(token, 'abandons', (message, now) => {
      change(message, changes);
      this.#giveBack(message, now);
    });
  }

  /** Sets a message aside: only its sequence number brings it back, and it does not expire. */
  defer(token: string, changes: PropertyChanges = NO_CHANGES): Settlement {
    return this.#settle(token, 'defers', (message) => {
      change(message, changes);
      this.#shelf.unlock(message);
      message.state = 'deferred';
    });
  }

  /** Moves a message to the dead-letter sub-queue; reason and description travel among `changes`. */
  deadLetter(token: string, changes: PropertyChanges = NO_CHANGES): Settlement {
    this.advance();
    if (this.rules.deadLetterTo === undefined && this.#shelf.locked(token) !== undefined) return 'not-allowed';
    return this.#settle(token, 'deadLetters', (message) => {
      this.#moveToDeadLetters(message, changes);
    });
  }

  /** Prolongs a lock from now on. Returns its new end, or undefined when the lock is lost. */
  renew(token: string): number | undefined {
    const now = this.advance();
    const message = this.#shelf.locked(token);
    this.#around.report(message === undefined ? 'locksLost' : 'renewals');
    if (message === undefined) return undefined;
    const until = now + this.rules.lockDurationMs;
    this.#shelf.lock(message, { token, until });
    return until;
  }

  /** Looks at up to `count` messages from a number on, whatever their state. Read them before the next operation. */
  peek(fromSequenceNumber: number, count: number): QueueMessage<C>[] {
    this.advance();
    const found: QueueMessage<C>[] = [];
    for (const message of this.#shelf.from(fromSequenceNumber)) {
      if (found.length >= count) break;
      found.push(message);
    }
    return found;
  }

  /** Ends every lock now, as if its time had run out. */
  expireLocks(): void {
    const now = this.advance();
    for (const message of this.#shelf.allLocked()) this.#expireLock(message, now);
  }

  /** Lets everything happen that is due, in the order of its moments. Returns the time. */
  advance(): number {
    const now = this.#around.now();
    for (let next = this.#shelf.nextDue(); next !== undefined && next.at <= now; next = this.#shelf.nextDue()) {
      const { message, at } = next;
      if (message.lock !== undefined) this.#expireLock(message, at);
      else if (message.state === 'scheduled') {
        // The service gives a message that appears a new number, and its life starts only now.
        this.#shelf.remove(message);
        this.#activate(message, at);
      } else this.#expire(message);
    }
    return now;
  }

  /** When `advance` has something to do next. */
  nextDueAt(): number | undefined {
    return this.#shelf.nextDueAt();
  }

  clear(): void {
    this.#shelf.clear();
    this.#duplicates?.clear();
  }

  #find(
    sequenceNumbers: readonly number[],
    isWanted: (message: ShelvedMessage<C>) => boolean,
  ): ShelvedMessage<C>[] | undefined {
    const messages: ShelvedMessage<C>[] = [];
    for (const number of new Set(sequenceNumbers)) {
      const message = this.#shelf.get(number);
      if (message === undefined || !isWanted(message)) return undefined;
      messages.push(message);
    }
    return messages;
  }

  #settle(token: string, event: QueueEvent, act: (message: ShelvedMessage<C>, now: number) => void): Settlement {
    const now = this.advance();
    const message = this.#shelf.locked(token);
    this.#around.report(message === undefined ? 'locksLost' : event);
    if (message === undefined) return 'lock-lost';
    act(message, now);
    return 'done';
  }

  #activate(message: ShelvedMessage<C>, at: number): void {
    message.enqueuedAt = at;
    message.expiresAt = at + message.timeToLiveMs;
    this.#shelf.insert(message, 'active');
    this.#makeReady(message);
  }

  #makeReady(message: ShelvedMessage<C>): void {
    this.#shelf.makeReady(message);
    this.#around.onReady();
  }

  #lock(message: ShelvedMessage<C>, now: number): QueueMessage<C> {
    this.#shelf.lock(message, { token: this.#around.newLockToken(), until: now + this.rules.lockDurationMs });
    this.#around.report('deliveries');
    return message;
  }

  #take(message: ShelvedMessage<C>): QueueMessage<C> {
    this.#shelf.remove(message);
    this.#around.report('deliveries');
    return message;
  }

  #expireLock(message: ShelvedMessage<C>, at: number): void {
    this.#around.report('locksExpired');
    this.#giveBack(message, at);
  }

  #giveBack(message: ShelvedMessage<C>, at: number): void {
    const { deadLetterTo, maxDeliveryCount } = this.rules;
    this.#shelf.unlock(message);
    // Attempts are not counted in a dead-letter sub-queue: there is nowhere further to go.
    if (deadLetterTo !== undefined) message.deliveryCount += 1;
    if (deadLetterTo !== undefined && message.deliveryCount >= maxDeliveryCount) {
      this.#around.report('deliveryCountExceeded');
      const description = `Message could not be consumed after ${maxDeliveryCount} delivery attempts.`;
      this.#moveToDeadLetters(message, deadLetterChanges('MaxDeliveryCountExceeded', description));
    } else if (message.state === 'active') {
      if (message.expiresAt <= at) this.#expire(message);
      else this.#makeReady(message);
    }
  }

  #expire(message: ShelvedMessage<C>): void {
    this.#around.report('messagesExpired');
    if (this.rules.deadLetterExpired)
      this.#moveToDeadLetters(
        message,
        deadLetterChanges('TTLExpiredException', 'The message expired and was dead lettered.'),
      );
    else this.#shelf.remove(message);
  }

  #moveToDeadLetters(message: ShelvedMessage<C>, changes: PropertyChanges): void {
    const { deadLetterTo, name } = this.rules;
    this.#shelf.remove(message);
    change(message, changes);
    if (deadLetterTo !== undefined) deadLetterTo.#receiveMoved(message, name);
  }

  #receiveMoved(message: ShelvedMessage<C>, from: string): void {
    message.movedFrom = { queue: from, sequenceNumber: message.sequenceNumber };
    message.expiresAt = Infinity;
    this.#shelf.insert(message, 'active');
    this.#makeReady(message);
  }
}

function change<C>(message: ShelvedMessage<C>, changes: PropertyChanges): void {
  if (changes.size > 0) message.changes = new Map([...message.changes, ...changes]);
}
