/**
 * Reading and writing of single AMQP 1.0 values as bytes (OASIS AMQP 1.0, part 1 §1.6).
 * Values that need no change are passed on as the bytes that came: turning them into JavaScript values and
 * back would change their number types.
 */

/** The bytes do not form AMQP. */
export class AmqpDecodeError extends Error {}

/** The section codes of a message (part 3 §3.2). */
export const SECTION = {
  header: 0x70,
  deliveryAnnotations: 0x71,
  annotations: 0x72,
  properties: 0x73,
  applicationProperties: 0x74,
  data: 0x75,
  sequence: 0x76,
  value: 0x77,
  footer: 0x78,
} as const;

const SECTION_NAMES = new Map<string, number>([
  ['amqp:header:list', SECTION.header],
  ['amqp:delivery-annotations:map', SECTION.deliveryAnnotations],
  ['amqp:message-annotations:map', SECTION.annotations],
  ['amqp:properties:list', SECTION.properties],
  ['amqp:application-properties:map', SECTION.applicationProperties],
  ['amqp:data:binary', SECTION.data],
  ['amqp:amqp-sequence:list', SECTION.sequence],
  ['amqp:amqp-value:*', SECTION.value],
  ['amqp:footer:map', SECTION.footer],
]);

/** A section of a message: `raw` is all of it, `value` the bytes after its descriptor. */
export interface Section {
  readonly code: number;
  readonly raw: Buffer;
  readonly value: Buffer;
}

/** Cuts a message into its sections without copying. */
export function readSections(message: Buffer): Section[] {
  const sections: Section[] = [];
  for (let at = 0; at < message.length; ) {
    if (message[at] !== 0x00) throw new AmqpDecodeError('A message section has no descriptor.');
    const valueAt = valueEnd(message, at + 1);
    const end = valueEnd(message, valueAt);
    const descriptor = readScalar(message.subarray(at + 1, valueAt));
    const code = typeof descriptor === 'string' ? SECTION_NAMES.get(descriptor) : descriptor;
    if (typeof code !== 'number') throw new AmqpDecodeError('A message section has an unknown descriptor.');
    sections.push({ code, raw: message.subarray(at, end), value: message.subarray(valueAt, end) });
    at = end;
  }
  return sections;
}

/** The elements of a list, or keys and values of a map in turn, each as its own bytes. */
export function readElements(bytes: Buffer): Buffer[] {
  const code = bytes[0];
  if (code === 0x45) return [];
  const wide = code === 0xd0 || code === 0xd1;
  if (!wide && code !== 0xc0 && code !== 0xc1) throw new AmqpDecodeError('A list or a map was expected.');
  const elements: Buffer[] = [];
  const count = wide ? bytes.readUInt32BE(5) : bytes.readUInt8(2);
  for (let at = wide ? 9 : 3; elements.length < count; ) {
    const end = valueEnd(bytes, at);
    elements.push(bytes.subarray(at, end));
    at = end;
  }
  return elements;
}

/** A simple value; undefined for the kinds this broker never looks into. */
export function readScalar(value: Buffer): string | number | boolean | Buffer | null | undefined {
  switch (value.readUInt8(0)) {
    case 0x40:
      return null;
    case 0x41:
      return true;
    case 0x42:
      return false;
    case 0x43:
    case 0x44:
      return 0;
    case 0x50:
    case 0x52:
    case 0x53:
      return value.readUInt8(1);
    case 0x54:
    case 0x55:
      return value.readInt8(1);
    case 0x56:
      return value.readUInt8(1) !== 0;
    case 0x60:
      return value.readUInt16BE(1);
    case 0x70:
      return value.readUInt32BE(1);
    case 0x71:
      return value.readInt32BE(1);
    case 0x80:
      return Number(value.readBigUInt64BE(1));
    case 0x81:
    case 0x83:
      return Number(value.readBigInt64BE(1));
    case 0x98:
      return value.subarray(1);
    case 0xa0:
      return value.subarray(2);
    case 0xb0:
      return value.subarray(5);
    case 0xa1:
    case 0xa3:
      return value.toString('utf8', 2);
    case 0xb1:
    case 0xb3:
      return value.toString('utf8', 5);
    default:
      return undefined;
  }
}

