// A received message in the form in which the real host hands it to the library.
import type { ServiceBusReceivedMessage } from '@azure/service-bus';
import * as z from 'zod';
import type { TypedData } from './core-types.ts';

/** The body, as text: the library then parses it as JSON if it can, whatever the content type says. */
export function messageData(body: unknown): TypedData {
  return { string: bodyText(body) };
}

function bodyText(body: unknown): string {
  if (typeof body === 'string') return body;
  if (body === undefined || body === null) return '';
  if (body instanceof Uint8Array) return new TextDecoder().decode(body);
  return JSON.stringify(body);
}

/**
 * The trigger metadata under its .NET names; the library lowers the first letters. Fields of a JSON body come on top
 * and replace the broker's of the same name: that is the real host, and the reason not to trust metadata.
 */
export function messageMetadata(message: ServiceBusReceivedMessage): Record<string, TypedData> {
  const applicationProperties = json(message.applicationProperties ?? {});
  const metadata: Record<string, TypedData> = {
    MessageId: text(message.messageId),
    SequenceNumber: { json: message.sequenceNumber?.toString() ?? '0' },
    // .NET counts this attempt as well; AMQP counts only those that failed.
    DeliveryCount: { json: String((message.deliveryCount ?? 0) + 1) },
    LockToken: text(message.lockToken),
    EnqueuedTimeUtc: json(message.enqueuedTimeUtc),
    EnqueuedTime: json(message.enqueuedTimeUtc),
    ExpiresAtUtc: json(message.expiresAtUtc),
    ExpiresAt: json(message.expiresAtUtc),
    ContentType: text(message.contentType),
    CorrelationId: text(message.correlationId),
    Subject: text(message.subject),
    Label: text(message.subject),
    To: text(message.to),
    ReplyTo: text(message.replyTo),
    SessionId: text(message.sessionId),
    ReplyToSessionId: text(message.replyToSessionId),
    PartitionKey: text(message.partitionKey),
    DeadLetterSource: text(message.deadLetterSource),
    ApplicationProperties: applicationProperties,
    UserProperties: applicationProperties,
  };
  return withBodyFields(metadata, bodyText(message.body));
}

/** The metadata of a run by hand: only the body's fields. */
export function bodyMetadata(body: string): Record<string, TypedData> {
  return withBodyFields({}, body);
}

function withBodyFields(metadata: Record<string, TypedData>, body: string): Record<string, TypedData> {
  const fields = jsonObject(body);
  for (const [name, value] of Object.entries(fields ?? {})) {
    if (Array.isArray(value)) continue;
    const known = Object.keys(metadata).find((key) => key.toLowerCase() === name.toLowerCase()) ?? name;
    metadata[known] = bodyField(value);
  }
  return metadata;
}

function bodyField(value: unknown): TypedData {
  if (value === null) return {};
  if (typeof value === 'object') return { json: JSON.stringify(value) };
  // .NET's text of a boolean.
  if (typeof value === 'boolean') return { string: value ? 'True' : 'False' };
  return { string: typeof value === 'string' ? value : JSON.stringify(value) };
}

function jsonObject(body: string): Record<string, unknown> | undefined {
  if (!body.trimStart().startsWith('{')) return undefined;
  try {
    const parsed = z.record(z.string(), z.unknown()).safeParse(JSON.parse(body));
    return parsed.success ? parsed.data : undefined;
  } catch {
    return undefined;
  }
}

function text(value: string | number | Buffer | undefined): TypedData {
  return value === undefined ? {} : { string: value.toString() };
}

function json(value: unknown): TypedData {
  return value === undefined || value === null ? {} : { json: JSON.stringify(value) };
}
