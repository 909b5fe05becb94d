/** The tree of a mail's parts, each with the exact bytes that belong to it. */
import { fieldOf, type HeaderField, lineAt, readHeaderBlock } from './header-fields.ts';
import { type ParameterHeader, readParameterHeader } from './parameter-header.ts';
import { decodeTransfer } from './transfer-decoding.ts';

export type MimePart = {
  fields: HeaderField[];
  type: string;
  typeParams: ReadonlyMap<string, string>;
  /** `attachment`, `inline`, another word, or nothing. */
  disposition: string | null;
  filename: string | null;
  /** Whether the file name came with the disposition, not as the `name` of the type. */
  isNamedByDisposition: boolean;
  contentId: string | null;
  contentLocation: string | null;
  /** Encoded bytes of a leaf. */
  raw: Buffer;
  /** Parts of a multipart. */
  children: MimePart[];
};

/** Deeper nesting than any mail has: what lies below is kept as one opaque part. */
const deepest = 60;
const mostParts = 5_000;

type Range = { start: number; end: number };

/** Reads a whole mail. */
export function readMime(bytes: Buffer): MimePart {
  const lines = bytes.includes(0x0a) ? bytes : Buffer.from(bytes.toString('latin1').replaceAll('\r', '\n'), 'latin1');
  return readPart(lines, { start: 0, end: lines.length }, 'text/plain', 0);
}

/** The bytes of a leaf without their transfer encoding. */
export function contentOf(part: MimePart): Buffer {
  return decodeTransfer(part.raw, fieldOf(part.fields, 'content-transfer-encoding'));
}

function readPart(bytes: Buffer, range: Range, defaultType: string, depth: number): MimePart {
  const { fields, bodyStart } = readHeaderBlock(bytes, range.start, range.end);
  const typeHeader = readParameterHeader(fieldOf(fields, 'content-type'));
  const dispositionHeader = readParameterHeader(fieldOf(fields, 'content-disposition'));
  const named = nonEmpty(dispositionHeader.params.get('filename'));
  const part: MimePart = {
    fields,
    type: typeOf(typeHeader, defaultType),
    typeParams: typeHeader.params,
    disposition: nonEmpty(/^[^\s/]+/.exec(dispositionHeader.value)?.[0]),
    filename: named ?? nonEmpty(typeHeader.params.get('name')),
    isNamedByDisposition: named !== null,
    contentId: contentIdOf(fields),
    contentLocation: nonEmpty(fieldOf(fields, 'content-location')),
    raw: bytes.subarray(bodyStart, range.end),
    children: [],
  };
  if (!part.type.startsWith('multipart/') || depth >= deepest) return part;
  const inner = part.type === 'multipart/digest' ? 'message/rfc822' : 'text/plain';
  const body = { start: bodyStart, end: range.end };
  const boundary = part.typeParams.get('boundary') ?? guessBoundary(bytes, body);
  const ranges = boundary === undefined || boundary === '' ? [] : splitAtBoundary(bytes, body, boundary);
  part.children = ranges.map((child) => readPart(bytes, child, inner, depth + 1));
  if (part.children.length > 0) return part;
  // A multipart without parts is read as the text that it holds, but its own closing boundary is no text.
  const isClosed = part.raw.toString('latin1').trim() === `--${boundary ?? ''}--`;
  return { ...part, type: 'text/plain', raw: isClosed ? part.raw.subarray(0, 0) : part.raw };
}

const nonEmpty = (text: string | undefined): string | null => (text === undefined || text === '' ? null : text);

function typeOf(header: ParameterHeader, defaultType: string): string {
  if (header.value === '') return defaultType;
  const type = /^[^\s/;,]+\/[^\s/;,]+/.exec(header.value)?.[0];
  if (type !== undefined) return type;
  return header.value.startsWith('text') ? 'text/plain' : 'application/octet-stream';
}

function contentIdOf(fields: readonly HeaderField[]): string | null {
  const value = fieldOf(fields, 'content-id') ?? '';
  return nonEmpty(/<([^<>]*)>/.exec(value)?.[1]?.trim() ?? value.trim());
}

/** A multipart whose boundary was lost: the first line that looks like one. */
function guessBoundary(bytes: Buffer, { start, end }: Range): string | undefined {
  for (let at = start; at < end; ) {
    const line = lineAt(bytes, at, end);
    const found = /^--([^\s-][^\s]{5,69})[ \t]*$/.exec(
      bytes.toString('latin1', line.start, Math.min(line.end, line.start + 100)),
    )?.[1];
    if (found !== undefined) return found;
    at = line.next;
  }
  return undefined;
}

/** The ranges between the lines of a boundary; the line end before a boundary belongs to the boundary. */
function splitAtBoundary(bytes: Buffer, { start, end }: Range, boundary: string): Range[] {
  const marker = Buffer.from(`--${boundary}`, 'utf8');
  const ranges: Range[] = [];
  let open: number | null = null;
  let at = bytes.indexOf(marker, start);
  while (at >= 0 && at < end && ranges.length < mostParts) {
    const line = lineAt(bytes, at, end);
    const rest = bytes.toString('latin1', at + marker.length, line.end);
    const isLineStart = at === start || bytes[at - 1] === 0x0a;
    if (isLineStart && /^(--)?[ \t]*$/.test(rest)) {
      if (open !== null) ranges.push({ start: open, end: beforeLineEnd(bytes, open, at) });
      open = rest.startsWith('--') ? null : line.next;
      if (open === null) return ranges;
    }
    at = bytes.indexOf(marker, isLineStart ? Math.max(line.next, at + 1) : at + 1);
  }
  // The closing boundary is missing: the last part goes on to the end.
  if (open !== null) ranges.push({ start: open, end });
  return ranges;
}

function beforeLineEnd(bytes: Buffer, from: number, at: number): number {
  const feed = at > from && bytes[at - 1] === 0x0a ? at - 1 : at;
  return feed > from && feed < at && bytes[feed - 1] === 0x0d ? feed - 1 : feed;
}
