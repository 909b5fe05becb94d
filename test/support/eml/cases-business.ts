// Invitations, business cards, faxes and what Outlook wraps its own format in.
import { crlf, filePart, join, kind, multipart, noise, part, textPart, typed, type EmlCase } from './raw-mail.ts';

const invite = [
  'BEGIN:VCALENDAR',
  'VERSION:2.0',
  'METHOD:REQUEST',
  'BEGIN:VEVENT',
  'UID:1@northwind.example',
  'DTSTART:20261121T100000Z',
  'SUMMARY:Besprechung für Müller',
  'END:VEVENT',
  'END:VCALENDAR',
];

/** Business mail that is more than a letter. */
export function businessCases(): EmlCase[] {
  const calendar = part(
    ['Content-Type: text/calendar; charset=utf-8; method=REQUEST', 'Content-Transfer-Encoding: 8bit'],
    invite.join('\r\n'),
  );
  return [
    kind(
      'invite-alternative',
      multipart('alternative', 'inv', [textPart('Meeting'), textPart('<p>Meeting</p>', 'html'), calendar]),
    ),
    kind(
      'invite-attached',
      multipart('mixed', 'inv', [
        textPart('Meeting'),
        filePart(
          [
            'Content-Type: application/ics; name="invite.ics"',
            'Content-Disposition: attachment; filename="invite.ics"',
          ],
          crlf(...invite),
        ),
      ]),
    ),
    kind(
      'vcard',
      multipart('mixed', 'vc', [
        textPart('My card'),
        part(
          [
            'Content-Type: text/vcard; charset=utf-8; name="nadia.vcf"',
            'Content-Disposition: attachment; filename="nadia.vcf"',
          ],
          crlf('BEGIN:VCARD', 'VERSION:3.0', 'FN:Nadia Brandt', 'END:VCARD'),
        ),
      ]),
    ),
    kind(
      'winmail',
      multipart('mixed', 'tnef', [
        textPart('Rich text mail'),
        filePart(
          [
            'Content-Type: application/ms-tnef; name="winmail.dat"',
            'Content-Disposition: attachment; filename="winmail.dat"',
          ],
          join(Buffer.from('789f3e22', 'hex'), noise(200, 31)),
        ),
      ]),
    ),
    kind(
      'fax',
      multipart('mixed', 'fax', [
        part(['Content-Type: text/plain'], 'Fax received'),
        filePart(['Content-Type: image/tiff; name=fax0001.tif'], noise(900, 32)),
      ]),
      'From: "+49 30 1234" <fax@gateway.example>',
    ),
    kind(
      'voicemail',
      typed(
        multipart('voice-message', 'vm', [
          textPart('Voice mail, 12 s'),
          filePart(
            [
              'Content-Type: audio/wav; name="msg.wav"',
              'Content-Disposition: inline; voice=Voice-Message; filename="msg.wav"',
            ],
            noise(500, 33),
          ),
        ]),
        'version=2.0',
      ),
    ),
  ];
}
