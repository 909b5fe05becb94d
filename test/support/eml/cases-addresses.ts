// Who a mail is from and for, in all the ways that people and programs write it, and when it says it was sent.
import { wordB, wordQ } from './charset-samples.ts';
import { crlf, mail, type EmlCase } from './raw-mail.ts';

const zoe = Buffer.from('Zoë Müller', 'utf8');

function addressCase(name: string, ...headers: readonly string[]): EmlCase {
  return mail(`address-${name}`, { headers });
}

function recipients(count: number): string {
  return Array.from(
    { length: count },
    (_, index) => `"Person, ${String(index)}" <person${String(index)}@contoso.example>`,
  ).join(',\r\n ');
}

function plainAddressCases(): EmlCase[] {
  return [
    addressCase(
      'quoted-comma',
      'From: "Brandt, Nadia (Sales)" <nadia@northwind.example>',
      'To: "O\'Neil, Pat" <pat@contoso.example>, bare@contoso.example',
    ),
    addressCase('quoted-escapes', 'From: "Nadia \\"Nad\\" \\\\ Brandt" <nadia@northwind.example>'),
    addressCase('comment-as-name', 'From: nadia@northwind.example (Nadia Brandt)'),
    addressCase('comments', 'From: Nadia (the boss) Brandt <nadia@northwind.example> (work)'),
    addressCase('no-name', 'From: <nadia@northwind.example>', 'To: sales@contoso.example'),
    addressCase('no-domain', 'From: root', 'To: postmaster'),
    addressCase('no-domain-with-name', 'From: Cron Daemon <root>'),
    addressCase('name-is-an-address', 'From: "ceo@contoso.example" <mallory@evil.example>'),
    addressCase('name-unquoted-dots', 'From: J. R. Hartley <jr@northwind.example>'),
    addressCase('quoted-local-part', 'From: "much more unusual"@northwind.example', 'To: <"a b"@contoso.example>'),
    addressCase('plus-and-symbols', "From: <o'brien+tag/x=y@sub.northwind.example>"),
    addressCase('ip-literal', 'From: Device <scan@[192.0.2.7]>'),
    addressCase('empty-list-entries', 'To: , a@contoso.example,, b@contoso.example ,'),
    addressCase(
      'folded-list',
      'To: First\r\n <first@contoso.example>,\r\n\tSecond <second@contoso.example>,\r\n third@contoso.example',
    ),
    mail('address-missing-to', { without: ['To'] }),
    mail('address-missing-from', { without: ['From'] }),
    mail('address-missing-all', { without: ['From', 'To', 'Subject', 'Date', 'Message-ID'] }),
    addressCase('empty-from', 'From: <>', 'Sender: mailer-daemon@northwind.example'),
    addressCase('300-recipients', `To: ${recipients(300)}`, `Cc: ${recipients(20)}`),
    addressCase(
      'same-person-twice',
      'To: Pat <pat@contoso.example>, PAT <Pat@Contoso.Example>',
      'Cc: Pat <pat@contoso.example>',
    ),
  ];
}

