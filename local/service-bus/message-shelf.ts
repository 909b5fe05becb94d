import { MessageLog } from './message-log.ts';
import type { Ticket } from './priority-queue.ts';
import { PriorityQueue } from './priority-queue.ts';
import type { Draft, MessageLock, MessageState, PropertyChanges, QueueMessage } from './queue-message.ts';
import { NO_CHANGES } from './queue-message.ts';

/** A message in a store, with its places in the store's orders. */
export interface ShelvedMessage<C> {
  readonly messageId: string;
  readonly size: number;
  readonly content: C;
  readonly timeToLiveMs: number;
  sequenceNumber: number;
  enqueuedAt: number;
  expiresAt: number;
  deliveryCount: number;
  state: MessageState;
  lock: MessageLock | undefined;
  changes: PropertyChanges;
  movedFrom: QueueMessage<C>['movedFrom'];
  ready: Ticket<ShelvedMessage<C>> | undefined;
  due: Ticket<ShelvedMessage<C>> | undefined;
}

/** A message that has just been sent, before it has a place. */
export function toShelved<C>(draft: Draft<C>, defaultTimeToLiveMs: number): ShelvedMessage<C> {
  return {
    messageId: draft.messageId,
    size: draft.size,
    content: draft.content,
    timeToLiveMs: Math.min(draft.timeToLiveMs ?? Infinity, defaultTimeToLiveMs),
    sequenceNumber: 0,
    enqueuedAt: 0,
    expiresAt: Infinity,
    deliveryCount: 0,
    state: 'active',
    lock: undefined,
    changes: NO_CHANGES,
    movedFrom: undefined,
    ready: undefined,
    due: undefined,
  };
}

/**
 * Where the messages of one store stand: by sequence number, by turn, by lock and by the next moment that
 * concerns them. It keeps these orders consistent and decides nothing. No operation looks at every message.
 */
export class MessageShelf<C> {
  readonly #log = new MessageLog<ShelvedMessage<C>>();
  readonly #ready = new PriorityQueue<ShelvedMessage<C>>();
  // One order for all: a message waits for at most one moment (activation, end of lock or end of life).
  readonly #due = new PriorityQueue<ShelvedMessage<C>>();
  readonly #locked = new Map<string, ShelvedMessage<C>>();
  #lastSequenceNumber = 0;
  #scheduled = 0;
  #bytes = 0;

  get counts(): { ready: number; scheduled: number; locked: number; total: number; bytes: number } {
    return {
      ready: this.#ready.size,
      scheduled: this.#scheduled,
      locked: this.#locked.size,
      total: this.#log.size,
      bytes: this.#bytes,
    };
  }

  nextSequenceNumber(): number {
    this.#lastSequenceNumber += 1;
    return this.#lastSequenceNumber;
  }

  get(sequenceNumber: number): ShelvedMessage<C> | undefined {
    return this.#log.get(sequenceNumber);
  }

  from(sequenceNumber: number): Iterable<ShelvedMessage<C>> {
    return this.#log.from(sequenceNumber);
  }

  locked(token: string): ShelvedMessage<C> | undefined {
    return this.#locked.get(token);
  }

  allLocked(): Iterable<ShelvedMessage<C>> {
    return this.#locked.values();
  }

  firstReady(): ShelvedMessage<C> | undefined {
    return this.#ready.first()?.item;
  }

  nextDue(): { readonly at: number; readonly message: ShelvedMessage<C> } | undefined {
    const ticket = this.#due.first();
    return ticket && { at: ticket.rank, message: ticket.item };
  }

  nextDueAt(): number | undefined {
    return this.#due.first()?.rank;
  }

  /** Gives a message the next sequence number and puts it in, for now neither ready nor waiting. */
  insert(message: ShelvedMessage<C>, state: MessageState): void {
    message.sequenceNumber = this.nextSequenceNumber();
    message.state = state;
    this.#log.add(message.sequenceNumber, message);
    this.#bytes += message.size;
    if (state === 'scheduled') this.#scheduled += 1;
  }

  remove(message: ShelvedMessage<C>): void {
    this.unlock(message);
    this.#takeFromReady(message);
    if (message.state === 'scheduled') this.#scheduled -= 1;
    this.#log.delete(message.sequenceNumber);
    this.#bytes -= message.size;
  }

  /** Puts a message in line, at the place its sequence number gives it. */
  makeReady(message: ShelvedMessage<C>): void {
    message.ready = this.#ready.add(message, message.sequenceNumber, 0);
    this.wait(message, message.expiresAt);
  }

  lock(message: ShelvedMessage<C>, lock: MessageLock): void {
    this.#takeFromReady(message);
    message.lock = lock;
    this.#locked.set(lock.token, message);
    this.wait(message, lock.until);
  }

  unlock(message: ShelvedMessage<C>): void {
    if (message.lock !== undefined) this.#locked.delete(message.lock.token);
    message.lock = undefined;
    this.wait(message, Infinity);
  }

  /** Sets the next moment that concerns a message; Infinity: none. */
  wait(message: ShelvedMessage<C>, until: number): void {
    if (message.due !== undefined) this.#due.remove(message.due);
    message.due = until === Infinity ? undefined : this.#due.add(message, until, message.sequenceNumber);
  }

  clear(): void {
    this.#log.clear();
    this.#ready.clear();
    this.#due.clear();
    this.#locked.clear();
    this.#lastSequenceNumber = 0;
    this.#scheduled = 0;
    this.#bytes = 0;
  }

  #takeFromReady(message: ShelvedMessage<C>): void {
    if (message.ready !== undefined) this.#ready.remove(message.ready);
    message.ready = undefined;
  }
}
