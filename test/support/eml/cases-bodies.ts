// Bodies: transfer encodings that are bent or broken, line ends, and text that looks like something else.
import {
  base64Lines,
  crlf,
  join,
  latin1,
  mail,
  multipart,
  part,
  textPart,
  type Bytes,
  type EmlCase,
} from './raw-mail.ts';

function encoded(name: string, encoding: string, body: Bytes, contentType = 'text/plain; charset=utf-8'): EmlCase {
  return mail(name, { headers: [`Content-Type: ${contentType}`, `Content-Transfer-Encoding: ${encoding}`], body });
}

function quotedPrintableCases(): EmlCase[] {
  return [
    encoded(
      'qp-soft-breaks',
      'quoted-printable',
      crlf('This line is soft=', 'ly broken and Gr=C3=', '=BC=C3=9Fe split.', 'Ends with equals =3D'),
    ),
    encoded('qp-trailing-space', 'quoted-printable', crlf('kept space=20', 'dropped space   ', 'soft = ', 'joined')),
    encoded('qp-lower-case-hex', 'quoted-printable', crlf('Gr=c3=bc=c3=9fe')),
    encoded('qp-illegal-sequences', 'quoted-printable', crlf('100=ZZ percent =4 and = alone', 'a=b')),
    encoded('qp-ends-with-equals', 'quoted-printable', 'the end='),
    encoded('qp-raw-8bit', 'quoted-printable', crlf('raw Grüße and =C3=BC')),
    encoded('qp-upper-case-label', 'QUOTED-PRINTABLE', crlf('caf=C3=A9')),
    encoded(
      'qp-html-long',
      'quoted-printable',
      crlf(
        ...Array.from(
          { length: 400 },
          (_, i) => `<p class=3D"row">line ${String(i)} with caf=C3=A9 and a soft bre=\r\nak</p>`,
        ),
      ),
      'text/html; charset=utf-8',
    ),
  ];
}

function base64Cases(): EmlCase[] {
  const text = 'Base64 body: Grüße 見積 😀, long enough to need more than a single line of output.';
  const plain = Buffer.from(text).toString('base64');
  return [
    encoded('base64-one-long-line', 'base64', Buffer.from(text.repeat(60)).toString('base64')),
    encoded('base64-without-padding', 'base64', Buffer.from('padding missing!').toString('base64').replaceAll('=', '')),
    encoded('base64-with-junk', 'base64', `${plain.slice(0, 20)} \t\r\n!*-\r\n${plain.slice(20)}\r\n`),
    encoded('base64-trailing-text', 'base64', `${base64Lines(text)}\r\n\r\n`),
    encoded(
      'base64-html',
      'base64',
      base64Lines('<html><body><b>Grüße</b>\r\n<img src="cid:a@b"></body></html>'),
      'text/html; charset=utf-8',
    ),
    encoded('base64-label-with-comment', 'base64 (really)', base64Lines(text)),
  ];
}

function lineEndCases(): EmlCase[] {
  return [
    encoded('lines-lf-and-crlf', '8bit', join('one\r\ntwo\nthree\r\n\nfive')),
    encoded('lines-lone-cr', '8bit', join('one\rtwo\r\nthree\r')),
    encoded('lines-nul-bytes', 'binary', join('before', Buffer.from([0, 0]), 'after\r\n')),
    encoded('lines-over-998', '8bit', join('y'.repeat(20_000), '\r\nend\r\n')),
    encoded('lines-dots', '7bit', crlf('.', '..two', '.end', 'QUIT')),
    encoded(
      'lines-from',
      '7bit',
      crlf('From the start', '>From quoted', 'From nadia@northwind.example Sat Nov 21 09:12:01 2026'),
    ),
    encoded('lines-boundary-look-alike', '7bit', crlf('--not-a-boundary', '--', '-- ', 'Nadia')),
    encoded('lines-controls', '8bit', join('form feed \f, escape \u001b[31m, bell \u0007, delete \u007f\r\n')),
    encoded('lines-rtl', '8bit', join('\u202eevil\u202c שלום \u200f.\r\n')),
    encoded('lines-no-final-newline', '7bit', 'no newline at the end'),
    encoded('lines-only-newlines', '7bit', '\r\n\r\n\r\n'),
    mail('lines-empty-body', { body: '' }),
    encoded('lines-leading-blank', '7bit', '\r\n\r\n  indented after blank lines\r\n'),
  ];
}

function formatCases(): EmlCase[] {
  const flowed = multipart('mixed', 'flow', [
    part(
      ['Content-Type: text/plain; charset=utf-8; format=flowed; delsp=yes', 'Content-Transfer-Encoding: 8bit'],
      'one long par \r\nagraph of text\r\n> quoted text \r\n> goes on\r\n-- \r\nsignature',
    ),
  ]);
  return [
    encoded(
      'format-flowed',
      '7bit',
      crlf('This paragraph is \r\nflowed over two lines.', '', '> quoted \r\n> flow', ' stuffed line', '-- ', 'Nadia'),
      'text/plain; charset=utf-8; format=flowed',
    ),
    mail('format-flowed-delsp', { headers: [flowed.header], body: flowed.body }),
    encoded(
      'format-uuencode',
      '7bit',
      crlf('Old style attachment:', 'begin 644 hello.txt', '+:&5L;&\\@=V]R;&0*', '`', 'end'),
    ),
    encoded(
      'format-pgp-inline',
      '7bit',
      crlf('-----BEGIN PGP MESSAGE-----', '', 'hQEMA0000000AQf/', '-----END PGP MESSAGE-----'),
    ),
    encoded(
      'format-html-400k',
      '8bit',
      join('<html><body>', '<p>Row with some text, Grüße, and <b>markup</b>.</p>\r\n'.repeat(7800), '</body></html>'),
      'text/html; charset=utf-8',
    ),
    encoded(
      'format-html-script',
      '7bit',
      crlf('<html><body onload="x()"><script>alert(1)</script><p>Hi &amp; bye &lt;x&gt;</p></body></html>'),
      'text/html; charset=us-ascii',
    ),
    encoded('format-html-upper-type', '7bit', '<P>upper</P>', 'TEXT/HTML; CHARSET=UTF-8'),
    encoded('format-enriched', '7bit', '<bold>Enriched</bold> text', 'text/enriched; charset=us-ascii'),
    encoded('format-unknown-encoding', 'x-unknown', crlf('passed through as it is')),
    encoded('format-type-without-slash', '7bit', crlf('Content-Type is only the word text'), 'text'),
    encoded('format-type-broken-parameters', '7bit', crlf('still readable'), 'text/plain; charset; =utf-8; ; format'),
    mail('format-latin1-8bit-html', {
      headers: ['Content-Type: text/html; charset=iso-8859-1', 'Content-Transfer-Encoding: 8bit'],
      body: latin1('<p>caf\u00e9 \u00fcber</p>'),
    }),
    mail(
      'format-two-texts',
      (() => {
        const entity = multipart('mixed', 'two', [textPart('The first text.'), textPart('The second text.')]);
        return { headers: [entity.header], body: entity.body };
      })(),
    ),
  ];
}

/** Body cases. */
export function bodyCases(): EmlCase[] {
  return [...quotedPrintableCases(), ...base64Cases(), ...lineEndCases(), ...formatCases()];
}
