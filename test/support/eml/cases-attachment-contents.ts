// Attachment contents: sizes, encodings and line ends that must come out to the byte.
import { crlf, mail, mailWithFile, multipart, noise, part, textPart, type Bytes, type EmlCase } from './raw-mail.ts';

function rawFile(name: string, headers: readonly Bytes[], content: Bytes): EmlCase {
  const entity = multipart('mixed', 'raw', [textPart('See the attachment.'), part(headers, content)]);
  return mail(`attachment-${name}`, { headers: [entity.header], body: entity.body });
}

function names(file: string, type: string): readonly string[] {
  return [`Content-Type: ${type}; name="${file}"`, `Content-Disposition: attachment; filename="${file}"`];
}

/** Attachments whose content is the difficulty. */
export function attachmentContentCases(): EmlCase[] {
  const text = crlf('col1;col2', 'ä;ö', '', 'last line');
  return [
    mailWithFile('attachment-zero-bytes', names('empty.txt', 'text/plain'), ''),
    mailWithFile('attachment-3-mb', names('large.bin', 'application/octet-stream'), noise(3 * 1024 * 1024, 9)),
    mailWithFile('attachment-text-base64', names('table.csv', 'text/csv; charset=utf-8'), text),
    rawFile('text-7bit', names('plain.txt', 'text/plain; charset=us-ascii'), 'line one\r\nline two\r\n\r\nlast'),
    rawFile('text-8bit', [...names('table.csv', 'text/csv; charset=utf-8'), 'Content-Transfer-Encoding: 8bit'], text),
    rawFile(
      'text-quoted-printable',
      [...names('qp.txt', 'text/plain; charset=utf-8'), 'Content-Transfer-Encoding: quoted-printable'],
      'soft=\r\nly broken\r\nf=C3=BCr=20\r\nend=\r\n',
    ),
    rawFile('html-file', names('page.html', 'text/html; charset=utf-8'), '<html><body>attached page</body></html>'),
    rawFile(
      'binary',
      [...names('raw.bin', 'application/octet-stream'), 'Content-Transfer-Encoding: binary'],
      Buffer.from([0, 1, 2, 13, 10, 255, 0, 10, 13, 7]),
    ),
    rawFile(
      'base64-junk',
      [...names('junk.bin', 'application/octet-stream'), 'Content-Transfer-Encoding: base64'],
      'SGVs bG8s\r\n\r\n IHdv\tcmxk\r\n',
    ),
    rawFile(
      'base64-no-padding',
      [...names('nopad.bin', 'application/octet-stream'), 'Content-Transfer-Encoding: base64'],
      'SGVsbG8sIHdvcmxkIQ',
    ),
    rawFile(
      'base64-one-line',
      [...names('line.bin', 'application/octet-stream'), 'Content-Transfer-Encoding: base64'],
      noise(30_000, 11).toString('base64'),
    ),
    mail('attachment-whole-mail-pdf', {
      headers: [
        'Content-Type: application/pdf; name="whole.pdf"',
        'Content-Disposition: attachment; filename="whole.pdf"',
        'Content-Transfer-Encoding: base64',
      ],
      body: Buffer.from('%PDF whole mail').toString('base64'),
    }),
    mail(
      'attachment-same-name-twice',
      (() => {
        const headers = names('same.txt', 'text/plain');
        const entity = multipart('mixed', 'same', [
          textPart('Two files of one name.'),
          part(headers, 'one'),
          part(headers, 'two!'),
        ]);
        return { headers: [entity.header], body: entity.body };
      })(),
    ),
  ];
}
