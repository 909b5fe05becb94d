/** Bytes to text by a charset label as mails carry it: aliases, wrong labels, UTF-7, and what to do without one. */

import { TextDecoder } from 'node:util';

/** Labels that the WHATWG list lacks, after punctuation is taken off. */
const aliases: Record<string, string> = {
  utf8mb4: 'utf-8',
  cp65001: 'utf-8',
  unicode11utf8: 'utf-8',
  ansix341968: 'windows-1252',
  ansix3110: 'windows-1252',
  cp850: 'windows-1252',
  usascii: 'windows-1252',
  latin1: 'windows-1252',
  isolatin1: 'windows-1252',
  cp932: 'shift_jis',
  windows932: 'shift_jis',
  mswindows31j: 'shift_jis',
  windows31j: 'shift_jis',
  shiftjis: 'shift_jis',
  sjis: 'shift_jis',
  cp936: 'gbk',
  windows936: 'gbk',
  gb2312: 'gbk',
  gb18030: 'gb18030',
  cp949: 'euc-kr',
  windows949: 'euc-kr',
  ksc56011987: 'euc-kr',
  uhc: 'euc-kr',
  cp950: 'big5',
  // Python's email package writes these two names into headers.
  big5tw: 'big5',
  eucgb2312cn: 'gbk',
  windows950: 'big5',
  cp50220: 'iso-2022-jp',
  cp50221: 'iso-2022-jp',
  iso2022jp1: 'iso-2022-jp',
  iso2022jp2: 'iso-2022-jp',
  iso2022jpms: 'iso-2022-jp',
  iso2022jp3: 'iso-2022-jp',
  iso2022jpext: 'iso-2022-jp',
  iso2022jp2004: 'iso-2022-jp',
  eucjis2004: 'euc-jp',
  iso88598i: 'iso-8859-8',
  iso88598e: 'iso-8859-8',
  iso885911: 'windows-874',
  cp874: 'windows-874',
  tis620: 'windows-874',
  cp1250: 'windows-1250',
  cp1251: 'windows-1251',
  cp1252: 'windows-1252',
  cp866: 'ibm866',
  koi8: 'koi8-r',
  macroman: 'macintosh',
  maccyrillic: 'x-mac-cyrillic',
};

const decoders = new Map<string, TextDecoder | null>();

function decoderFor(label: string): TextDecoder | null {
  const known = decoders.get(label);
  if (known !== undefined) return known;
  let decoder: TextDecoder | null = null;
  try {
    decoder = new TextDecoder(label);
  } catch {
    // Not in the WHATWG list: the caller tries another spelling.
  }
  // The labels come from mails: without a bound, hostile ones would fill the memory.
  if (decoders.size < 500) decoders.set(label, decoder);
  return decoder;
}

const strictUtf8 = new TextDecoder('utf-8', { fatal: true });

/** Text of bytes whose charset nobody told: UTF-8 if it is valid, else Windows-1252. */
export function decodeUnlabelled(bytes: Uint8Array): string {
  try {
    return strictUtf8.decode(bytes);
  } catch {
    return decoderFor('windows-1252')?.decode(bytes) ?? '';
  }
}

/** Text of bytes by the label that came with them. */
export function decodeCharset(bytes: Uint8Array, label: string | undefined): string {
  const name = (label ?? '')
    .trim()
    .toLowerCase()
    .replace(/^["']|["']$/g, '');
  if (name === '' || /^(us-?ascii|ascii|unknown|unknown-8bit|x-unknown|default|binary|8bit|7bit)$/.test(name)) {
    return decodeUnlabelled(bytes);
  }
  if (/^(x-)?(unicode-1-1-|unicode-2-0-)?utf-?7$/.test(name)) return decodeUtf7(Buffer.from(bytes).toString('latin1'));
  const plain = name.replace(/^(x-ms-|x-|cs)/, '').replace(/[^a-z0-9]/g, '');
  const decoder = decoderFor(name) ?? decoderFor(aliases[plain] ?? plain);
  return decoder?.decode(bytes) ?? decodeUnlabelled(bytes);
}

/** UTF-7 (RFC 2152): runs of base64 UTF-16 between `+` and `-`. */
function decodeUtf7(text: string): string {
  return text.replace(/\+([A-Za-z0-9+/]*)-?/g, (_, run: string) => {
    if (run === '') return '+';
    const bytes = Buffer.from(run, 'base64');
    return bytes
      .subarray(0, bytes.length & ~1)
      .swap16()
      .toString('utf16le');
  });
}
