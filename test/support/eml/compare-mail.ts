// Compares what arrived with what the mail says. Answers sentences, so that a failing run names every difference of
// every file at once.
import { domainToASCII } from 'node:url';
import type { ExpectedAddress, ExpectedAttachment, ExpectedMail } from './mail-facts.ts';

/** A person as Graph or a mail event names them. */
export interface ActualAddress {
  readonly name?: string | null | undefined;
  readonly address?: string | null | undefined;
}

/** A mail as it arrived. */
export interface ActualMail {
  readonly from: ActualAddress | null;
  readonly sender: ActualAddress | null;
  readonly replyTo: readonly ActualAddress[];
  readonly to: readonly ActualAddress[];
  readonly cc: readonly ActualAddress[];
  readonly bcc: readonly ActualAddress[];
  readonly subject: string | null;
  readonly messageId: string | null;
  readonly sentAt: string | null;
  readonly receivedAt: string;
  readonly inReplyTo: string | null;
  readonly references: readonly string[];
  readonly body: { readonly contentType: string; readonly content: string };
  readonly attachments: readonly {
    readonly name: string | null;
    readonly contentType: string | null;
    readonly size: number;
    readonly contentId: string | null;
  }[];
}

// A domain may be written in letters or in punycode: it is the same one.
function sameForm(address: string): string {
  const at = address.lastIndexOf('@');
  return at < 0 ? address : `${address.slice(0, at)}@${domainToASCII(address.slice(at + 1)) || address.slice(at + 1)}`;
}

// Exchange shows the address as the name where a mail gives none.
function person(entry: ActualAddress | ExpectedAddress | null | undefined): string {
  const address = entry?.address ?? '';
  const name = entry?.name ?? '';
  return `${name === address ? '' : name} <${sameForm(address)}>`;
}

function people(entries: readonly (ActualAddress | ExpectedAddress)[]): string {
  return entries.map(person).join(', ');
}

// Line ends, empty lines at the end and a byte order mark belong to the transport, not to the text.
function text(content: string): string {
  const lines = content.replace(/^\ufeff/u, '').replaceAll(/\r\n?/gu, '\n');
  return lines.replace(/\n+$/u, '').toWellFormed();
}

function attachmentLine(attachment: ActualMail['attachments'][number] | ExpectedAttachment, named: boolean): string {
  const contentType = (attachment.contentType ?? '').toLowerCase();
  const name = named ? attachment.name : '(any name)';
  return `${String(name)} ${contentType} ${String(attachment.size)} ${attachment.contentId ?? ''}`;
}

function attachmentDifferences(actual: ActualMail['attachments'], expected: readonly ExpectedAttachment[]): string[] {
  if (actual.length !== expected.length) {
    const list = actual.map((entry) => attachmentLine(entry, true)).join('; ');
    return [`has ${String(actual.length)} attachments (${list}) instead of ${String(expected.length)}`];
  }
  return actual.flatMap((entry, index) => {
    const wanted = expected[index];
    if (wanted === undefined) return [];
    const named = wanted.name !== undefined;
    const [is, should] = [attachmentLine(entry, named), attachmentLine(wanted, named)];
    if (is !== should) return [`attachment ${String(index)} is "${is}" instead of "${should}"`];
    return named || (entry.name ?? '') !== '' ? [] : [`attachment ${String(index)} has no name`];
  });
}

function sentAtDifferences(actual: ActualMail, expected: ExpectedMail): string[] {
  const wanted = expected.sentAt?.toISOString() ?? new Date(actual.receivedAt).toISOString();
  const is = actual.sentAt === null ? null : new Date(actual.sentAt).toISOString();
  return is === wanted || (is === null && expected.sentAt === undefined)
    ? []
    : [`sentAt is ${String(is)} instead of ${wanted}`];
}

function excerptAround(is: string, should: string): string {
  let start = 0;
  while (start < is.length && is[start] === should[start]) start += 1;
  const from = Math.max(0, start - 20);
  return `${JSON.stringify(is.slice(from, start + 60))} instead of ${JSON.stringify(should.slice(from, start + 60))} at ${String(start)}`;
}

/** Every difference as a sentence; none if the mail arrived as it was sent. */
export function differences(actual: ActualMail, expected: ExpectedMail): string[] {
  const messageId = (actual.messageId ?? '').replaceAll(/^<|>$/gu, '');
  const pairs: readonly (readonly [field: string, is: string, should: string])[] = [
    ['from', person(actual.from), person(expected.from)],
    ['sender', person(actual.sender), person(expected.sender ?? actual.from)],
    ['replyTo', people(actual.replyTo), people(expected.replyTo)],
    ['to', people(actual.to), people(expected.to)],
    ['cc', people(actual.cc), people(expected.cc)],
    ['bcc', people(actual.bcc), people(expected.bcc)],
    ['subject', text(actual.subject ?? ''), text(expected.subject)],
    ['messageId', messageId, expected.messageId?.replaceAll(/^<|>$/gu, '') ?? messageId],
    ['inReplyTo', actual.inReplyTo ?? '', expected.inReplyTo ?? ''],
    ['references', actual.references.join(' '), expected.references.join(' ')],
    ['body type', actual.body.contentType.toLowerCase(), expected.body.contentType],
    ['body', text(actual.body.content), text(expected.body.content)],
  ];
  return [
    ...pairs.flatMap(([field, is, should]) => (is === should ? [] : [`${field} is ${excerptAround(is, should)}`])),
    ...(messageId === '' ? ['has no Message-ID'] : []),
    ...sentAtDifferences(actual, expected),
    ...attachmentDifferences(actual.attachments, expected.attachments),
  ];
}
