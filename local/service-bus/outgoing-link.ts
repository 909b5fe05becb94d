import type { Delivery, EventContext, Sender } from 'rhea';
import type { Consumer } from './dispatcher.ts';
import { lockTokenToTag, tagToLockToken } from './lock-token.ts';
import type { MessageContent } from './message-codec.ts';
import { writeMessage } from './message-codec.ts';
import type { Entity, Namespace } from './namespace.ts';
import type { PropertyChanges, PropertyValue, QueueMessage } from './queue-message.ts';
import type { Settlement } from './queue-store.ts';
import {
  answerEveryDrain,
  confirmSettlement,
  forgetDelivery,
  SETTLE_MODE,
  sendableCount,
  wireField,
} from './rhea-access.ts';
import type { ServiceBusError } from './service-bus-error.ts';
import { lockLost, notAllowed } from './service-bus-error.ts';

const NO_TAG = Buffer.alloc(16);
/** AMQP's outcomes by what receivers call them; `modified` is also how a message is deferred. */
const SETTLEMENTS: Readonly<Record<string, string>> = {
  accepted: 'complete',
  rejected: 'dead-letter',
  modified: 'abandon',
  released: 'abandon',
};

/** Gives a client the messages of a queue or dead-letter sub-queue, and settles them as the client says. */
export class OutgoingLink implements Consumer {
  readonly mode: 'lock' | 'take';
  readonly #sender: Sender;
  readonly #namespace: Namespace;
  readonly #entity: Entity;

  constructor(sender: Sender, namespace: Namespace, entity: Entity) {
    this.mode = sender.snd_settle_mode === SETTLE_MODE.sender.settled ? 'take' : 'lock';
    this.#sender = sender;
    this.#namespace = namespace;
    this.#entity = entity;
    answerEveryDrain(sender);
    entity.dispatcher.add(this);
    const wake = (): void => {
      entity.dispatcher.wake();
    };
    sender.on('sender_flow', wake);
    sender.on('sendable', wake);
    sender.on('sender_draining', () => {
      entity.dispatcher.fill(this);
      sender.set_drained(true);
    });
    for (const outcome of ['accepted', 'rejected', 'modified', 'released'])
      sender.on(outcome, ({ delivery }: EventContext) => {
        if (delivery !== undefined) this.#onOutcome(delivery, outcome);
      });
  }

  capacity(): number {
    return this.#sender.is_open() ? sendableCount(this.#sender) : 0;
  }

  deliver(message: QueueMessage<MessageContent>): void {
    this.#namespace.watch(this.#entity.queue);
    if (this.#isDropped('deliver', 'before')) return;
    const tag = message.lock === undefined ? NO_TAG : lockTokenToTag(message.lock.token);
    this.#sender.send(writeMessage(message), tag, 0);
    // rhea writes in the next tick, the server's corked socket at the end of the turn.
    if (this.#namespace.onStep !== undefined)
      setImmediate(() => setImmediate(() => this.#isDropped('deliver', 'after')));
  }

  /** No more messages for this link. What it has locked stays locked until the locks end. */
  close(error?: ServiceBusError): void {
    this.#entity.dispatcher.remove(this);
    if (error !== undefined) this.#sender.close(error);
  }

  #onOutcome(delivery: Delivery, outcome: string): void {
    const operation = SETTLEMENTS[outcome] ?? outcome;
    if (this.#isDropped(operation, 'before')) {
      forgetDelivery(delivery);
      return;
    }
    const token = tagToLockToken(delivery.tag);
    const state: unknown = delivery.remote_state;
    const settlement = token === undefined ? 'lock-lost' : this.#settle(token, outcome, state);
    const refusal = settlementRefusal(settlement);
    this.#namespace.watch(this.#entity.queue);
    const { name } = this.#entity.queue.definition;
    if (this.#isDropped(operation, 'after')) forgetDelivery(delivery);
    else if (this.#namespace.faults.strike('lose-outcomes', name, 'settle') !== undefined) forgetDelivery(delivery);
    else {
      const delay = this.#namespace.faults.strike('delay-outcomes', name, 'settle');
      if (delay === undefined) confirmSettlement(delivery, refusal);
      else
        this.#namespace.later(delay.delayMs, () => {
          confirmSettlement(delivery, refusal);
        });
    }
    // The message's place in the link is free again, which may be what others wait for.
    this.#entity.dispatcher.wake();
  }

  #isDropped(operation: string, side: 'before' | 'after'): boolean {
    const target = this.#entity.store.rules.name;
    return this.#namespace.onStep?.({ service: 'bus', operation, target, content: '', side }) === 'drop';
  }

  #settle(token: string, outcome: string, state: unknown): Settlement {
    const { store } = this.#entity;
    if (outcome === 'accepted') return store.complete(token);
    if (outcome === 'rejected') return store.deadLetter(token, toChanges(wireField(wireField(state, 'error'), 'info')));
    const changes = toChanges(wireField(state, 'message_annotations'));
    return wireField(state, 'undeliverable_here') === true
      ? store.defer(token, changes)
      : store.abandon(token, changes);
  }
}

/** What to tell a client whose settlement did not happen. */
export function settlementRefusal(settlement: Settlement): ServiceBusError | undefined {
  if (settlement === 'done') return undefined;
  return settlement === 'lock-lost' ? lockLost : notAllowed('A message in a dead-letter sub-queue is a dead letter.');
}

/** The properties a client adds to a message when it settles it; absent ones arrive as null. */
export function toChanges(wireMap: unknown): PropertyChanges {
  const changes = new Map<string, PropertyValue>();
  if (typeof wireMap !== 'object' || wireMap === null) return changes;
  for (const [key, value] of Object.entries<unknown>({ ...wireMap }))
    if (isPropertyValue(value) && value !== null) changes.set(key, value);
  return changes;
}

function isPropertyValue(value: unknown): value is PropertyValue {
  if (value === null || Buffer.isBuffer(value) || value instanceof Date) return true;
  return ['string', 'number', 'boolean'].includes(typeof value);
}
