// What a mail says, read by mailparser and by our own look at the raw headers: the expectation that the Graph emulator
// (which reads mail with another library) and the whole pipeline are compared with.
import { simpleParser, type AddressObject, type Attachment, type EmailAddress, type HeaderValue } from 'mailparser';
import { corrections } from './corrections.ts';
import { mailDate } from './mail-date.ts';
import type { ExpectedAddress, ExpectedAttachment, ExpectedMail } from './mail-facts.ts';
import { firstHeader, rawHeaders, type RawHeader } from './raw-headers.ts';

// Attached mail stays one attachment and reports stay parts: by default mailparser unpacks both into the body.
const options = {
  ignoreEmbedded: true,
  keepDeliveryStatus: true,
  keepCidLinks: true,
  skipHtmlToText: true,
  skipTextToHtml: true,
};

// mailparser takes a bare local part (`From: root`) for a name; for everybody else it is the address.
function withAddress(entry: EmailAddress): ExpectedAddress {
  const address = entry.address ?? '';
  const isLocalPart = address === '' && /^[^\s@]+$/u.test(entry.name);
  return isLocalPart ? { name: '', address: entry.name } : { name: entry.name, address };
}

function flatten(entries: readonly EmailAddress[]): ExpectedAddress[] {
  return entries.flatMap((entry) => (entry.group === undefined ? [withAddress(entry)] : flatten(entry.group)));
}

function isAddressObject(value: HeaderValue | undefined): value is AddressObject {
  return typeof value === 'object' && 'value' in value && Array.isArray(value.value);
}

/** Reads one header line alone, because mailparser lets a later line of the same name replace an earlier one. */
async function readAddresses(value: string): Promise<ExpectedAddress[]> {
  const parsed = await simpleParser(Buffer.from(`To: ${value}\r\n\r\n`), options);
  const header = parsed.headers.get('to');
  return isAddressObject(header) ? flatten(header.value) : [];
}

async function addressesOf(headers: readonly RawHeader[], name: string): Promise<ExpectedAddress[]> {
  const lines = headers.filter((header) => header.name.toLowerCase() === name && header.value !== '');
  const read = await Promise.all(lines.map((line) => readAddresses(line.value)));
  return read.flat().filter((entry) => entry.name !== '' || entry.address !== '');
}

async function firstAddress(headers: readonly RawHeader[], name: string): Promise<ExpectedAddress | undefined> {
  const first = headers.find((header) => header.name.toLowerCase() === name && header.value !== '');
  return first === undefined ? undefined : (await addressesOf([first], name))[0];
}

async function subjectOf(headers: readonly RawHeader[]): Promise<string> {
  const value = firstHeader(headers, 'subject');
  if (value === undefined) return '';
  return (await simpleParser(Buffer.from(`Subject: ${value}\r\n\r\n`), options)).subject ?? '';
}

function ids(value: string | undefined): string[] {
  return value?.match(/<[^<>]*>/gu) ?? [];
}

/** The type as the part declares it: mailparser guesses another one from the file name. */
function declaredType(attachment: Attachment): string {
  const header = attachment.headers.get('content-type');
  if (header === undefined) return 'text/plain';
  return typeof header === 'object' && 'params' in header ? header.value.toLowerCase() : attachment.contentType;
}

// mailparser unflows such text (and mixes up quoted lines); this keeps it as the mail has it, like other parsers do.
function withoutFlow(raw: Buffer): Buffer {
  return Buffer.from(raw.toString('latin1').replaceAll(/\bformat=flowed\b/giu, 'format=fixed'), 'latin1');
}

function toExpectedAttachment(attachment: Attachment): ExpectedAttachment {
  return {
    name: attachment.filename,
    contentType: declaredType(attachment),
    size: attachment.size,
    contentId: attachment.cid,
  };
}

/** Reads a mail; `name` is its file name without `.eml`, under which `corrections` may know better than mailparser. */
export async function expectedMail(name: string, raw: Buffer): Promise<ExpectedMail> {
  const parsed = await simpleParser(withoutFlow(raw), options);
  const headers = rawHeaders(raw);
  const date = firstHeader(headers, 'date');
  const inReplyTo = firstHeader(headers, 'in-reply-to');
  return {
    from: await firstAddress(headers, 'from'),
    sender: await firstAddress(headers, 'sender'),
    replyTo: await addressesOf(headers, 'reply-to'),
    to: await addressesOf(headers, 'to'),
    cc: await addressesOf(headers, 'cc'),
    bcc: await addressesOf(headers, 'bcc'),
    subject: await subjectOf(headers),
    messageId: firstHeader(headers, 'message-id'),
    sentAt: date === undefined ? undefined : mailDate(date),
    inReplyTo: ids(inReplyTo)[0] ?? inReplyTo,
    references: ids(firstHeader(headers, 'references')),
    body:
      typeof parsed.html === 'string'
        ? { contentType: 'html', content: parsed.html }
        : { contentType: 'text', content: parsed.text ?? '' },
    attachments: parsed.attachments.map(toExpectedAttachment),
    ...corrections[name]?.facts,
  };
}
