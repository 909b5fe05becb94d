// File names in every form that mail programs give them.
import { charsetSample, percent, wordB, wordQ } from './charset-samples.ts';
import { mailWithFile, type EmlCase } from './raw-mail.ts';

const umlauts = Buffer.from('Angebot für Müller', 'utf8');

function named(name: string, ...headers: readonly string[]): EmlCase {
  return mailWithFile(`attachment-${name}`, headers);
}

/** Attachments whose name is the difficulty. */
export function attachmentNameCases(): EmlCase[] {
  const long = `${'a long file name '.repeat(14)}end`;
  return [
    named(
      'rfc2231',
      'Content-Type: application/pdf',
      `Content-Disposition: attachment; filename*=utf-8'de'${percent(umlauts)}.pdf`,
    ),
    named(
      'rfc2231-continued',
      'Content-Type: application/pdf',
      `Content-Disposition: attachment;\r\n filename*0*=utf-8''${percent(umlauts.subarray(0, 12))};\r\n filename*1*=${percent(umlauts.subarray(12))};\r\n filename*2=" 2026";\r\n filename*3=".pdf"`,
    ),
    named(
      'rfc2231-out-of-order',
      'Content-Type: application/pdf',
      'Content-Disposition: attachment; filename*2="c.pdf"; filename*0="a"; filename*1="b"',
    ),
    named(
      'rfc2231-split-mid-char',
      'Content-Type: application/pdf',
      "Content-Disposition: attachment; filename*0*=utf-8''f%C3; filename*1*=%BCr.pdf",
    ),
    named(
      'rfc2231-and-plain',
      'Content-Type: application/pdf; name="fallback.pdf"',
      `Content-Disposition: attachment; filename="fallback.pdf"; filename*=utf-8''${percent(umlauts)}.pdf`,
    ),
    named(
      'rfc2231-koi8',
      'Content-Type: application/pdf',
      `Content-Disposition: attachment; filename*=koi8-r'ru'${percent(charsetSample('koi8-r').bytes)}.pdf`,
    ),
    named(
      'rfc2047-name',
      `Content-Type: application/pdf; name="${wordB('utf-8', umlauts)}"`,
      `Content-Disposition: attachment; filename="${wordQ('utf-8', umlauts)}"`,
    ),
    named(
      'rfc2047-folded',
      'Content-Type: application/pdf',
      `Content-Disposition: attachment;\r\n filename="${wordB('utf-8', umlauts.subarray(0, 9))}\r\n ${wordB('utf-8', umlauts.subarray(9))}"`,
    ),
    named(
      'raw-utf8-name',
      'Content-Type: application/pdf; name="Grüße 見積.pdf"',
      'Content-Disposition: attachment; filename="Grüße 見積.pdf"',
    ),
    named('only-type-name', 'Content-Type: application/pdf; name="only in type.pdf"'),
    named(
      'names-differ',
      'Content-Type: application/pdf; name="type.pdf"',
      'Content-Disposition: attachment; filename="disposition.pdf"',
    ),
    named(
      'unquoted-name',
      'Content-Type: application/pdf; name=plain.pdf',
      'Content-Disposition: attachment; filename=plain.pdf; size=13',
    ),
    named(
      'unquoted-spaces',
      'Content-Type: application/pdf',
      'Content-Disposition: attachment; filename=two words.pdf',
    ),
    named(
      'quotes-in-name',
      'Content-Type: application/pdf',
      'Content-Disposition: attachment; filename="a \\"quoted\\" \\\\ name.pdf"',
    ),
    named(
      'path-in-name',
      'Content-Type: application/pdf',
      'Content-Disposition: attachment; filename="../../etc/passwd"',
    ),
    named(
      'windows-path',
      'Content-Type: application/pdf',
      'Content-Disposition: attachment; filename="C:\\\\Users\\\\n\\\\quote.pdf"',
    ),
    named(
      'semicolon-in-name',
      'Content-Type: application/pdf',
      'Content-Disposition: attachment; filename="a;b=c.pdf"',
    ),
    named('emoji-name', 'Content-Type: application/pdf', 'Content-Disposition: attachment; filename="🚀 Plan ⚡️.pdf"'),
    named(
      'reserved-name',
      'Content-Type: application/pdf',
      'Content-Disposition: attachment; filename="a<b>c:d|e?f*.pdf"',
    ),
    named(
      'dots-name',
      'Content-Type: application/octet-stream',
      'Content-Disposition: attachment; filename="report.final.v2.tar.gz"',
    ),
    named(
      'rtl-override-name',
      'Content-Type: application/octet-stream',
      'Content-Disposition: attachment; filename="invoice\u202efdp.exe"',
    ),
    named('long-name', 'Content-Type: application/pdf', `Content-Disposition: attachment; filename="${long}.pdf"`),
    named('no-name', 'Content-Type: application/pdf', 'Content-Disposition: attachment'),
    named('no-name-no-disposition', 'Content-Type: image/png'),
    named(
      'octet-stream-with-name',
      'Content-Type: application/octet-stream; name="sheet.xlsx"',
      'Content-Disposition: attachment; filename="sheet.xlsx"',
    ),
    named('type-missing', 'Content-Disposition: attachment; filename="typeless.bin"'),
    named(
      'upper-case',
      'CONTENT-TYPE: APPLICATION/PDF; NAME="UPPER.PDF"',
      'CONTENT-DISPOSITION: ATTACHMENT; FILENAME="UPPER.PDF"',
    ),
    named(
      'disposition-unknown',
      'Content-Type: application/pdf',
      'Content-Disposition: x-whatever; filename="odd.pdf"',
    ),
    named(
      'inline-pdf',
      'Content-Type: application/pdf; name="inline.pdf"',
      'Content-Disposition: inline; filename="inline.pdf"',
    ),
  ];
}