function oddAddressCases(): EmlCase[] {
  return [
    addressCase('group', 'To: Managers: "A, B" <ab@contoso.example>, c@contoso.example;, single@contoso.example'),
    addressCase('undisclosed', 'To: undisclosed-recipients:;', 'Bcc: hidden@contoso.example'),
    addressCase('bcc', 'Bcc: Secret <secret@contoso.example>, two@contoso.example'),
    addressCase(
      'two-from-with-sender',
      'From: Ann <ann@northwind.example>, Bob <bob@northwind.example>',
      'Sender: Bob <bob@northwind.example>',
    ),
    addressCase(
      'sender-differs',
      'From: Boss <boss@northwind.example>',
      'Sender: Assistant <assistant@northwind.example>',
    ),
    addressCase('reply-to-many', 'Reply-To: Desk <desk@northwind.example>, backup@northwind.example'),
    addressCase(
      'duplicate-to-headers',
      'To: a@contoso.example',
      'To: b@contoso.example',
      'Cc: c@contoso.example',
      'Cc: d@contoso.example',
    ),
    addressCase('duplicate-from', 'From: First <first@northwind.example>', 'From: Second <second@northwind.example>'),
    addressCase(
      'encoded-name-q',
      `From: ${wordQ('utf-8', zoe)} <zoe@northwind.example>`,
      'To: =?iso-8859-1?Q?J=F6rg?= =?iso-8859-1?Q?_M=FCller?= <j@contoso.example>',
    ),
    addressCase('encoded-name-b-comma', `From: ${wordB('utf-8', Buffer.from('Müller, Zoë'))} <zoe@northwind.example>`),
    addressCase('encoded-inside-quotes', `From: "${wordQ('utf-8', zoe)}" <zoe@northwind.example>`),
    addressCase(
      'encoded-name-is-address',
      `From: ${wordB('utf-8', Buffer.from('ceo@contoso.example'))} <mallory@evil.example>`,
    ),
    addressCase(
      'encoded-with-angle',
      `From: ${wordB('utf-8', Buffer.from('Ceo <ceo@contoso.example>'))} <mallory@evil.example>`,
    ),
    addressCase('raw-utf8-name', 'From: Zoë 見積 <zoe@northwind.example>', 'To: "Jörg, B." <j@contoso.example>'),
    addressCase('utf8-address', 'From: 用户 <用户@例子.广告>'),
    addressCase('punycode-domain', 'From: IDN <info@xn--mller-kva.example>'),
    addressCase('emoji-name', 'From: "🚀 Launch ⚡" <launch@northwind.example>'),
    addressCase('semicolon-list', 'To: a@contoso.example; b@contoso.example'),
    addressCase(
      'outlook-quotes',
      "To: 'Pat Doe' <pat@contoso.example>",
      "From: 'nadia@northwind.example' <nadia@northwind.example>",
    ),
  ];
}

const dates: readonly (readonly [name: string, value: string])[] = [
  ['no-weekday', '21 Nov 2026 09:12:01 +0100'],
  ['no-seconds', 'Sat, 21 Nov 2026 09:12 +0100'],
  ['minus-zero', 'Sat, 21 Nov 2026 09:12:01 -0000'],
  ['obsolete-zone', 'Sat, 21 Nov 2026 09:12:01 EST'],
  ['gmt', 'Sat, 21 Nov 2026 09:12:01 GMT'],
  ['ut-zone', 'Sat, 21 Nov 2026 09:12:01 UT'],
  ['two-digit-year', 'Sat, 21 Nov 98 09:12:01 +0200'],
  ['wrong-weekday', 'Mon, 21 Nov 2026 09:12:01 +0000'],
  ['comment', 'Sat, 21 Nov 2026 09:12:01 +0530 (IST)'],
  ['folded', 'Sat,\r\n 21 Nov 2026\r\n\t09:12:01 -0800'],
  ['double-spaces', 'Sat,  1 Aug 2026  09:12:01  +0200'],
  ['one-digit-parts', 'Sat, 1 Aug 2026 9:02:01 +0200'],
  ['half-hour-zone', 'Sat, 21 Nov 2026 09:12:01 -0330'],
  ['leap-day', 'Thu, 29 Feb 2024 23:59:59 +1400'],
  ['no-zone', 'Sat, 21 Nov 2026 09:12:01'],
  ['far-past', 'Thu, 01 Jan 1970 00:00:00 +0000'],
  ['future', 'Fri, 31 Dec 2049 23:59:59 +0000'],
  ['unreadable', 'yesterday at noon'],
];

function dateCases(): EmlCase[] {
  return [
    ...dates.map(([name, value]) => mail(`date-${name}`, { headers: [`Date: ${value}`] })),
    mail('date-missing', { without: ['Date'] }),
    mail('date-twice', { headers: ['Date: Sat, 21 Nov 2026 09:12:01 +0000', 'Date: Sun, 22 Nov 2026 10:00:00 +0000'] }),
    mail('date-not-header-but-body', { body: crlf('Date: Sun, 22 Nov 2026 10:00:00 +0000', 'Subject: not a header') }),
  ];
}

/** Address and date cases. */
export function addressCases(): EmlCase[] {
  return [...plainAddressCases(), ...oddAddressCases(), ...dateCases()];
}
