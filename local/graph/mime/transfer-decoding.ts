/** Content-Transfer-Encoding undone, to the byte, however broken the encoding is. */

/** Decodes by the value of the header; an unknown encoding leaves the bytes alone. */
export function decodeTransfer(bytes: Buffer, header: string | undefined): Buffer {
  const encoding = /[\w-]+/.exec((header ?? '').replace(/\([^()]*\)/g, ''))?.[0] ?? '';
  switch (encoding.toLowerCase()) {
    case 'base64':
      return decodeBase64(bytes.toString('latin1'));
    case 'quoted-printable':
      return decodeQuotedPrintable(bytes);
    case 'x-uuencode':
    case 'x-uue':
    case 'uuencode':
      return decodeUu(bytes.toString('latin1'));
    default:
      return bytes;
  }
}

/**
 * Base64 with anything outside the alphabet left out. Padding may stand in the middle, where a mailer joined encoded
 * blocks; but text after the padding that is no base64 is a footer that a mailing list put there.
 */
export function decodeBase64(text: string): Buffer {
  if (/^[A-Za-z0-9+/\r\n]*={0,2}\s*$/.test(text)) return Buffer.from(text, 'base64');
  const end = text.indexOf('=');
  const after = end < 0 ? '' : text.slice(end);
  const joined = /^[A-Za-z0-9+/=\s]*$/.test(after);
  const blocks = joined ? text.split('=') : [text.slice(0, end)];
  return Buffer.concat(blocks.map(decodeBlock));
}

function decodeBlock(text: string): Buffer {
  const block = text.replace(/[^A-Za-z0-9+/]+/g, '');
  return Buffer.from(block.length % 4 === 1 ? block.slice(0, -1) : block, 'base64');
}

function nibble(code: number | undefined): number {
  if (code === undefined) return -1;
  if (code >= 0x30 && code <= 0x39) return code - 0x30;
  const letter = code | 0x20;
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : -1;
}

const isBlank = (code: number | undefined): boolean => code === 0x20 || code === 0x09;

/** Quoted-printable over bytes; what is no valid escape stays as it is. */
export function decodeQuotedPrintable(bytes: Buffer): Buffer {
  const out = Buffer.allocUnsafe(bytes.length);
  let length = 0;
  let index = 0;
  while (index < bytes.length) {
    const code = bytes[index] ?? 0;
    if (code === 0x3d) {
      const [high, low] = [nibble(bytes[index + 1]), nibble(bytes[index + 2])];
      if (high >= 0 && low >= 0) {
        out[length++] = (high << 4) | low;
        index += 3;
        continue;
      }
      const next = endOfBlankLine(bytes, index + 1);
      if (next !== null) {
        index = next;
        continue;
      }
    } else if (isBlank(code) && (index === 0 || !isBlank(bytes[index - 1]))) {
      // White space before a line end was added on the way (RFC 2045, 6.7 rule 3).
      let end = index;
      while (isBlank(bytes[end])) end += 1;
      if (bytes[end] === 0x0a || bytes[end] === 0x0d || end === bytes.length) {
        index = end;
        continue;
      }
    }
    out[length++] = code;
    index += 1;
  }
  return out.subarray(0, length);
}

/** Where the next line begins, if only blanks stand before it: then a `=` was a soft line break. */
function endOfBlankLine(bytes: Buffer, from: number): number | null {
  let index = from;
  while (isBlank(bytes[index])) index += 1;
  if (index >= bytes.length) return index;
  if (bytes[index] === 0x0a) return index + 1;
  if (bytes[index] === 0x0d) return bytes[index + 1] === 0x0a ? index + 2 : index + 1;
  return null;
}

function decodeUu(text: string): Buffer {
  const blocks: Buffer[] = [];
  for (const line of text.split(/\r?\n/)) {
    if (/^begin \d+ /.test(line)) continue;
    if (/^end\s*$/.test(line)) break;
    const length = (line.charCodeAt(0) - 32) & 63;
    if (line === '' || length === 0) continue;
    const six = Array.from(Buffer.from(line.slice(1), 'latin1'), (code) => (code - 32) & 63);
    const block = Buffer.alloc(Math.ceil(six.length / 4) * 3);
    for (let group = 0; group * 4 < six.length; group += 1) {
      const [a = 0, b = 0, c = 0, d = 0] = six.slice(group * 4, group * 4 + 4);
      block.writeUIntBE((a << 18) | (b << 12) | (c << 6) | d, group * 3, 3);
    }
    blocks.push(block.subarray(0, length));
  }
  return Buffer.concat(blocks);
}
