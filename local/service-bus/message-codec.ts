import {
  AmqpDecodeError,
  encodeInt,
  encodeList,
  encodeLong,
  encodeMap,
  encodeScalar,
  encodeSection,
  encodeString,
  encodeSymbol,
  encodeTimestamp,
  encodeUint,
  encodedNull,
  readElements,
  readScalar,
  readSections,
  SECTION,
} from './amqp-value.ts';
import type { Draft, PropertyChanges, QueueMessage } from './queue-message.ts';

/** The message format of a transfer that carries several messages, each as one data section. */
export const BATCH_FORMAT = 0x80013700;

/** A message taken apart only as far as the broker has to change it. */
export interface MessageContent {
  readonly header: readonly Buffer[];
  /** Keys and values in turn. */
  readonly annotations: readonly Buffer[];
  readonly properties: Buffer;
  readonly applicationProperties: Buffer | undefined;
  /** Body and footer as they came. */
  readonly rest: Buffer;
}

const SCHEDULED_ENQUEUE_TIME = 'x-opt-scheduled-enqueue-time';

// What the broker says about a message; a sender's own values under these names would contradict it.
const BROKER_ANNOTATIONS = new Set([
  'x-opt-sequence-number',
  'x-opt-enqueued-time',
  'x-opt-locked-until',
  'x-opt-deadletter-source',
  'x-opt-message-state',
  'x-opt-enqueue-sequence-number',
]);

const MESSAGE_STATE = { active: 0, deferred: 1, scheduled: 2 } as const;

/** The messages of one transfer. `newMessageId` serves those whose sender gave none. */
export function readTransfer(payload: Buffer, format: number, newMessageId: () => string): Draft<MessageContent>[] {
  if (format !== BATCH_FORMAT) return [readMessage(payload, newMessageId)];
  const drafts: Draft<MessageContent>[] = [];
  for (const { code, value } of readSections(payload)) {
    if (code !== SECTION.data) continue;
    const message = readScalar(value);
    if (!Buffer.isBuffer(message)) throw new AmqpDecodeError('A batch holds something that is not a message.');
    drafts.push(readMessage(message, newMessageId));
  }
  return drafts;
}

/** One message, copied out of the transfer it came in, so that it does not keep the whole transfer in memory. */
export function readMessage(transferred: Buffer, newMessageId: () => string): Draft<MessageContent> {
  const bytes = Buffer.from(transferred);
  let header: Buffer[] = [];
  let properties: Buffer[] = [];
  let rawProperties: Buffer | undefined;
  let applicationProperties: Buffer | undefined;
  let annotations: Buffer[] = [];
  const rest: Buffer[] = [];
  for (const { code, raw, value } of readSections(bytes)) {
    if (code === SECTION.header) header = readElements(value);
    else if (code === SECTION.annotations) annotations = readElements(value);
    else if (code === SECTION.properties) {
      properties = readElements(value);
      rawProperties = raw;
    } else if (code === SECTION.applicationProperties) applicationProperties = raw;
    else if (code !== SECTION.deliveryAnnotations) rest.push(raw);
  }
  const ownId = messageIdText(properties[0]);
  const messageId = ownId ?? newMessageId();
  if (ownId === undefined || rawProperties === undefined) {
    const completed = encodeList([encodeString(messageId), ...properties.slice(1)]);
    rawProperties = encodeSection(SECTION.properties, completed);
  }
  const timeToLiveMs = header[2] && readScalar(header[2]);
  const scheduledAt = annotation(annotations, SCHEDULED_ENQUEUE_TIME);
  return {
    messageId,
    size: bytes.length,
    timeToLiveMs: typeof timeToLiveMs === 'number' ? timeToLiveMs : undefined,
    scheduledAt: typeof scheduledAt === 'number' ? scheduledAt : undefined,
    content: {
      header,
      annotations: withoutBrokerAnnotations(annotations),
      properties: rawProperties,
      applicationProperties,
      rest: rest.length === 1 && rest[0] !== undefined ? rest[0] : Buffer.concat(rest),
    },
  };
}

