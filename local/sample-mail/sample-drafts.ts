// A dozen mails as a sales office gets them, each one showing something that mail software gets wrong.
import type Mail from 'nodemailer/lib/mailer/index.js';
import { makePdf, makePng } from './sample-files.ts';
import { type SampleMailbox, sampleMailboxByRole } from './sample-mailboxes.ts';

/** A mail before it is written as MIME. */
export type MailDraft = { name: string; mailbox: SampleMailbox; id: string; options: Mail.Options };

const { sales, support, invoices, maria } = sampleMailboxByRole;

const CUSTOMER = { name: 'Tom Whitfield', address: 'tom.whitfield@harbourtea.example' };

const REPLY_QUOTE = [
  'Hi Maria,',
  '',
  'Tuesday at 10 suits us. I will bring the samples of the new tins.',
  '',
  'Tom',
  '',
  'On Thu, Maria Lindqvist <maria.lindqvist@northwind.example> wrote:',
  '> Hello Tom,',
  '>',
  '> shall we go through the spring order next Tuesday, 10 o’clock?',
  '>',
  '> Maria',
].join('\n');

/** The drafts of all sample mails; `stamp` makes their Message-IDs unique to one run. */
export function sampleDrafts(stamp: string): MailDraft[] {
  const id = (name: string, domain: string): string => `<${name}.${stamp}@${domain}>`;
  const offerId = id('offer-4711', 'harbourtea.example');
  const logo = `logo.${stamp}@kestrelprint.example`;
  const longTable = Array.from(
    { length: 5600 },
    (_, row) =>
      `<tr><td>${row + 1}</td><td>Item ${(row * 7919) % 100_000}</td><td>${((row * 37) % 9000) / 100} EUR</td><td>in stock</td></tr>`,
  ).join('\n');
  return [
    {
      name: 'plain text',
      mailbox: sales,
      id: offerId,
      options: {
        from: CUSTOMER,
        subject: 'Question about offer 4711',
        text: 'Hello,\n\nis the price in offer 4711 per box or per pallet? We would take 12 boxes.\n\nKind regards\nTom Whitfield\nHarbour Tea Ltd\n',
      },
    },
    {
      name: 'HTML with a text alternative',
      mailbox: sales,
      id: id('spring', 'kestrelprint.example'),
      options: {
        from: { name: 'Kestrel Print', address: 'hello@kestrelprint.example' },
        replyTo: { name: 'Kestrel Print orders', address: 'orders@kestrelprint.example' },
        subject: 'Spring catalogue: your printing slot is free',
        text: 'Your slot on 3 March is free. Reply to keep it.',
        html: '<html><body><h2>Your slot is free</h2><p>3 March, <b>20,000 copies</b>, 4 colours.</p><p><a href="https://kestrelprint.example/slot?id=88&amp;lang=en">Keep it</a></p></body></html>',
      },
    },
    {
      name: 'reply with a quote',
      mailbox: maria,
      id: id('re-spring-order', 'harbourtea.example'),
      options: {
        from: CUSTOMER,
        subject: 'RE: Spring order',
        inReplyTo: id('spring-order', 'northwind.example'),
        references: [offerId, id('spring-order', 'northwind.example')],
        text: REPLY_QUOTE,
      },
    },
    {
      name: 'PDF attachment',
      mailbox: invoices,
      id: id('inv-2025-0093', 'alpenkaffee.example'),
      options: {
        from: { name: 'Müller, Jörg', address: 'buchhaltung@alpenkaffee.example' },
        subject: 'Rechnung 2025-0093 über 1.240,00 €',
        text: 'Sehr geehrte Damen und Herren,\n\nanbei unsere Rechnung. Zahlungsziel: 14 Tage.\n\nMit freundlichen Grüßen\nJörg Müller\n',
        attachments: [
          {
            filename: 'Rechnung 2025-0093 (Müller & Söhne).pdf',
            contentType: 'application/pdf',
            content: makePdf('Rechnung 2025-0093'),
          },
          { filename: 'positions.csv', contentType: 'text/csv', content: 'item;amount;price\nArabica 1kg;40;31.00\n' },
        ],
      },
    },
    {
      name: 'inline image',
      mailbox: support,
      id: id('broken-label', 'kestrelprint.example'),
      options: {
        from: { name: 'Ines Duarte', address: 'ines@kestrelprint.example' },
        subject: 'The label prints in the wrong green',
        text: 'It should be the green of the picture.',
        html: `<p>It should be this green:</p><p><img src="cid:${logo}" alt="label" width="64" height="32"></p><p>Ines</p>`,
        attachments: [
          { filename: 'label.png', contentType: 'image/png', cid: logo, content: makePng(64, 32, [16, 124, 80]) },
        ],
      },
    },
    {
      name: 'Japanese',
      mailbox: sales,
      id: id('mitsumori', 'sakura-bussan.example'),
      options: {
        from: { name: '田中 愛子', address: 'tanaka@sakura-bussan.example' },
        subject: 'お見積りのお願い（緑茶 200箱）',
        text: 'お世話になっております。\n\n緑茶200箱のお見積りをお願いいたします。納期は三月末を希望しております。\n\n田中\n',
      },
    },
    {
      name: 'Arabic, right to left',
      mailbox: support,
      id: id('shipment', 'bahr-trading.example'),
      options: {
        from: { name: 'ليلى حداد', address: 'layla@bahr-trading.example' },
        subject: 'استفسار عن الشحنة رقم 5512',
        html: '<div dir="rtl"><p>مرحباً،</p><p>متى تصل الشحنة رقم 5512؟</p><p>شكراً، ليلى</p></div>',
      },
    },
    {
      name: 'emoji in the subject, many in copy',
      mailbox: maria,
      id: id('launch', 'kestrelprint.example'),
      options: {
        from: { name: 'Sam O’Neill', address: 'sam@kestrelprint.example' },
        to: [{ name: 'Maria Lindqvist', address: maria.address }, CUSTOMER],
        cc: Array.from({ length: 14 }, (_, index) => ({
          name: `Guest ${index + 1}`,
          address: `guest${index + 1}@kestrelprint.example`,
        })),
        subject: '🎉 Launch party 👩‍🎨 – who brings the cake? 🍰',
        text: 'Reply to all, please. I bring the tea.\n\nSam\n',
      },
    },
    {
      name: '400 KB body',
      mailbox: sales,
      id: id('price-list', 'alpenkaffee.example'),
      options: {
        from: { name: 'Alpenkaffee price service', address: 'prices@alpenkaffee.example' },
        subject: 'Complete price list, 5,600 items',
        html: `<html><body><h1>Price list</h1><table>\n${longTable}\n</table></body></html>`,
      },
    },
    {
      name: 'automatic reply',
      mailbox: maria,
      id: id('ooo', 'harbourtea.example'),
      options: {
        from: CUSTOMER,
        subject: 'Automatic reply: Spring order',
        inReplyTo: id('spring-order', 'northwind.example'),
        headers: { 'Auto-Submitted': 'auto-replied', 'X-Auto-Response-Suppress': 'All', Precedence: 'auto_reply' },
        text: 'I am out of the office until Monday. In urgent cases: office@harbourtea.example.',
      },
    },
    {
      name: 'meeting invitation',
      mailbox: maria,
      id: id('invite', 'harbourtea.example'),
      options: {
        from: CUSTOMER,
        subject: 'Invitation: tasting of the new blends',
        text: 'Tasting of the new blends, Tuesday 10:00, Harbour Tea Ltd.',
        icalEvent: {
          method: 'REQUEST',
          filename: 'invite.ics',
          content: [
            'BEGIN:VCALENDAR',
            'VERSION:2.0',
            'PRODID:-//Harbour Tea//Calendar//EN',
            'METHOD:REQUEST',
            'BEGIN:VEVENT',
            `UID:tasting.${stamp}@harbourtea.example`,
            'DTSTAMP:20250301T090000Z',
            'DTSTART:20250304T100000Z',
            'DTEND:20250304T113000Z',
            'SUMMARY:Tasting of the new blends',
            `ORGANIZER;CN=Tom Whitfield:mailto:${CUSTOMER.address}`,
            `ATTENDEE;CN=Maria Lindqvist;RSVP=TRUE:mailto:${maria.address}`,
            'END:VEVENT',
            'END:VCALENDAR',
            '',
          ].join('\r\n'),
        },
      },
    },
    {
      name: 'newsletter with list headers',
      mailbox: invoices,
      id: id('news-31', 'lists.ledgerweekly.example'),
      options: {
        from: { name: 'Ledger Weekly', address: 'news@ledgerweekly.example' },
        sender: 'bounces+31@lists.ledgerweekly.example',
        subject: 'Ledger Weekly 31: e-invoices, line by line',
        headers: {
          Precedence: 'bulk',
          'List-Id': 'Ledger Weekly <weekly.lists.ledgerweekly.example>',
          'List-Unsubscribe': '<https://ledgerweekly.example/off?u=9f2>, <mailto:off@lists.ledgerweekly.example>',
          'List-Unsubscribe-Post': 'List-Unsubscribe=One-Click',
        },
        html: '<p>This week: what changes with structured e-invoices.</p>',
      },
    },
    {
      name: 'forwarded mail attached',
      mailbox: support,
      id: id('fwd', 'northwind.example'),
      options: {
        from: { name: 'Maria Lindqvist', address: maria.address },
        subject: 'FW: Tins arrived dented',
        text: 'Can you take this one? Maria',
        attachments: [
          {
            filename: 'Tins arrived dented.eml',
            contentType: 'message/rfc822',
            content: `From: ${CUSTOMER.address}\r\nTo: ${maria.address}\r\nSubject: Tins arrived dented\r\nMessage-ID: ${id('dented', 'harbourtea.example')}\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nThree of the forty tins are dented. What now?\r\n`,
          },
        ],
      },
    },
  ];
}
