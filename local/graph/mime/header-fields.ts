/** The header block of a mail or of a part: its fields in order, unfolded, as text. */
import { decodeUnlabelled } from './charset.ts';

export type HeaderField = { name: string; value: string };

export type HeaderBlock = {
  fields: HeaderField[];
  /** Offset of the first byte after the block. */
  bodyStart: number;
};

type Line = { start: number; end: number; next: number };

/** The line that starts at an offset; a CR before the LF is not part of it. */
export function lineAt(bytes: Buffer, start: number, end: number): Line {
  const feed = bytes.indexOf(0x0a, start);
  if (feed < 0 || feed >= end) return { start, end, next: end };
  return { start, end: feed > start && bytes[feed - 1] === 0x0d ? feed - 1 : feed, next: feed + 1 };
}

/** The line that mbox files put before a mail. */
const mboxStart = Buffer.from('From ');

const fieldStart = /^[\x21-\x39\x3b-\x7e][^:\r\n]*:/;
const certainField = /^[A-Za-z][A-Za-z0-9-]*:/;

/** Where the next line stands that is certainly a field, before the first empty line; -1 if there is none. */
function nextField(bytes: Buffer, from: number, end: number): number {
  for (let at = from; at < end; ) {
    const line = lineAt(bytes, at, end);
    if (line.start === line.end) return -1;
    if (certainField.test(bytes.toString('latin1', line.start, Math.min(line.end, line.start + 100)))) return at;
    at = line.next;
  }
  return -1;
}

/** Reads a header block. A line that is no field is skipped, or begins the body if no field follows it. */
export function readHeaderBlock(bytes: Buffer, start: number, end: number): HeaderBlock {
  const fields: HeaderField[] = [];
  let parts: Buffer[] = [];
  const flush = (): void => {
    if (parts.length > 0) addField(fields, Buffer.concat(parts));
    parts = [];
  };
  // Kept from line to line: looking ahead anew from each would take quadratic time on hostile mail.
  let nextAt = -1;
  let at = start;
  while (at < end) {
    const line = lineAt(bytes, at, end);
    if (line.start === line.end) {
      flush();
      return { fields, bodyStart: line.next };
    }
    const content = bytes.subarray(line.start, line.end);
    const folded = content[0] === 0x20 || content[0] === 0x09;
    const isField = fieldStart.test(content.toString('latin1', 0, Math.min(content.length, 200)));
    if (folded && content.toString('latin1').trim() === '' && parts.length === 0) {
      // A line of blanks where the empty line should be.
      return { fields, bodyStart: line.next };
    }
    if (folded && parts.length > 0) {
      parts.push(content);
    } else if (isField && !content.subarray(0, 5).equals(mboxStart)) {
      flush();
      parts.push(content);
    } else if (at !== start || !/^>?From /.test(content.toString('latin1', 0, 6))) {
      flush();
      if (nextAt < line.next) nextAt = nextField(bytes, line.next, end);
      if (nextAt < 0) return { fields, bodyStart: line.start };
    }
    at = line.next;
  }
  flush();
  return { fields, bodyStart: end };
}

function addField(fields: HeaderField[], raw: Buffer): void {
  const text = decodeUnlabelled(raw);
  const colon = text.indexOf(':');
  const value = text.slice(colon + 1).replace(/[\r\n\0]+/g, ' ');
  fields.push({ name: text.slice(0, colon).trim(), value: value.trim() });
}

/** The first field of a name, in any letter case. */
export function fieldOf(fields: readonly HeaderField[], name: string): string | undefined {
  const wanted = name.toLowerCase();
  return fields.find((field) => field.name.toLowerCase() === wanted)?.value;
}

/** All fields of a name. */
export function fieldsOf(fields: readonly HeaderField[], name: string): string[] {
  const wanted = name.toLowerCase();
  return fields.filter((field) => field.name.toLowerCase() === wanted).map((field) => field.value);
}
