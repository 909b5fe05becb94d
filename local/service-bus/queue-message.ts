/** A value that can be added to a message's application properties. */
export type PropertyValue = string | number | boolean | Date | Buffer | null;

/** Application properties that were added to a message after it was sent. */
export type PropertyChanges = ReadonlyMap<string, PropertyValue>;

/** No property was added. */
export const NO_CHANGES: PropertyChanges = new Map<string, PropertyValue>();

/** The application properties by which a dead letter says why it is one. */
export function deadLetterChanges(reason: string | undefined, description: string | undefined): PropertyChanges {
  const changes = new Map<string, PropertyValue>();
  if (reason !== undefined) changes.set('DeadLetterReason', reason);
  if (description !== undefined) changes.set('DeadLetterErrorDescription', description);
  return changes;
}

/** A message as its sender hands it over. `content` is opaque to the queue. */
export interface Draft<C> {
  readonly messageId: string;
  readonly size: number;
  readonly content: C;
  /** The sender's own time-to-live, if it set one. */
  readonly timeToLiveMs?: number | undefined;
  /** When the message is to appear; in the past means at once. */
  readonly scheduledAt?: number | undefined;
}

export type MessageState = 'active' | 'deferred' | 'scheduled';

/** A message as the queue shows it. All moments are milliseconds of the queue's clock. */
export interface QueueMessage<C> {
  readonly messageId: string;
  readonly size: number;
  readonly content: C;
  readonly sequenceNumber: number;
  readonly enqueuedAt: number;
  /** Infinity: never. */
  readonly expiresAt: number;
  /** How often the message was given back before. */
  readonly deliveryCount: number;
  readonly state: MessageState;
  readonly lock: MessageLock | undefined;
  readonly changes: PropertyChanges;
  /** Set on a message that was moved here from another queue. */
  readonly movedFrom: { readonly queue: string; readonly sequenceNumber: number } | undefined;
}

export interface MessageLock {
  readonly token: string;
  readonly until: number;
}

/** What happens in a queue, for whoever counts. */
export type QueueEvent =
  | 'messagesSent'
  | 'duplicatesDropped'
  | 'deliveries'
  | 'completes'
  | 'abandons'
  | 'defers'
  | 'deadLetters'
  | 'renewals'
  | 'locksExpired'
  | 'locksLost'
  | 'messagesExpired'
  | 'deliveryCountExceeded';
