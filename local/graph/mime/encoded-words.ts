/** Encoded words in headers (RFC 2047), also where senders put them against the rules. */
import { decodeCharset } from './charset.ts';
import { decodeBase64, decodeQuotedPrintable } from './transfer-decoding.ts';

/** Words are 75 characters long at most, broken ones more; without a bound, hostile headers would take quadratic time. */
const encodedWord = /=\?([^?\s]{1,100})\?([bBqQ])\?(.{0,3000}?)\?=/g;

function wordBytes(encoding: string, text: string): Buffer {
  if (encoding.toLowerCase() === 'b') return decodeBase64(text);
  return decodeQuotedPrintable(Buffer.from(text.replaceAll('_', '=20'), 'latin1'));
}

/**
 * Words that are whole by themselves are decoded one by one: the joined bytes of two ISO-2022-JP words hold shifts without
 * text between them, which the decoder takes for an error.
 */
function decodeRun(words: readonly Buffer[], charset: string): string {
  const each = words.map((word) => decodeCharset(word, charset)).join('');
  return each.includes('\ufffd') ? decodeCharset(Buffer.concat(words), charset) : each;
}

/**
 * Decodes all encoded words of a text. Neighbours of one charset are joined as bytes first: senders split words in the
 * middle of a character.
 */
export function decodeWords(text: string): string {
  if (!text.includes('=?')) return text;
  let out = '';
  let position = 0;
  const run: { charset: string; bytes: Buffer[] } = { charset: '', bytes: [] };
  const flush = (): void => {
    if (run.bytes.length > 0) out += decodeRun(run.bytes, run.charset);
    run.bytes = [];
  };
  for (const match of text.matchAll(encodedWord)) {
    const [whole, label = '', encoding = '', encoded = ''] = match;
    const between = text.slice(position, match.index);
    // White space between two encoded words is not part of the text.
    const isNeighbour = run.bytes.length > 0 && between.trim() === '';
    const charset = label.replace(/\*.*$/, '').toLowerCase();
    if (!isNeighbour || run.charset !== charset) flush();
    if (!isNeighbour) out += between;
    run.charset = charset;
    run.bytes.push(wordBytes(encoding, encoded));
    position = match.index + whole.length;
  }
  flush();
  return out + text.slice(position);
}
