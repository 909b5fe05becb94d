import type { QueueEvent } from './queue-message.ts';

/** One queue's figures. What the service bills as an operation is marked with ¤ and summed up in `operations`. */
export interface QueueCounters extends Record<QueueEvent, number> {
  /** Every transfer that was answered "accepted", whether it held one message or a batch. ¤ */
  sendOperations: number;
  /** Messages accepted, before duplicate detection. */
  messagesSent: number;
  duplicatesDropped: number;
  /** Transfers that were refused. */
  sendsRefused: number;
  /** Messages handed to receivers. ¤ */
  deliveries: number;
  /** ¤ */
  completes: number;
  /** ¤ */
  abandons: number;
  /** ¤ */
  defers: number;
  /** Messages that a receiver dead-lettered. ¤ */
  deadLetters: number;
  /** ¤ */
  renewals: number;
  /** Requests to peek, schedule or cancel, and those not supported. Others are counted under what they do. ¤ */
  managementOperations: number;
  /** Settlements and renewals that came too late. */
  locksLost: number;
  locksExpired: number;
  messagesExpired: number;
  /** Messages that the queue dead-lettered because they were given back too often. */
  deliveryCountExceeded: number;
  /** Deliveries, settlements and renewals: all that receivers cause. */
  receiveOperations: number;
  /** All that is billed. */
  operations: number;
}

/** Figures of the whole broker since its start or its last reset. */
export interface BrokerCounters {
  /** By queue name; dead-letter sub-queues appear as `<name>/$DeadLetterQueue`. */
  readonly queues: Readonly<Record<string, Readonly<QueueCounters>>>;
  readonly total: Readonly<QueueCounters>;
  readonly connections: number;
  readonly tokensAccepted: number;
  readonly tokensRefused: number;
}

/** What can be counted; the sums are worked out when they are asked for. */
export type CountedEvent = QueueEvent | 'sendOperations' | 'sendsRefused' | 'managementOperations';

/** Counts for all queues. */
export class Counters {
  readonly #queues = new Map<string, QueueCounters>();
  connections = 0;
  tokensAccepted = 0;
  tokensRefused = 0;

  constructor(names: readonly string[]) {
    for (const name of names) this.#queues.set(name, zero());
  }

  count(queue: string, event: CountedEvent): void {
    const counters = this.#queues.get(queue);
    if (counters !== undefined) counters[event] += 1;
  }

  /** A copy that does not change any more. */
  snapshot(): BrokerCounters {
    const total = zero();
    const queues: Record<string, QueueCounters> = {};
    for (const [name, counters] of this.#queues) {
      queues[name] = withSums(counters);
      for (const key of COUNTED) total[key] += counters[key];
    }
    const { connections, tokensAccepted, tokensRefused } = this;
    return { queues, total: withSums(total), connections, tokensAccepted, tokensRefused };
  }

  reset(): void {
    for (const name of this.#queues.keys()) this.#queues.set(name, zero());
    this.connections = 0;
    this.tokensAccepted = 0;
    this.tokensRefused = 0;
  }
}

const COUNTED: readonly CountedEvent[] = [
  'sendOperations',
  'messagesSent',
  'duplicatesDropped',
  'sendsRefused',
  'deliveries',
  'completes',
  'abandons',
  'defers',
  'deadLetters',
  'renewals',
  'managementOperations',
  'locksLost',
  'locksExpired',
  'messagesExpired',
  'deliveryCountExceeded',
];

function zero(): QueueCounters {
  return {
    sendOperations: 0,
    messagesSent: 0,
    duplicatesDropped: 0,
    sendsRefused: 0,
    deliveries: 0,
    completes: 0,
    abandons: 0,
    defers: 0,
    deadLetters: 0,
    renewals: 0,
    managementOperations: 0,
    locksLost: 0,
    locksExpired: 0,
    messagesExpired: 0,
    deliveryCountExceeded: 0,
    receiveOperations: 0,
    operations: 0,
  };
}

function withSums(counters: QueueCounters): QueueCounters {
  const { deliveries, completes, abandons, defers, deadLetters, renewals } = counters;
  const receiveOperations = deliveries + completes + abandons + defers + deadLetters + renewals;
  const operations = counters.sendOperations + receiveOperations + counters.managementOperations;
  return { ...counters, receiveOperations, operations };
}
