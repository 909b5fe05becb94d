// Building blocks for hand-written mail. Nothing here repairs, folds or encodes anything: what a case writes is what
// lands in the file, because the corpus is there to be wrong in the ways that real mail is wrong.

/** Text (written as UTF-8) or exact bytes. */
export type Bytes = string | Buffer;

/** One file of the corpus. */
export interface EmlCase {
  /** File name without `.eml`; its first word groups the cases. */
  readonly name: string;
  readonly raw: Buffer;
}

/** What a case changes about an ordinary mail. */
export interface MailParts {
  /** Header lines; one that is named like a default replaces it. */
  readonly headers?: readonly Bytes[];
  /** Default headers to leave out. */
  readonly without?: readonly string[];
  readonly body?: Bytes;
}

/** One entity with its Content-Type header and its body. */
export interface Entity {
  readonly header: string;
  readonly body: Buffer;
}

/** Turns text or bytes into bytes. */
export function toBytes(value: Bytes): Buffer {
  return typeof value === 'string' ? Buffer.from(value, 'utf8') : value;
}

/** Joins text and bytes as they are. */
export function join(...pieces: readonly Bytes[]): Buffer {
  return Buffer.concat(pieces.map(toBytes));
}

/** Lines with CRLF after each of them. */
export function crlf(...lines: readonly Bytes[]): Buffer {
  return Buffer.concat(lines.flatMap((line) => [toBytes(line), Buffer.from('\r\n')]));
}

/** Bytes given as one character per byte. */
export function latin1(text: string): Buffer {
  return Buffer.from(text, 'latin1');
}

/** Base64 in lines of 76 characters, as mail programs write it. */
export function base64Lines(content: Bytes): string {
  return (
    toBytes(content)
      .toString('base64')
      .match(/.{1,76}/gu) ?? []
  ).join('\r\n');
}

/** Reproducible bytes that do not compress: the corpus must be the same on every machine. */
export function noise(length: number, seed = 1): Buffer {
  const bytes = Buffer.alloc(length);
  let state = seed;
  for (let index = 0; index < length; index += 1) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    bytes[index] = state >>> 24;
  }
  return bytes;
}

function headerName(line: Bytes): string {
  return (toBytes(line).toString('latin1').split(':')[0] ?? '').trim().toLowerCase();
}

/** A mail with ordinary headers, changed as told. */
export function mail(name: string, parts: MailParts = {}): EmlCase {
  const headers = parts.headers ?? [];
  const replaced = new Set([...headers.map(headerName), ...(parts.without ?? []).map((entry) => entry.toLowerCase())]);
  const defaults = [
    'From: Nadia Brandt <nadia@northwind.example>',
    'To: Sales Desk <sales@contoso.example>',
    `Subject: ${name}`,
    'Date: Sat, 21 Nov 2026 09:12:01 +0000',
    `Message-ID: <${name}@northwind.example>`,
    'MIME-Version: 1.0',
    `X-Corpus-File: ${name}`,
  ].filter((line) => !replaced.has(headerName(line)));
  return { name, raw: join(crlf(...defaults, ...headers, ''), parts.body ?? crlf('Hello,', '', 'the body.')) };
}

/** One part of a multipart: header lines, empty line, body without a line end of its own. */
export function part(headers: readonly Bytes[], body: Bytes): Buffer {
  return join(crlf(...headers, ''), body);
}

/** A multipart entity. `close: false` leaves out the closing boundary. */
export function multipart(
  subtype: string,
  boundary: string,
  parts: readonly Buffer[],
  more: { readonly preamble?: string; readonly epilogue?: string; readonly close?: boolean } = {},
): Entity {
  const opened = parts.flatMap((entry) => [crlf(`--${boundary}`), entry, crlf('')]);
  return {
    header: `Content-Type: multipart/${subtype}; boundary="${boundary}"`,
    body: join(
      more.preamble === undefined ? '' : crlf(more.preamble),
      ...opened,
      more.close === false ? '' : crlf(`--${boundary}--`),
      more.epilogue ?? '',
    ),
  };
}

/** A multipart inside another one. */
export function nested(entity: Entity): Buffer {
  return part([entity.header], entity.body);
}

/** An ordinary plain text part. */
export function textPart(text: string, subtype = 'plain'): Buffer {
  return part([`Content-Type: text/${subtype}; charset=utf-8`, 'Content-Transfer-Encoding: 8bit'], text);
}

/** An attachment whose Content-Type and Content-Disposition lines are given. */
export function filePart(headers: readonly Bytes[], content: Bytes): Buffer {
  return part([...headers, 'Content-Transfer-Encoding: base64'], base64Lines(content));
}

/** A mail with a text and one attachment, the way most programs write it. */
export function mailWithFile(name: string, headers: readonly Bytes[], content: Bytes = 'file content\n'): EmlCase {
  const entity = multipart('mixed', 'mixed-1', [textPart('See the attachment.'), filePart(headers, content)]);
  return mail(name, { headers: [entity.header], body: entity.body });
}

/** A mail that consists of one entity. */
export function kind(name: string, entity: Entity, ...headers: readonly string[]): EmlCase {
  return mail(`kind-${name}`, { headers: [entity.header, ...headers], body: entity.body });
}

/** The same entity with more parameters of its type. */
export function typed(entity: Entity, parameters: string): Entity {
  return { header: `${entity.header}; ${parameters}`, body: entity.body };
}
