// Signed and encrypted mail, and parts that point elsewhere.
import {
  base64Lines,
  crlf,
  filePart,
  kind,
  mail,
  multipart,
  nested,
  noise,
  part,
  textPart,
  typed,
  type EmlCase,
} from './raw-mail.ts';

/** Signed, encrypted and incomplete mail. */
export function securityCases(): EmlCase[] {
  const signature = filePart(
    [
      'Content-Type: application/pkcs7-signature; name="smime.p7s"',
      'Content-Disposition: attachment; filename="smime.p7s"',
    ],
    noise(400, 41),
  );
  const letter = multipart('alternative', 'alt', [textPart('Signed text'), textPart('<p>Signed HTML</p>', 'html')]);
  return [
    kind(
      'smime-signed',
      typed(
        multipart('signed', 'sig', [nested(letter), signature]),
        'protocol="application/pkcs7-signature"; micalg=sha-256',
      ),
    ),
    mail('kind-smime-enveloped', {
      headers: [
        'Content-Type: application/pkcs7-mime; smime-type=enveloped-data; name="smime.p7m"',
        'Content-Disposition: attachment; filename="smime.p7m"',
        'Content-Transfer-Encoding: base64',
      ],
      body: base64Lines(noise(800, 42)),
    }),
    kind(
      'pgp-signed',
      typed(
        multipart('signed', 'sig', [
          textPart('Signed with PGP'),
          part(
            [
              'Content-Type: application/pgp-signature; name="signature.asc"',
              'Content-Description: OpenPGP digital signature',
            ],
            '-----BEGIN PGP SIGNATURE-----\r\n\r\niQEz\r\n-----END PGP SIGNATURE-----',
          ),
        ]),
        'protocol="application/pgp-signature"; micalg=pgp-sha512',
      ),
    ),
    kind(
      'pgp-encrypted',
      typed(
        multipart('encrypted', 'enc', [
          part(['Content-Type: application/pgp-encrypted'], 'Version: 1'),
          part(
            [
              'Content-Type: application/octet-stream; name="encrypted.asc"',
              'Content-Disposition: inline; filename="encrypted.asc"',
            ],
            '-----BEGIN PGP MESSAGE-----\r\n\r\nhQEM\r\n-----END PGP MESSAGE-----',
          ),
        ]),
        'protocol="application/pgp-encrypted"',
      ),
    ),
    kind(
      'text-image-text',
      multipart('mixed', 'tit', [
        textPart('Before the picture'),
        filePart(
          [
            'Content-Type: image/jpeg; name="IMG_0001.jpeg"',
            'Content-Disposition: inline; filename="IMG_0001.jpeg"',
            'Content-Id: <pic@apple>',
          ],
          noise(600, 43),
        ),
        textPart('After the picture'),
      ]),
    ),
    kind(
      'external-body',
      multipart('mixed', 'ext', [
        textPart('External'),
        part(
          ['Content-Type: message/external-body; access-type=URL; URL="https://northwind.example/f.pdf"'],
          'Content-Type: application/pdf\r\n\r\n',
        ),
      ]),
    ),
    kind('partial', {
      header: 'Content-Type: message/partial; id="p1@northwind.example"; number=1; total=2',
      body: crlf('Subject: part', '', 'half a mail'),
    }),
  ];
}
