// Where mailparser 3.9 is wrong about a file of the corpus. Unless the reason says otherwise, each entry was decided by two
// other parsers that agree with each other, Python's email package and GMime 3.2 (November 2026).
import type { ExpectedAttachment, ExpectedMail } from './mail-facts.ts';

/** What a file says in truth, and why mailparser does not see it. */
export interface Correction {
  readonly reason: string;
  readonly facts: Partial<ExpectedMail>;
}

const pdf: ExpectedAttachment = { name: 'quote.pdf', contentType: 'application/pdf', size: 700, contentId: undefined };
const htmlBody = { contentType: 'html', content: '<html><body><p>Grüße in HTML</p></body></html>' } as const;

function unnamed(contentType: string, size: number): ExpectedAttachment {
  return { name: undefined, contentType, size, contentId: undefined };
}

/** By file name without `.eml`. */
export const corrections: Readonly<Record<string, Correction>> = {
  'charset-quoted-comment': {
    reason: 'takes the comment after the charset parameter for a part of the charset name',
    facts: { body: { contentType: 'text', content: 'Счёт за ноябрь' } },
  },
  'format-enriched': {
    reason:
      'attaches a text/enriched mail; Exchange takes it as the body ([MS-OXCMAIL] 2.2.3.3.2), and parsers disagree',
    facts: { body: { contentType: 'text', content: '<bold>Enriched</bold> text' }, attachments: [] },
  },
  'format-two-texts': {
    reason: 'joins all text parts; a mailbox shows the first and keeps the second as an attachment',
    facts: { body: { contentType: 'text', content: 'The first text.' }, attachments: [unnamed('text/plain', 16)] },
  },
  'format-type-without-slash': {
    reason: 'makes an attachment of a part whose type cannot be read; RFC 2045 section 5.2 makes it text/plain',
    facts: { body: { contentType: 'text', content: 'Content-Type is only the word text' }, attachments: [] },
  },
  'kind-text-image-text': {
    reason: 'joins all text parts; a mailbox shows the first and keeps the second as an attachment',
    facts: {
      body: { contentType: 'text', content: 'Before the picture' },
      attachments: [
        { name: 'IMG_0001.jpeg', contentType: 'image/jpeg', size: 600, contentId: 'pic@apple' },
        unnamed('text/plain', 17),
      ],
    },
  },
  'structure-boundary-missing-parameter': {
    reason: 'drops the text of a multipart whose boundary nobody told, as other parsers do; here no text is lost',
    facts: { body: { contentType: 'text', content: '--x\n\ntext of nobody\n--x--' } },
  },
  'structure-boundary-never-used': {
    reason: 'drops the text of a multipart without parts, as other parsers do; here no text is lost',
    facts: { body: { contentType: 'text', content: 'Only this text follows.' } },
  },
  'structure-boundary-trailing-space': {
    reason: 'does not take a boundary line with white space after it for one (RFC 2046 section 5.1.1 allows it)',
    facts: { body: { contentType: 'text', content: 'Grüße in plain text' }, attachments: [pdf] },
  },
  'structure-digest': {
    reason: 'does not know that parts of multipart/digest are message/rfc822 by default (RFC 2046 section 5.1.5)',
    facts: {
      body: { contentType: 'text', content: '' },
      attachments: [unnamed('message/rfc822', 259), unnamed('message/rfc822', 259)],
    },
  },
  'structure-empty-html-part': {
    reason: 'passes over an HTML part without content; it is still the HTML part',
    facts: { body: { contentType: 'html', content: '' } },
  },
  'structure-missing-close-inner': {
    reason: 'does not end an unclosed inner multipart at the boundary of the outer one (RFC 2046 section 5.1.2)',
    facts: { body: htmlBody, attachments: [pdf] },
  },
  'structure-mixed-footer': {
    reason: 'joins a list footer to the HTML; a mailbox keeps it as an attachment',
    facts: { body: htmlBody, attachments: [unnamed('text/plain', 11)] },
  },
  'structure-mixed-html-between': {
    reason: 'joins all HTML parts; a mailbox shows the first and keeps the second as an attachment',
    facts: { body: htmlBody, attachments: [pdf, unnamed('text/html', 12)] },
  },
  'structure-mixed-inline-text-file': {
    reason:
      'joins text files to the body because they are not called attachments; Exchange takes the first text as the body ' +
      '([MS-OXCMAIL] 2.2.3.3.2), other parsers disagree',
    facts: {
      body: { contentType: 'text', content: 'Grüße in plain text' },
      attachments: [
        { name: 'notes.txt', contentType: 'text/plain', size: 5, contentId: undefined },
        { name: 'page.html', contentType: 'text/html', size: 11, contentId: undefined },
      ],
    },
  },
  'structure-mixed-text-then-html': {
    reason: 'joins text and HTML; the HTML part is the body, the text before it stays an attachment',
    facts: { body: htmlBody, attachments: [unnamed('text/plain', 21)] },
  },
};