/** The message as a receiver gets it. */
export function writeMessage(message: QueueMessage<MessageContent>): Buffer {
  const { content } = message;
  return Buffer.concat([
    encodeSection(SECTION.header, encodeHeader(content.header, message.deliveryCount)),
    encodeSection(SECTION.annotations, encodeMap([...content.annotations, ...brokerAnnotations(message)])),
    content.properties,
    applicationPropertiesSection(content.applicationProperties, message.changes),
    content.rest,
  ]);
}

function encodeHeader(sent: readonly Buffer[], deliveryCount: number): Buffer {
  const [durable, priority, timeToLive, firstAcquirer] = sent;
  return encodeList([
    durable ?? encodedNull,
    priority ?? encodedNull,
    timeToLive ?? encodedNull,
    firstAcquirer ?? encodedNull,
    encodeUint(deliveryCount),
  ]);
}

function brokerAnnotations(message: QueueMessage<MessageContent>): Buffer[] {
  const entries = [
    encodeSymbol('x-opt-sequence-number'),
    encodeLong(message.sequenceNumber),
    encodeSymbol('x-opt-enqueued-time'),
    encodeTimestamp(message.enqueuedAt),
    encodeSymbol('x-opt-message-state'),
    encodeInt(MESSAGE_STATE[message.state]),
  ];
  if (message.lock !== undefined) entries.push(encodeSymbol('x-opt-locked-until'), encodeTimestamp(message.lock.until));
  if (message.movedFrom !== undefined) {
    entries.push(encodeSymbol('x-opt-deadletter-source'), encodeString(message.movedFrom.queue));
    entries.push(encodeSymbol('x-opt-enqueue-sequence-number'), encodeLong(message.movedFrom.sequenceNumber));
  }
  return entries;
}

function applicationPropertiesSection(sent: Buffer | undefined, changes: PropertyChanges): Buffer {
  if (changes.size === 0) return sent ?? Buffer.alloc(0);
  const entries: Buffer[] = [];
  const sections = sent === undefined ? [] : readSections(sent);
  for (const { value } of sections) {
    for (const [key, rawKey, rawValue] of pairs(readElements(value)))
      if (!changes.has(key)) entries.push(rawKey, rawValue);
  }
  for (const [key, value] of changes) entries.push(encodeString(key), encodeScalar(value));
  return encodeSection(SECTION.applicationProperties, encodeMap(entries));
}

function withoutBrokerAnnotations(annotations: readonly Buffer[]): Buffer[] {
  return pairs(annotations).flatMap(([key, rawKey, rawValue]) =>
    BROKER_ANNOTATIONS.has(key) ? [] : [rawKey, rawValue],
  );
}

function annotation(annotations: readonly Buffer[], wanted: string): ReturnType<typeof readScalar> {
  const pair = pairs(annotations).find(([key]) => key === wanted);
  return pair && readScalar(pair[2]);
}

function pairs(elements: readonly Buffer[]): [key: string, rawKey: Buffer, rawValue: Buffer][] {
  const found: [string, Buffer, Buffer][] = [];
  for (let at = 0; at + 1 < elements.length; at += 2) {
    const rawKey = elements[at];
    const rawValue = elements[at + 1];
    if (rawKey !== undefined && rawValue !== undefined) found.push([String(readScalar(rawKey)), rawKey, rawValue]);
  }
  return found;
}

/** The id as duplicate detection compares it; ids of different AMQP types never equal each other. */
function messageIdText(raw: Buffer | undefined): string | undefined {
  const id = raw && readScalar(raw);
  if (typeof id === 'string') return id === '' ? undefined : id;
  if (typeof id === 'number') return `number:${id}`;
  return Buffer.isBuffer(id) ? `bytes:${id.toString('hex')}` : undefined;
}
