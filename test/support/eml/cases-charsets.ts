// One mail per charset: in the subject (B), a display name (Q), the body (base64 or 8bit) and a file name (RFC 2231).
import { charsetSample, charsetSamples, percent, wordB, wordQ, type CharsetSample } from './charset-samples.ts';
import { base64Lines, crlf, filePart, join, mail, multipart, part, textPart, type EmlCase } from './raw-mail.ts';

function charsetMail(sample: CharsetSample, index: number): EmlCase {
  const { charset, bytes } = sample;
  const base64 = index % 2 === 0;
  const subtype = index % 3 === 0 ? 'html' : 'plain';
  const content =
    subtype === 'html' ? join('<html><body><p>', bytes, '</p></body></html>') : join(bytes, '\r\n', bytes);
  const body = part(
    [`Content-Type: text/${subtype}; charset=${charset}`, `Content-Transfer-Encoding: ${base64 ? 'base64' : '8bit'}`],
    base64 ? base64Lines(content) : content,
  );
  const file = filePart(
    ['Content-Type: application/pdf', `Content-Disposition: attachment; filename*=${charset}''${percent(bytes)}.pdf`],
    `%PDF ${charset}`,
  );
  const entity = multipart('mixed', 'cs', [body, file]);
  return mail(`charset-${charset.replace('_', '-')}`, {
    headers: [
      `Subject: ${wordB(charset, bytes)}`,
      `From: ${wordQ(charset, bytes)} <nadia@northwind.example>`,
      entity.header,
    ],
    body: entity.body,
  });
}

function bodyIn(name: string, contentType: string, content: Buffer): EmlCase {
  return mail(name, {
    headers: [`Content-Type: ${contentType}`, 'Content-Transfer-Encoding: base64'],
    body: base64Lines(content),
  });
}

const cyrillic = charsetSample('windows-1251');

/** Charsets as declared, declared twice, declared wrongly and not declared. */
export function charsetCases(): EmlCase[] {
  return [
    ...charsetSamples.map(charsetMail),
    bodyIn(
      'charset-utf16le-bom',
      'text/plain; charset=utf-16',
      join(Buffer.from('fffe', 'hex'), Buffer.from('見積 €5', 'utf16le')),
    ),
    bodyIn('charset-utf16le', 'text/plain; charset="UTF-16LE"', Buffer.from('Grüße €5', 'utf16le')),
    bodyIn('charset-utf8-bom', 'text/plain; charset=utf-8', join(Buffer.from('efbbbf', 'hex'), 'Grüße mit BOM')),
    bodyIn(
      'charset-html-meta-conflict',
      'text/html; charset=windows-1251',
      join('<html><head><meta charset="utf-8"></head><body>', cyrillic.bytes, '</body></html>'),
    ),
    bodyIn('charset-html-none-utf8', 'text/html', join('<html><body>Grüße ', '見積', '</body></html>')),
    bodyIn('charset-unknown-name', 'text/plain; charset=x-unknown', join('plain ascii only')),
    bodyIn(
      'charset-quoted-comment',
      'text/plain; charset="koi8-r" (russian); format=fixed',
      charsetSample('koi8-r').bytes,
    ),
    bodyIn('charset-us-ascii-but-utf8-safe', 'text/plain; charset=us-ascii', join('only seven bits')),
    bodyIn('charset-cp1252-in-latin1', 'text/plain; charset=iso-8859-1', join('quotes ', Buffer.from('93e494', 'hex'))),
    bodyIn('charset-ks-c-5601', 'text/plain; charset=ks_c_5601-1987', charsetSample('euc-kr').bytes),
    mail('charset-mixed-header', {
      headers: [
        `Subject: ${wordB('utf-8', charsetSample('utf-8').bytes)} ${wordQ('koi8-r', charsetSample('koi8-r').bytes)}`,
        `To: ${wordB('iso-2022-jp', charsetSample('iso-2022-jp').bytes)} <a@contoso.example>,`,
        ` ${wordQ('windows-1250', charsetSample('windows-1250').bytes)} <b@contoso.example>`,
      ],
    }),
    mail(
      'charset-8bit-parts-differ',
      (() => {
        const entity = multipart('alternative', 'alt', [
          part(
            ['Content-Type: text/plain; charset=koi8-r', 'Content-Transfer-Encoding: 8bit'],
            charsetSample('koi8-r').bytes,
          ),
          part(
            ['Content-Type: text/html; charset=iso-8859-5', 'Content-Transfer-Encoding: 8bit'],
            join('<p>', charsetSample('iso-8859-5').bytes, '</p>'),
          ),
        ]);
        return { headers: [entity.header], body: entity.body };
      })(),
    ),
    mail('charset-utf8-body-7bit-label', {
      headers: ['Content-Type: text/plain; charset=utf-8', 'Content-Transfer-Encoding: 7bit'],
      body: crlf('Label says 7bit: Grüße 見積 😀'),
    }),
    mail('charset-no-mime-headers', { without: ['MIME-Version'], body: crlf('An old mail without MIME headers.') }),
    mail(
      'charset-text-in-mixed',
      (() => {
        const entity = multipart('mixed', 'm', [textPart('Ünï')]);
        return { headers: [entity.header], body: entity.body };
      })(),
    ),
  ];
}
