/** Text from HTML and back, as far as a mail client's preview needs it. */

const named: Record<string, string> = {
  amp: '&',
  lt: '<',
  gt: '>',
  quot: '"',
  apos: "'",
  nbsp: '\u00a0',
  copy: '©',
  reg: '®',
  euro: '€',
  pound: '£',
  ndash: '–',
  mdash: '—',
  lsquo: '‘',
  rsquo: '’',
  ldquo: '“',
  rdquo: '”',
  hellip: '…',
  bull: '•',
  middot: '·',
  auml: 'ä',
  ouml: 'ö',
  uuml: 'ü',
  Auml: 'Ä',
  Ouml: 'Ö',
  Uuml: 'Ü',
  szlig: 'ß',
  eacute: 'é',
  egrave: 'è',
  agrave: 'à',
  ccedil: 'ç',
  ntilde: 'ñ',
  zwnj: '\u200c',
};

function decodeEntities(text: string): string {
  return text.replace(/&(?:#(\d{1,7})|#[xX]([0-9a-fA-F]{1,6})|([a-zA-Z]{2,8}));/g, (whole, decimal, hex, name) => {
    if (typeof name === 'string') return named[name] ?? whole;
    const code = typeof decimal === 'string' ? Number(decimal) : Number.parseInt(String(hex), 16);
    return code > 0 && code <= 0x10ffff && !(code >= 0xd800 && code < 0xe000) ? String.fromCodePoint(code) : '\ufffd';
  });
}

/** The text of an HTML body: blocks on lines of their own, images as `[cid:…]` as Exchange writes them. */
export function htmlToText(html: string): string {
  const text = html
    .replace(/<!--[\s\S]*?(?:-->|$)/g, '')
    .replace(/<(script|style|head|title)\b[\s\S]*?(?:<\/\1\s*>|$)/gi, '')
    .replace(/[\s\u200b]+/g, ' ')
    .replace(/<img\b[^<>]{0,4000}\bsrc\s*=\s*["']?(cid:[^"'\s<>]+)[^<>]{0,4000}>/gi, '[$1]')
    .replace(/<br\b[^<>]*>\s*/gi, '\n')
    .replace(/<\/(?:p|h[1-6]|table|blockquote|ul|ol)\s*>\s*/gi, '\n\n')
    .replace(/<\/(?:div|tr|li|pre)\s*>\s*/gi, '\n')
    .replace(/<\/t[dh]\s*>\s*/gi, '\t')
    .replace(/<[a-zA-Z/!?][^<>]*>/g, '');
  const lines = decodeEntities(text).split('\n');
  return lines
    .map((line) => line.trim())
    .join('\n')
    .replace(/\n{3,}/g, '\n\n')
    .trim()
    .replaceAll('\n', '\r\n');
}

/** A text body as HTML. */
export function textToHtml(text: string): string {
  const escaped = text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
  const lines = escaped.replace(/\r?\n/g, '<br>\r\n');
  return `<html><head><meta http-equiv="Content-Type" content="text/html; charset=utf-8"></head><body>${lines}</body></html>`;
}

const quoteStarts: readonly RegExp[] = [
  /^-{2,}\s*Original Message\s*-{2,}/im,
  /^_{10,}\s*$/m,
  /^On [^\r\n]{5,200}\bwrote:\s*$/m,
  /^From: [^\r\n]+\r?\n(?:Sent|Date): /m,
  /^>/m,
];

/** The part of a text that is new in this message: what stands above the quoted mail. */
export function uniqueText(text: string): string {
  const starts = quoteStarts.map((pattern) => text.search(pattern)).filter((index) => index > 0);
  return text.slice(0, Math.min(text.length, ...starts)).trim();
}
