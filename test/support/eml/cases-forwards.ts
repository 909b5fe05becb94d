// Mail inside mail: attached, inline, encoded, two levels deep.
import { originalMail } from './original-mail.ts';
import { filePart, kind, mail, multipart, noise, part, textPart, type EmlCase } from './raw-mail.ts';

/** Forwarded mail. */
export function forwardCases(): EmlCase[] {
  const withFile = multipart('mixed', 'in-mix', [
    textPart('Inner text'),
    filePart(
      ['Content-Type: application/pdf; name="inner.pdf"', 'Content-Disposition: attachment; filename="inner.pdf"'],
      noise(100, 21),
    ),
  ]);
  const innerWithFile = mail('inner-with-file', { headers: [withFile.header], body: withFile.body }).raw;
  return [
    kind(
      'forward-attached',
      multipart('mixed', 'fwd', [
        textPart('See below.'),
        part(
          ['Content-Type: message/rfc822', 'Content-Disposition: attachment; filename="original.eml"'],
          originalMail,
        ),
      ]),
    ),
    kind(
      'forward-inline',
      multipart('mixed', 'fwd', [textPart('See below.'), part(['Content-Type: message/rfc822'], originalMail)]),
    ),
    kind(
      'forward-inline-disposition',
      multipart('mixed', 'fwd', [
        textPart('See below.'),
        part(['Content-Type: message/rfc822', 'Content-Disposition: inline'], innerWithFile),
      ]),
    ),
    kind(
      'forward-base64',
      multipart('mixed', 'fwd', [
        textPart('See below.'),
        filePart(
          ['Content-Type: message/rfc822; name="b64.eml"', 'Content-Disposition: attachment; filename="b64.eml"'],
          innerWithFile,
        ),
      ]),
    ),
    kind(
      'forward-same-boundary',
      multipart('mixed', 'fwd', [
        textPart('Inner uses another boundary.'),
        part(['Content-Type: message/rfc822'], innerWithFile),
      ]),
    ),
    kind(
      'forward-two-levels',
      multipart('mixed', 'fwd', [
        textPart('Outer.'),
        part(
          ['Content-Type: message/rfc822', 'Content-Disposition: attachment'],
          mail(
            'level-one',
            (() => {
              const entity = multipart('mixed', 'l1', [
                textPart('Level one.'),
                part(['Content-Type: message/rfc822'], originalMail),
              ]);
              return { headers: [entity.header], body: entity.body };
            })(),
          ).raw,
        ),
      ]),
    ),
    mail('kind-forward-is-whole-mail', { headers: ['Content-Type: message/rfc822'], body: originalMail }),
  ];
}
