/** Content-Type and Content-Disposition: a value with parameters, continued and encoded as RFC 2231 has it. */
import { decodeCharset } from './charset.ts';
import { decodeWords } from './encoded-words.ts';

export type ParameterHeader = { value: string; params: ReadonlyMap<string, string> };

/** Comments outside quotes, where they follow white space or the value: `filename=Invoice(1).pdf` has none. */
function withoutComments(text: string): string {
  let out = '';
  let depth = 0;
  let quoted = false;
  let last = '';
  const lastClosing = text.lastIndexOf(')');
  for (let index = 0; index < text.length; index += 1) {
    const char = text.charAt(index);
    if (depth === 0 && char === '"' && text.charAt(index - 1) !== '\\') quoted = !quoted;
    const opens = !quoted && char === '(' && (depth > 0 || /^[\s;]?$/.test(last));
    if (opens && (depth > 0 || index < lastClosing)) depth += 1;
    else if (!quoted && char === ')' && depth > 0) depth -= 1;
    else if (depth === 0) {
      out += char;
      last = char;
    }
  }
  return out;
}

/** Splits at semicolons outside quotes; a quote that never closes ends with the text. */
function splitAtSemicolons(text: string): string[] {
  const pieces: string[] = [];
  let piece = '';
  let quoted = false;
  for (let index = 0; index < text.length; index += 1) {
    const char = text.charAt(index);
    if (quoted && char === '\\') {
      piece += char + text.charAt(index + 1);
      index += 1;
      continue;
    }
    if (char === '"') quoted = !quoted;
    if (char === ';' && !quoted) {
      pieces.push(piece);
      piece = '';
    } else {
      piece += char;
    }
  }
  return [...pieces, piece];
}

function unquote(text: string): string {
  const trimmed = text.trim();
  if (!trimmed.startsWith('"')) return trimmed;
  const inner = /^"((?:[^"\\]|\\.)*)"?/s.exec(trimmed)?.[1] ?? trimmed.slice(1);
  // A backslash before a letter is a Windows path, not an escape.
  return inner.replace(/\\(["\\])/g, '$1');
}

type Section = { index: number; encoded: boolean; text: string };

/** Reads the header; of a parameter given twice the first counts. */
export function readParameterHeader(text: string | undefined): ParameterHeader {
  const [first = '', ...rest] = splitAtSemicolons(withoutComments(text ?? ''));
  const params = new Map<string, string>();
  const sections = new Map<string, Section[]>();
  for (const piece of rest) {
    const equals = piece.indexOf('=');
    if (equals < 0) continue;
    const name = piece.slice(0, equals).trim().toLowerCase();
    const value = unquote(piece.slice(equals + 1));
    const [, base, index, star] = /^([^*]+)(?:\*(\d+))?(\*)?$/.exec(name) ?? [];
    if (base === undefined) continue;
    if (index === undefined && star === undefined) {
      if (!params.has(base)) params.set(base, decodeWords(value));
      continue;
    }
    const known = sections.get(base) ?? [];
    known.push({ index: Number(index ?? 0), encoded: star !== undefined, text: value });
    sections.set(base, known);
  }
  // The encoded form wins over the plain one that some senders add for old readers (RFC 6266, 4.3).
  for (const [name, parts] of sections) params.set(name, joinSections(parts));
  return { value: first.trim().toLowerCase(), params };
}

function percentDecoded(text: string): Buffer {
  const bytes: number[] = [];
  for (let index = 0; index < text.length; index += 1) {
    const hex = /^%([0-9a-fA-F]{2})/.exec(text.slice(index, index + 3))?.[1];
    if (hex === undefined) {
      bytes.push(...Buffer.from(text.charAt(index), 'utf8'));
    } else {
      bytes.push(Number.parseInt(hex, 16));
      index += 2;
    }
  }
  return Buffer.from(bytes);
}

function joinSections(parts: readonly Section[]): string {
  const ordered = parts.toSorted((a, b) => a.index - b.index);
  const head = ordered[0];
  const label = head?.encoded === true ? /^([^']*)'[^']*'(.*)$/s.exec(head.text) : null;
  const charset = label?.[1] ?? '';
  if (!ordered.some((part) => part.encoded)) return decodeWords(ordered.map((part) => part.text).join(''));
  const bytes = ordered.map((part, index) => {
    const text = index === 0 && label !== null ? (label[2] ?? '') : part.text;
    return part.encoded ? percentDecoded(text) : Buffer.from(text, 'utf8');
  });
  return decodeCharset(Buffer.concat(bytes), charset);
}
