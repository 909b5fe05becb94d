// Subjects, ids, references and everything else that a header block can do.
import { charsetSample, wordB, wordQ } from './charset-samples.ts';
import { crlf, join, latin1, mail, type EmlCase } from './raw-mail.ts';

const utf8 = Buffer.from('Grüße – 見積もり 😀 ok', 'utf8');

/** Base64 words that cut multi-byte characters in two, as careless senders do. */
function splitMidCharacter(): string {
  const pieces = [utf8.subarray(0, 4), utf8.subarray(4, 13), utf8.subarray(13, 20), utf8.subarray(20)];
  return pieces.map((piece) => wordB('utf-8', Buffer.from(piece))).join('\r\n ');
}

function manyReferences(count: number): string {
  const ids = Array.from(
    { length: count },
    (_, index) => `<thread-${String(index).padStart(4, '0')}.reference@mail.northwind.example>`,
  );
  return `References: ${ids.join('\r\n ')}`;
}

function subjectCases(): EmlCase[] {
  return [
    mail('subject-q-word', { headers: [`Subject: Re: ${wordQ('utf-8', utf8)} end`] }),
    mail('subject-b-split-mid-char', { headers: [`Subject: ${splitMidCharacter()}`] }),
    mail('subject-adjacent-words', {
      headers: ['Subject: =?utf-8?Q?Hel?= =?utf-8?Q?lo_?=\r\n\t=?utf-8?B?V29ybGQ=?= plain =?utf-8?q?tail?='],
    }),
    mail('subject-language-tag', { headers: ['Subject: =?utf-8*en?Q?price_=E2=82=AC?='] }),
    mail('subject-raw-utf8', { headers: ['Subject: Grüße – 見積もり 😀'] }),
    mail('subject-raw-utf8-folded', { headers: [`Subject: ${'Grüße und mehr '.repeat(4)}\r\n weiter 見積 😀`] }),
    mail('subject-missing', { without: ['Subject'] }),
    mail('subject-empty', { headers: ['Subject: '] }),
    mail('subject-only-fold', { headers: ['Subject:\r\n Starts on the second line'] }),
    mail('subject-tabs', { headers: ['Subject: folded\r\n\twith a tab\r\n  and two spaces'] }),
    mail('subject-twice', { headers: ['Subject: the first', 'Subject: the second'] }),
    mail('subject-long-5000', { headers: [`Subject: ${'A very long subject line. '.repeat(200)}end`] }),
    mail('subject-html-like', { headers: ['Subject: <script>alert(1)</script> & "quotes" \\ back'] }),
    mail('subject-looks-encoded', { headers: ['Subject: a =?not encoded? b =?utf-8?X?abc?= c'] }),
    mail('subject-word-inside-text', { headers: ['Subject: [tag]=?utf-8?Q?_gl=C3=BCed?='] }),
    mail('subject-q-underscore-hex', { headers: ['Subject: =?iso-8859-1?Q?under=5Fscore_=3D_and_=3F?='] }),
    mail('subject-lower-case-b', { headers: [`Subject: ${wordB('UTF-8', utf8).replace('?B?', '?b?')}`] }),
    mail('subject-rtl-marks', { headers: ['Subject: \u200f\u202bהצעה\u202c\u200e 2026 \u2066x\u2069'] }),
    mail('subject-lone-surrogate', { headers: [`Subject: ${wordB('utf-8', Buffer.from('6120eda0bd2062', 'hex'))}`] }),
    mail('subject-iso2022-two-words', {
      headers: [
        `Subject: ${wordB('iso-2022-jp', charsetSample('iso-2022-jp').bytes)}\r\n ${wordB('iso-2022-jp', charsetSample('iso-2022-jp').bytes)}`,
      ],
    }),
    mail('subject-control-characters', { headers: ['Subject: bell \u0007 and vertical \u000b tab'] }),
  ];
}

