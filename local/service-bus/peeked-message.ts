import rhea from 'rhea';
import type { MessageContent } from './message-codec.ts';
import { writeMessage } from './message-codec.ts';
import type { MessageState, QueueMessage } from './queue-message.ts';

/** A message as a test or a console looks at it. */
export interface PeekedMessage {
  readonly messageId: string;
  readonly sequenceNumber: number;
  readonly state: MessageState;
  readonly locked: boolean;
  readonly deliveryCount: number;
  readonly enqueuedAt: Date;
  readonly expiresAt: Date | undefined;
  readonly size: number;
  readonly subject: string | undefined;
  readonly contentType: string | undefined;
  readonly correlationId: unknown;
  readonly applicationProperties: Readonly<Record<string, unknown>>;
  /** The bytes of a data section; another kind of body as JavaScript sees it. */
  readonly body: unknown;
}

/** A copy of a message, decoded. */
export function toPeekedMessage(message: QueueMessage<MessageContent>): PeekedMessage {
  const decoded = rhea.message.decode(writeMessage(message));
  const body: unknown = decoded['body'];
  const content: unknown = typeof body === 'object' && body !== null ? Reflect.get(body, 'content') : undefined;
  const properties: unknown = decoded['application_properties'];
  const subject: unknown = decoded['subject'];
  const contentType: unknown = decoded['content_type'];
  const correlationId: unknown = decoded['correlation_id'];
  return {
    messageId: message.messageId,
    sequenceNumber: message.sequenceNumber,
    state: message.state,
    locked: message.lock !== undefined,
    deliveryCount: message.deliveryCount,
    enqueuedAt: new Date(message.enqueuedAt),
    expiresAt: message.expiresAt === Infinity ? undefined : new Date(message.expiresAt),
    size: message.size,
    subject: typeof subject === 'string' ? subject : undefined,
    contentType: typeof contentType === 'string' ? contentType : undefined,
    correlationId,
    applicationProperties: typeof properties === 'object' && properties !== null ? { ...properties } : {},
    body: content ?? body,
  };
}
