/** Address headers: names, routes, comments, groups, quoted local parts and what senders make of them. */
import type { EmailAddress } from '../message-record.ts';
import { decodeWords } from './encoded-words.ts';

type Token = { kind: 'atom' | 'quoted' | 'comment' | 'angle'; text: string; start: number; end: number };
type Delimiter = { kind: 'delimiter'; char: string };

/** An encoded word is one token, whatever commas it holds. */
const encodedWord = /=\?[^?\s]+\?[bBqQ]\?[^?]*\?=/y;

function tokenize(text: string): (Token | Delimiter)[] {
  const tokens: (Token | Delimiter)[] = [];
  let index = 0;
  while (index < text.length) {
    const char = text.charAt(index);
    if (/\s/.test(char)) {
      index += 1;
    } else if (char === ',' || char === ';' || char === ':') {
      tokens.push({ kind: 'delimiter', char });
      index += 1;
    } else {
      const token = readToken(text, index);
      tokens.push(token);
      index = token.end;
    }
  }
  return tokens;
}

function readToken(text: string, start: number): Token {
  switch (text.charAt(start)) {
    case '"':
      return readQuoted(text, start);
    case '(':
      return readComment(text, start);
    case '<': {
      const close = text.indexOf('>', start);
      const end = close < 0 ? text.length : close + 1;
      return { kind: 'angle', text: text.slice(start + 1, close < 0 ? end : close), start, end };
    }
    default:
      return readAtom(text, start);
  }
}

function readQuoted(text: string, start: number): Token {
  let value = '';
  let index = start + 1;
  while (index < text.length && text.charAt(index) !== '"') {
    if (text.charAt(index) === '\\' && index + 1 < text.length) index += 1;
    value += text.charAt(index);
    index += 1;
  }
  return { kind: 'quoted', text: value, start, end: index + 1 };
}

function readComment(text: string, start: number): Token {
  let depth = 0;
  let value = '';
  let index = start;
  do {
    const char = text.charAt(index);
    if (char === '\\') {
      value += text.charAt(index + 1);
      index += 1;
    } else if (char === '(') {
      if (depth > 0) value += char;
      depth += 1;
    } else if (char === ')') {
      depth -= 1;
      if (depth > 0) value += char;
    } else {
      value += char;
    }
    index += 1;
  } while (depth > 0 && index < text.length);
  return { kind: 'comment', text: value.trim(), start, end: index };
}

function readAtom(text: string, start: number): Token {
  let end = start;
  // Between `@[` and `]` stands an IP literal, whose colons are part of the address.
  let inLiteral = false;
  while (end < text.length) {
    encodedWord.lastIndex = end;
    const word = text.charAt(end) === '=' ? encodedWord.exec(text) : null;
    if (word !== null) {
      end += word[0].length;
      continue;
    }
    const char = text.charAt(end);
    if (char === '[' && text.charAt(end - 1) === '@') inLiteral = true;
    if (char === ']') inLiteral = false;
    if (/[\s"(<,;]/.test(char) || (char === ':' && !inLiteral)) break;
    end += 1;
  }
  end = Math.max(end, start + 1);
  return { kind: 'atom', text: text.slice(start, end), start, end };
}

/** An address in angle brackets, without the route or scheme before it. */
function cleanAddress(text: string): string {
  const address = text
    .trim()
    .replace(/^mailto:/i, '')
    .replace(/^@[^:]*:/, '');
  return address.includes('"') ? address : address.replace(/\([^()]*\)|\s+/g, '');
}

function joinTexts(tokens: readonly Token[]): string {
  return decodeWords(tokens.map((token) => token.text).join(' '))
    .replace(/\s+/g, ' ')
    .trim();
}

/** Tokens between two delimiters as one mailbox; null if they hold nothing. */
function toMailbox(tokens: readonly Token[]): EmailAddress | null {
  const words = tokens.filter((token) => token.kind === 'atom' || token.kind === 'quoted');
  const comments = tokens.filter((token) => token.kind === 'comment');
  const angle = tokens.findLast((token) => token.kind === 'angle' && token.text.trim() !== '');
  if (angle !== undefined) {
    const name = joinTexts(words) || joinTexts(comments);
    return { name, address: cleanAddress(angle.text) };
  }
  const bare = bareAddress(words);
  if (bare !== null) return { name: joinTexts(bare.others) || joinTexts(comments), address: bare.address };
  const name = joinTexts(words) || joinTexts(comments);
  if (name === '') return null;
  const isLocalPart =
    words.length === 1 && words[0]?.kind === 'atom' && !tokens.some((token) => token.kind === 'angle');
  return { name, address: isLocalPart && !/[^\x21-\x7e]|=\?/.test(words[0]?.text ?? '') ? name : '' };
}

/** An address without angle brackets; its local part may be quoted, or white space stand around its `@`. */
function bareAddress(words: readonly Token[]): { address: string; others: Token[] } | null {
  const index = words.findIndex((word) => word.kind === 'atom' && word.text.includes('@'));
  const found = words[index];
  if (found === undefined) return null;
  let [first, last] = [index, index];
  let address = found.text;
  const before = words[index - 1];
  if (address.startsWith('@') && before !== undefined) {
    const adjacent = before.end === found.start;
    address = (before.kind === 'quoted' && adjacent ? JSON.stringify(before.text) : before.text) + address;
    first = index - 1;
  }
  for (let next = words[last + 1]; next?.kind === 'atom'; next = words[last + 1]) {
    // White space around the dots and the `@` of an address is an obsolete form that old mails have.
    if (!/[@.]$/.test(address) && !next.text.startsWith('.')) break;
    address += next.text;
    last += 1;
  }
  return { address: cleanAddress(address), others: [...words.slice(0, first), ...words.slice(last + 1)] };
}

/** Reads an address header; groups give their members, empty groups nothing. */
export function readAddressList(text: string): EmailAddress[] {
  const found: EmailAddress[] = [];
  let pending: Token[] = [];
  /** A name that a comma cut off from its address: `Doe, John <j@doe.example>`. */
  let stray: EmailAddress | null = null;
  const flush = (delimiter: string): void => {
    const mailbox = toMailbox(pending);
    const hasAngle = pending.some((token) => token.kind === 'angle');
    pending = [];
    if (mailbox === null) return;
    const isStray = !hasAngle && !mailbox.address.includes('@');
    if (stray !== null && hasAngle && mailbox.address !== '') {
      mailbox.name = [stray.name, mailbox.name].filter((name) => name !== '').join(', ');
    } else if (stray !== null) {
      found.push(stray);
    }
    stray = isStray && delimiter === ',' ? mailbox : null;
    if (stray === null) found.push(mailbox);
  };
  for (const token of tokenize(text)) {
    if (token.kind !== 'delimiter') {
      pending.push(token);
    } else if (token.char === ':') {
      // What stood before is the name of a group.
      pending = [];
    } else {
      flush(token.char);
    }
  }
  flush('');
  if (stray !== null) found.push(stray);
  return found;
}
