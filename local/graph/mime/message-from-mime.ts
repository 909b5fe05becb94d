/** A raw mail as the mailbox keeps it. */
import { createHash } from 'node:crypto';
import type { EmailAddress, MessageContent, StoredAttachment } from '../message-record.ts';
import { readAddressList } from './address-list.ts';
import { readDateHeader } from './date-header.ts';
import { decodeWords } from './encoded-words.ts';
import { fieldOf, fieldsOf, type HeaderField, readHeaderBlock } from './header-fields.ts';
import { type AttachedPart, readMimeContent } from './mime-content.ts';
import { contentOf, type MimePart, readMime } from './mime-part.ts';

/** Reads a mail; whatever is broken in it, there is always a message. */
export function messageFromMime(bytes: Buffer): MessageContent {
  const root = readMime(bytes);
  const { fields } = root;
  const { html, text, attached } = readMimeContent(root);
  const subject = fieldOf(fields, 'subject');
  const from = firstAddress(fields, 'from');
  return {
    subject: subject === undefined ? null : decodeWords(subject).replace(/[\r\n]+/g, ' '),
    body: html === null ? { contentType: 'text', content: text ?? '' } : { contentType: 'html', content: html },
    plainText: html === null ? null : text,
    from,
    sender: firstAddress(fields, 'sender') ?? from,
    toRecipients: addresses(fields, 'to'),
    ccRecipients: addresses(fields, 'cc'),
    bccRecipients: addresses(fields, 'bcc'),
    replyTo: addresses(fields, 'reply-to'),
    internetMessageId: messageIdOf(fields),
    headers: fields.map(({ name, value }) => ({ name, value })),
    sentAt: readDateHeader(fieldOf(fields, 'date')),
    importance: importanceOf(fields),
    categories: [],
    flagStatus: 'notFlagged',
    isRead: false,
    isDraft: false,
    isDeliveryReceiptRequested: fieldOf(fields, 'return-receipt-to') !== undefined,
    isReadReceiptRequested: fieldOf(fields, 'disposition-notification-to') !== undefined,
    references: referencesOf(fields),
    conversationIndex: conversationIndexOf(fields),
    attachments: namedAttachments(attached, html),
    mime: bytes,
  };
}

function addresses(fields: readonly HeaderField[], name: string): EmailAddress[] {
  // Graph shows the address where a sender gave no name.
  return fieldsOf(fields, name)
    .flatMap(readAddressList)
    .map((each) => ({ name: each.name || each.address, address: each.address }));
}

function firstAddress(fields: readonly HeaderField[], name: string): EmailAddress | null {
  return addresses(fields, name)[0] ?? null;
}

function messageIdOf(fields: readonly HeaderField[]): string | null {
  const value = fieldOf(fields, 'message-id')?.trim() ?? '';
  return /<[^<>]*>/.exec(value)?.[0] ?? (value === '' ? null : value);
}

function referencesOf(fields: readonly HeaderField[]): string[] {
  const text = [...fieldsOf(fields, 'references'), ...fieldsOf(fields, 'in-reply-to')].join(' ');
  return text.match(/<[^<>\s]+>/g) ?? [];
}

function importanceOf(fields: readonly HeaderField[]): MessageContent['importance'] {
  const words = (
    fieldOf(fields, 'importance') ??
    fieldOf(fields, 'priority') ??
    fieldOf(fields, 'x-priority') ??
    ''
  ).toLowerCase();
  if (/^(high|urgent|[12]\b)/.test(words)) return 'high';
  if (/^(low|non-urgent|[45]\b)/.test(words)) return 'low';
  return 'normal';
}

/** Outlook's Thread-Index is the conversation index; others get a stable one of the same form. */
function conversationIndexOf(fields: readonly HeaderField[]): string {
  const index = fieldOf(fields, 'thread-index')?.replace(/\s+/g, '');
  if (index !== undefined && index !== '') return index;
  const root = referencesOf(fields)[0] ?? messageIdOf(fields) ?? JSON.stringify(fields.slice(0, 20));
  const bytes = createHash('sha256').update(root).digest().subarray(0, 22);
  bytes[0] = 1;
  return bytes.toString('base64');
}

const extensions: Record<string, string> = {
  'text/plain': 'txt',
  'text/html': 'htm',
  'text/calendar': 'ics',
  'text/rfc822-headers': 'txt',
  'message/delivery-status': 'txt',
  'message/disposition-notification': 'txt',
  'image/jpeg': 'jpg',
  'image/png': 'png',
  'image/gif': 'gif',
  'application/pdf': 'pdf',
  'application/pgp-signature': 'asc',
  'application/ms-tnef': 'dat',
};

/** Nameless attachments get the names that Exchange gives: ATT00001.txt and so on. */
function namedAttachments(attached: readonly AttachedPart[], html: string | null): StoredAttachment[] {
  let nameless = 0;
  return attached.map((each) => {
    const attachment = toAttachment(each, html);
    if (attachment.name !== null) return attachment;
    nameless += 1;
    const extension = extensions[each.part.type] ?? (attachment.kind === 'item' ? 'eml' : 'bin');
    return { ...attachment, name: `ATT${String(nameless).padStart(5, '0')}.${extension}` };
  });
}

function toAttachment({ part, related }: AttachedPart, html: string | null): StoredAttachment {
  const content = contentOf(part);
  const isItem = part.type === 'message/rfc822';
  const name = part.filename ?? (isItem ? embeddedSubject(content) : null);
  return {
    kind: isItem ? 'item' : 'file',
    name: name?.replace(/[\r\n\0]+/g, ' ') ?? null,
    contentType: isItem ? null : part.type,
    isInline: isInline(part, related, html),
    contentId: part.contentId,
    contentLocation: part.contentLocation,
    content,
    size: content.length,
  };
}

function embeddedSubject(content: Buffer): string | null {
  const { fields } = readHeaderBlock(content, 0, content.length);
  const subject = fieldOf(fields, 'subject');
  return subject === undefined || subject === '' ? null : decodeWords(subject);
}

/** Inline is what the HTML shows by its content id, or what stands beside it for that and is not called an attachment. */
function isInline(part: MimePart, related: boolean, html: string | null): boolean {
  if (part.contentId === null || html === null) return false;
  const id = part.contentId.toLowerCase();
  const text = html.toLowerCase();
  if (text.includes(`cid:${id}`) || text.includes(`cid:${encodeURIComponent(id)}`)) return true;
  return part.disposition === 'inline' && related;
}
