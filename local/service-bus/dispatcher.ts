import type { MessageContent } from './message-codec.ts';
import type { QueueMessage } from './queue-message.ts';
import type { QueueStore } from './queue-store.ts';

/** A link that wants messages. */
export interface Consumer {
  readonly mode: 'lock' | 'take';
  /** How many messages it can be given now. */
  capacity(): number;
  deliver(message: QueueMessage<MessageContent>): void;
}

/** Hands the messages of one store to the links that wait for them, in turn. */
export class Dispatcher {
  readonly #store: QueueStore<MessageContent>;
  readonly #isFrozen: () => boolean;
  #consumers: Consumer[] = [];
  #next = 0;
  #pending = false;

  constructor(store: QueueStore<MessageContent>, isFrozen: () => boolean) {
    this.#store = store;
    this.#isFrozen = isFrozen;
  }

  add(consumer: Consumer): void {
    this.#consumers.push(consumer);
  }

  remove(consumer: Consumer): void {
    this.#consumers = this.#consumers.filter((other) => other !== consumer);
  }

  /** Hands messages out soon: several reasons in one turn cost one round. */
  wake(): void {
    if (this.#pending || this.#consumers.length === 0) return;
    this.#pending = true;
    process.nextTick(() => {
      this.#pending = false;
      this.#handOut();
    });
  }

  /** Gives one link all it can take, at once. */
  fill(consumer: Consumer): void {
    while (!this.#isFrozen() && consumer.capacity() > 0 && this.#give(consumer));
  }

  #handOut(): void {
    let unable = 0;
    while (!this.#isFrozen() && unable < this.#consumers.length) {
      this.#next %= this.#consumers.length;
      const consumer = this.#consumers[this.#next];
      if (consumer === undefined) return;
      this.#next += 1;
      if (consumer.capacity() <= 0) unable += 1;
      else if (this.#give(consumer)) unable = 0;
      else return;
    }
  }

  #give(consumer: Consumer): boolean {
    const message = consumer.mode === 'lock' ? this.#store.lockNext() : this.#store.takeNext();
    if (message === undefined) return false;
    consumer.deliver(message);
    return true;
  }
}