function threadCases(): EmlCase[] {
  return [
    mail('thread-reply', {
      headers: ['In-Reply-To: <parent@contoso.example>', 'References: <root@contoso.example> <parent@contoso.example>'],
    }),
    mail('thread-references-400', {
      headers: ['In-Reply-To: <thread-0399.reference@mail.northwind.example>', manyReferences(400)],
    }),
    mail('thread-references-tabs-and-commas', {
      headers: ['References: <a@x.example>,\r\n\t<b@x.example>\t<c@x.example>', 'In-Reply-To: <c@x.example>'],
    }),
    mail('thread-references-glued', {
      headers: ['References: <a@x.example><b@x.example><c@x.example>', 'In-Reply-To: <c@x.example>'],
    }),
    mail('thread-in-reply-to-phrase', {
      headers: ['In-Reply-To: Your message of "Fri, 20 Nov 2026" <parent@contoso.example>'],
    }),
    mail('thread-message-id-folded', { headers: ['Message-ID:\r\n <CAF+very-long.id_2026@mail.northwind.example>'] }),
    mail('thread-message-id-missing', { without: ['Message-ID'] }),
    mail('thread-message-id-no-brackets', { headers: ['Message-ID: bare-id@northwind.example'] }),
    mail('thread-message-id-odd', { headers: ['Message-Id: <"quoted part"!#$%&+/=?^_`{|}~@[192.0.2.1]>'] }),
    mail('thread-message-id-spaces', { headers: ['MESSAGE-ID:    <padded@northwind.example>   '] }),
    mail('thread-message-id-twice', {
      headers: ['Message-ID: <first@northwind.example>', 'Message-ID: <second@northwind.example>'],
    }),
  ];
}

function blockCases(): EmlCase[] {
  return [
    mail('headers-over-64k', {
      headers: Array.from({ length: 90 }, (_, index) => `X-Filler-${String(index)}: ${'filler text '.repeat(66)}`),
    }),
    mail('headers-line-over-998', { headers: [`X-Long: ${'x'.repeat(5000)}`] }),
    mail('headers-odd-case', {
      headers: ['SUBJECT: upper', 'fRoM: Mixed <mixed@northwind.example>', 'to: low@contoso.example'],
    }),
    mail('headers-space-before-colon', { headers: ['Subject : spaced name'] }),
    mail('headers-latin1-raw', { headers: ['X-Note: caf\u00e9', latin1('X-Latin: caf\u00e9 \u00fc')] }),
    mail('headers-empty-values', { headers: ['Cc:', 'Reply-To: ', 'In-Reply-To:', 'References:', 'X-Empty:'] }),
    mail('headers-received-chain', {
      headers: Array.from(
        { length: 12 },
        (_, hop) =>
          `Received: from hop${String(hop)}.example (hop${String(hop)}.example [192.0.2.${String(hop)}])\r\n\tby hop${String(hop + 1)}.example with ESMTPS id ${String(hop)}abc\r\n\tfor <sales@contoso.example>; Sat, 21 Nov 2026 09:1${String(hop % 10)}:00 +0000`,
      ),
    }),
    mail('headers-dkim-and-arc', {
      headers: [
        'DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=northwind.example; s=s1;\r\n\th=from:to:subject; bh=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=;\r\n\tb=AAAA/+==',
        'ARC-Seal: i=1; a=rsa-sha256; t=12345; cv=none; d=northwind.example; s=arc; b=BBBB==',
      ],
    }),
    mail('headers-list', {
      headers: [
        'List-Id: "Price list, weekly" <prices.northwind.example>',
        'List-Unsubscribe: <mailto:leave@northwind.example?subject=x>, <https://northwind.example/u?id=1>',
        'List-Unsubscribe-Post: List-Unsubscribe=One-Click',
        'List-Post: NO (posting not allowed)',
        'Precedence: bulk',
        'Sender: bounces+123=x@lists.northwind.example',
      ],
    }),
    mail('headers-auto-reply', {
      headers: [
        'Auto-Submitted: auto-replied',
        'X-Auto-Response-Suppress: All',
        'Precedence: auto_reply',
        'In-Reply-To: <q@contoso.example>',
        'Return-Path: <>',
      ],
    }),
    mail('headers-priority', {
      headers: ['Importance: High', 'X-Priority: 1 (Highest)', 'Sensitivity: Company-Confidential'],
    }),
    mail('headers-prototype-names', {
      headers: ['__proto__: polluted', 'constructor: polluted', 'toString: polluted'],
    }),
    {
      name: 'headers-mbox-from-line',
      raw: join('From nadia@northwind.example Sat Nov 21 09:12:01 2026\r\n', mail('headers-mbox-from-line').raw),
    },
    { name: 'headers-only', raw: mail('headers-only', { body: '' }).raw.subarray(0, -2) },
    { name: 'headers-none', raw: crlf('', 'A mail without any header, only this body.') },
    {
      name: 'headers-lf-only',
      raw: Buffer.from(
        mail('headers-lf-only', { headers: ['X-Folded: one\r\n two'] })
          .raw.toString('latin1')
          .replaceAll('\r\n', '\n'),
        'latin1',
      ),
    },
    {
      name: 'headers-bom-first',
      raw: join(Buffer.from('efbbbf', 'hex'), 'X-First: swallowed by some\r\n', mail('headers-bom-first').raw),
    },
  ];
}

/** Header cases without addresses and dates, which have files of their own. */
export function headerCases(): EmlCase[] {
  return [...subjectCases(), ...threadCases(), ...blockCases()];
}