/** Where the value that starts at `at` ends. */
function valueEnd(bytes: Buffer, at: number): number {
  const code = bytes[at];
  if (code === undefined) throw new AmqpDecodeError('The message ends in the middle of a value.');
  if (code === 0x00) return valueEnd(bytes, valueEnd(bytes, at + 1));
  const end = at + 1 + payloadLength(bytes, code, at + 1);
  if (end > bytes.length) throw new AmqpDecodeError('The message ends in the middle of a value.');
  return end;
}

// The upper half of a type code says how wide a value is (part 1 §1.2).
function payloadLength(bytes: Buffer, code: number, at: number): number {
  const kind = code >> 4;
  if (kind === 0x4) return 0;
  if (kind >= 0x5 && kind <= 0x9) return 1 << (kind - 0x5);
  if (kind >= 0xa && kind % 2 === 0 && at < bytes.length) return 1 + bytes.readUInt8(at);
  if (kind >= 0xa && kind % 2 === 1 && at + 4 <= bytes.length) return 4 + bytes.readUInt32BE(at);
  throw new AmqpDecodeError(`Type code 0x${code.toString(16)} is not AMQP, or the message is cut off.`);
}

export const encodedNull: Buffer = Buffer.from([0x40]);

export function encodeString(text: string): Buffer {
  return variable(0xa1, Buffer.from(text));
}

export function encodeSymbol(text: string): Buffer {
  return variable(0xa3, Buffer.from(text));
}

export function encodeUint(value: number): Buffer {
  const bytes = Buffer.alloc(5, 0x70);
  bytes.writeUInt32BE(value, 1);
  return bytes;
}

export function encodeInt(value: number): Buffer {
  const bytes = Buffer.alloc(5, 0x71);
  bytes.writeInt32BE(value, 1);
  return bytes;
}

export function encodeLong(value: number): Buffer {
  return wideInteger(0x81, value);
}

/** A moment in milliseconds since 1970. */
export function encodeTimestamp(value: number): Buffer {
  return wideInteger(0x83, Math.round(value));
}

/** A JavaScript value with the type the official clients give it. */
export function encodeScalar(value: string | number | boolean | Date | Buffer | null): Buffer {
  if (value === null) return encodedNull;
  if (typeof value === 'string') return encodeString(value);
  if (typeof value === 'boolean') return Buffer.from([value ? 0x41 : 0x42]);
  if (value instanceof Date) return encodeTimestamp(value.getTime());
  if (typeof value !== 'number') return variable(0xa0, value);
  if (Number.isSafeInteger(value)) return Math.abs(value) < 2 ** 31 ? encodeInt(value) : encodeLong(value);
  const bytes = Buffer.alloc(9, 0x82);
  bytes.writeDoubleBE(value, 1);
  return bytes;
}

export function encodeList(elements: readonly Buffer[]): Buffer {
  return compound(0xc0, elements);
}

export function encodeMap(keysAndValues: readonly Buffer[]): Buffer {
  return compound(0xc1, keysAndValues);
}

export function encodeSection(code: number, value: Buffer): Buffer {
  return Buffer.concat([Buffer.from([0x00, 0x53, code]), value]);
}

function variable(shortCode: number, payload: Buffer): Buffer {
  if (payload.length < 256) return Buffer.concat([Buffer.from([shortCode, payload.length]), payload]);
  const head = Buffer.alloc(5, shortCode + 0x10);
  head.writeUInt32BE(payload.length, 1);
  return Buffer.concat([head, payload]);
}

function compound(shortCode: number, elements: readonly Buffer[]): Buffer {
  const length = elements.reduce((sum, element) => sum + element.length, 0);
  if (length < 255 && elements.length < 256)
    return Buffer.concat([Buffer.from([shortCode, length + 1, elements.length]), ...elements]);
  const head = Buffer.alloc(9, shortCode + 0x10);
  head.writeUInt32BE(length + 4, 1);
  head.writeUInt32BE(elements.length, 5);
  return Buffer.concat([head, ...elements]);
}

function wideInteger(code: number, value: number): Buffer {
  const bytes = Buffer.alloc(9, code);
  bytes.writeBigInt64BE(BigInt(value), 1);
  return bytes;
}
