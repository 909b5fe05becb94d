// Ordinary mail as a widely used composer writes it: the corpus is not only made of exceptions.
import MailComposer from 'nodemailer/lib/mail-composer/index.js';
import { noise, type EmlCase } from './raw-mail.ts';

type Options = ConstructorParameters<typeof MailComposer>[0];

async function composed(name: string, options: Options): Promise<EmlCase> {
  const node = new MailComposer({
    from: { name: 'Zoë Müller', address: 'zoe@northwind.example' },
    to: [{ name: 'Sales, Desk', address: 'sales@contoso.example' }, 'second@contoso.example'],
    date: new Date('2026-11-21T09:12:01Z'),
    messageId: `<${name}@northwind.example>`,
    headers: { 'X-Corpus-File': name },
    ...options,
  }).compile();
  // The composer draws boundaries at random; a fixed one keeps the committed files the same.
  node.baseBoundary = name;
  return { name, raw: await node.build() };
}

const logo = { filename: 'logo.png', content: noise(800, 51), cid: 'logo@northwind.example', contentType: 'image/png' };

/** Mail written by nodemailer. */
export function composedCases(): Promise<EmlCase[]> {
  return Promise.all([
    composed('composed-text', { subject: 'A plain letter', text: 'Hello,\n\nthis is all.\n\nNadia' }),
    composed('composed-unicode', {
      subject: 'Grüße – 見積もり 😀 '.repeat(6),
      text: 'Grüße – 見積もり 😀\n'.repeat(30),
    }),
    composed('composed-html', { subject: 'Both', text: 'plain side', html: '<p>HTML side <b>ü</b></p>' }),
    composed('composed-inline-image', {
      subject: 'Logo',
      html: '<img src="cid:logo@northwind.example">',
      attachments: [logo],
    }),
    composed('composed-everything', {
      subject: 'Quote 2026-114',
      cc: 'Carl Cc <carl@contoso.example>',
      bcc: 'hidden@contoso.example',
      replyTo: 'desk@northwind.example',
      sender: 'assistant@northwind.example',
      inReplyTo: '<q-113@contoso.example>',
      references: ['<q-112@contoso.example>', '<q-113@contoso.example>'],
      text: 'See the quote.',
      html: '<p>See the quote. <img src="cid:logo@northwind.example"></p>',
      attachments: [
        logo,
        { filename: 'Angebot für Müller – 見積.pdf', content: noise(5000, 52), contentType: 'application/pdf' },
        { filename: 'notes.txt', content: 'Zeile eins\r\nZeile zwei ü' },
        { filename: 'empty.dat', content: '' },
      ],
    }),
    composed('composed-invite', {
      subject: 'Invitation',
      text: 'Meeting',
      icalEvent: {
        method: 'REQUEST',
        content: 'BEGIN:VCALENDAR\r\nVERSION:2.0\r\nMETHOD:REQUEST\r\nEND:VCALENDAR\r\n',
      },
    }),
    composed('composed-eml-attached', {
      subject: 'Forward',
      text: 'See attached',
      attachments: [
        {
          filename: 'original.eml',
          content: 'Subject: inner\r\nFrom: a@b.example\r\n\r\ninner text\r\n',
          contentType: 'message/rfc822',
        },
      ],
    }),
    composed('composed-amp-and-html', {
      subject: 'AMP',
      text: 'text',
      html: '<p>html</p>',
      amp: '<!doctype html><html ⚡4email></html>',
    }),
    composed('composed-group', { subject: 'To a group', to: 'Team: a@contoso.example, "B, C" <bc@contoso.example>;' }),
    composed('composed-idn', { subject: 'IDN', to: 'info@müller.example' }),
  ]);
}
