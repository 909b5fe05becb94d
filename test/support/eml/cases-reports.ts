// Mail that programs send about mail: bounces, receipts, complaints.
import { originalMail } from './original-mail.ts';
import { crlf, kind, mail, multipart, part, textPart, typed, type EmlCase } from './raw-mail.ts';

/** Reports. */
export function reportCases(): EmlCase[] {
  const status = crlf(
    'Reporting-MTA: dns; mail.northwind.example',
    'Arrival-Date: Sat, 21 Nov 2026 09:00:00 +0000',
    '',
    'Final-Recipient: rfc822; gone@contoso.example',
    'Action: failed',
    'Status: 5.1.1',
    'Diagnostic-Code: smtp; 550 5.1.1 unknown',
  );
  return [
    kind(
      'bounce',
      typed(
        multipart('report', 'rep', [
          textPart('Your message was not delivered.'),
          part(['Content-Type: message/delivery-status'], status),
          part(['Content-Type: message/rfc822'], originalMail),
        ]),
        'report-type=delivery-status',
      ),
      'Auto-Submitted: auto-replied',
      'Return-Path: <>',
      'From: MAILER-DAEMON',
    ),
    kind(
      'bounce-headers-only',
      typed(
        multipart('report', 'rep', [
          textPart('Not delivered.'),
          part(['Content-Type: message/delivery-status'], status),
          part(['Content-Type: text/rfc822-headers'], originalMail.subarray(0, 200)),
        ]),
        'report-type=delivery-status',
      ),
    ),
    kind(
      'read-receipt',
      typed(
        multipart('report', 'rep', [
          textPart('Your mail was displayed.'),
          part(
            ['Content-Type: message/disposition-notification'],
            crlf(
              'Reporting-UA: mail.example',
              'Final-Recipient: rfc822;sales@contoso.example',
              'Original-Message-ID: <x@y>',
              'Disposition: manual-action/MDN-sent-manually; displayed',
            ),
          ),
        ]),
        'report-type=disposition-notification',
      ),
    ),
    mail('kind-read-receipt-request', {
      headers: [
        'Disposition-Notification-To: Nadia <nadia@northwind.example>',
        'Return-Receipt-To: nadia@northwind.example',
      ],
    }),
    kind(
      'feedback-report',
      typed(
        multipart('report', 'rep', [
          textPart('Abuse report.'),
          part(
            ['Content-Type: message/feedback-report'],
            crlf('Feedback-Type: abuse', 'User-Agent: x/1', 'Version: 1'),
          ),
          part(['Content-Type: message/rfc822', 'Content-Disposition: inline'], originalMail),
        ]),
        'report-type=feedback-report',
      ),
    ),
  ];
}
