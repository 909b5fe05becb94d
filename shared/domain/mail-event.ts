import { createHash } from 'node:crypto';
import * as z from 'zod';
import type { Header, Mail, Person } from './mail.ts';

/** Where a part lies that is too large for a queue message: a create-only blob, with the digest to check it against. */
const claimCheckSchema = z.object({
  container: z.string(),
  /** `<mailbox>/<ledger key>/<part>` */
  blob: z.string(),
  contentType: z.string(),
  /** Bytes. */
  size: z.number().int().nonnegative(),
  /** Hex. */
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
});
export type ClaimCheck = z.infer<typeof claimCheckSchema>;

const personSchema = z.object({ name: z.string().nullable(), address: z.string().nullable() });

const attachmentSchema = z.object({
  id: z.string(),
  /** `file`, `item` (an attached mail, contact or event) or `reference` (a link to the cloud). */
  kind: z.enum(['file', 'item', 'reference']),
  name: z.string().nullable(),
  contentType: z.string().nullable(),
  /** Bytes as Graph counts them; for a `reference` the size of its metadata. */
  size: z.number().int().nonnegative(),
  isInline: z.boolean(),
  contentId: z.string().nullable(),
  claimCheck: claimCheckSchema.optional(),
});

const messageSchema = z.object({
  /** Immutable id: stays the same when the mail is moved inside its mailbox. Case-sensitive. */
  id: z.string(),
  internetMessageId: z.string().nullable(),
  conversationId: z.string().nullable(),
  subject: z.string().nullable(),
  from: personSchema.nullable(),
  sender: personSchema.nullable(),
  replyTo: z.array(personSchema),
  to: z.array(personSchema),
  cc: z.array(personSchema),
  bcc: z.array(personSchema),
  receivedAt: z.iso.datetime(),
  sentAt: z.iso.datetime().nullable(),
  /** Message-ID of the mail that this one answers, with its angle brackets. */
  inReplyTo: z.string().nullable(),
  /** Message-IDs of the thread, oldest first. */
  references: z.array(z.string()),
  importance: z.string().nullable(),
  /** All internet headers in the order of the mail, repeated ones included. */
  headers: z.array(z.object({ name: z.string(), value: z.string() })),
  /** Untrusted: sanitise HTML before showing it. Either `content`, or `claimCheck` where the body is too large. */
  body: z.union([
    z.object({ contentType: z.enum(['html', 'text']), content: z.string() }),
    z.object({ contentType: z.enum(['html', 'text']), claimCheck: claimCheckSchema }),
  ]),
  attachments: z.array(attachmentSchema),
  /** The raw mail (.eml), where INCLUDE_MIME is on. */
  mime: claimCheckSchema.optional(),
});

/**
 * The mail event, version 1: a CloudEvents 1.0 event in JSON. `id` stays the same when the event is sent again.
 * `data.message` is replaced by `data.messageClaimCheck` (a blob with exactly that object as JSON) for a mail whose
 * headers or recipients alone exceed a queue message.
 */
export const mailEventSchema = z.object({
  specversion: z.literal('1.0'),
  id: z.string().min(1),
  source: z.string().min(1),
  type: z.literal('graph-mail-ingest.mail.received.v1'),
  subject: z.string(),
  time: z.iso.datetime(),
  datacontenttype: z.literal('application/json'),
  data: z.object({
    version: z.literal(1),
    tenantId: z.string(),
    mailbox: z.object({ id: z.string(), address: z.string().nullable() }),
    folder: z.object({ id: z.string() }),
    message: messageSchema.optional(),
    messageClaimCheck: claimCheckSchema.optional(),
  }),
});

export type MailEvent = z.infer<typeof mailEventSchema>;
type Message = z.infer<typeof messageSchema>;

/** Where the mail was found. */
export interface Place {
  tenant: string;
  mailbox: string;
  address: string | undefined;
  folderId: string;
}

/** A blob to be stored before the event that names it is sent. */
export interface Part {
  claimCheck: ClaimCheck;
  content: Buffer;
}

/**
 * Service Bus Standard refuses messages over 256 KB, headers included (quotas page); the rest is left for the envelope
 * and for the AMQP encoding.
 */
export const MAX_EVENT_BYTES = 224 * 1024;

const headerValue = (headers: Header[], name: string): string | undefined =>
  headers.find((header) => header.name.toLowerCase() === name)?.value;

const messageIds = (value: string | undefined): string[] => value?.match(/<[^<>\s]+>/g) ?? [];

// A lone surrogate has no UTF-8 form; it would arrive as something else than was digested.
const text = (value: string): string => value.toWellFormed();
const nullable = (value: string | undefined): string | null => (value === undefined ? null : text(value));

const toPerson = (person: Person) => ({ name: nullable(person.name), address: nullable(person.address) });

function toMessage(mail: Mail): Message {
  const inReplyTo = headerValue(mail.headers, 'in-reply-to');
  return {
    id: mail.id,
    internetMessageId: nullable(mail.internetMessageId),
    conversationId: nullable(mail.conversationId),
    subject: nullable(mail.subject),
    from: mail.from ? toPerson(mail.from) : null,
    sender: mail.sender ? toPerson(mail.sender) : null,
    replyTo: mail.replyTo.map(toPerson),
    to: mail.to.map(toPerson),
    cc: mail.cc.map(toPerson),
    bcc: mail.bcc.map(toPerson),
    receivedAt: mail.receivedAt.toISOString(),
    sentAt: mail.sentAt?.toISOString() ?? null,
    inReplyTo: nullable(messageIds(inReplyTo)[0] ?? (inReplyTo?.trim() || undefined)),
    references: messageIds(headerValue(mail.headers, 'references')).map(text),
    importance: nullable(mail.importance),
    headers: mail.headers.map(({ name, value }) => ({ name: text(name), value: text(value) })),
    body: { contentType: mail.body.contentType, content: text(mail.body.content) },
    attachments: mail.attachments.map((attachment) => ({
      id: attachment.id,
      kind: attachment.kind,
      name: nullable(attachment.name),
      contentType: nullable(attachment.contentType),
      size: attachment.size,
      isInline: attachment.isInline,
      contentId: nullable(attachment.contentId),
    })),
  };
}

/** The event of a mail, whole; `id` is its MessageId. */
export function toMailEvent(mail: Mail, place: Place, id: string): MailEvent {
  return {
    specversion: '1.0',
    id,
    source: `/tenants/${place.tenant}/mailboxes/${place.mailbox}`,
    type: 'graph-mail-ingest.mail.received.v1',
    subject: mail.id,
    time: mail.receivedAt.toISOString(),
    datacontenttype: 'application/json',
    data: {
      version: 1,
      tenantId: place.tenant,
      mailbox: { id: place.mailbox, address: place.address ?? null },
      folder: { id: mail.parentFolderId ?? place.folderId },
      message: toMessage(mail),
    },
  };
}

/** The type that a blob is stored with. What a sender wrote may not fit into a header at all, or forge a second one. */
export const typeOfBlob = (written: string | null): string =>
  /^\s*([\w!#$&^.+-]{1,127}\/[\w!#$&^.+-]{1,127})\s*(?:;|$)/.exec(written ?? '')?.[1] ?? 'application/octet-stream';

/** Describes `content` as a claim check; the name never takes anything from the mail itself (path escape). */
export function claimCheckFor(container: string, blob: string, contentType: string, content: Buffer): ClaimCheck {
  const sha256 = createHash('sha256').update(content).digest('hex');
  return { container, blob, contentType, size: content.length, sha256 };
}

/**
 * Fits an event into a queue message: first the body leaves for a claim check, then, if headers or recipients alone are
 * too large, the whole message. `folderOfParts` is `<mailbox>/<ledger key>`.
 */
export function fitEvent(event: MailEvent, container: string, folderOfParts: string): { body: string; parts: Part[] } {
  const whole = JSON.stringify(event);
  const message = event.data.message;
  if (Buffer.byteLength(whole) <= MAX_EVENT_BYTES || !message) return { body: whole, parts: [] };

  const parts: Part[] = [];
  const checkIn = (name: string, contentType: string, content: Buffer): ClaimCheck => {
    const claimCheck = claimCheckFor(container, `${folderOfParts}/${name}`, contentType, content);
    parts.push({ claimCheck, content });
    return claimCheck;
  };

  if ('content' in message.body) {
    const { contentType, content } = message.body;
    const mediaType = contentType === 'html' ? 'text/html; charset=utf-8' : 'text/plain; charset=utf-8';
    message.body = { contentType, claimCheck: checkIn('body', mediaType, Buffer.from(content)) };
  }
  const withoutBody = JSON.stringify(event);
  if (Buffer.byteLength(withoutBody) <= MAX_EVENT_BYTES) return { body: withoutBody, parts };

  const { message: _, ...data } = event.data;
  const messageClaimCheck = checkIn('message', 'application/json', Buffer.from(JSON.stringify(message)));
  return { body: JSON.stringify({ ...event, data: { ...data, messageClaimCheck } }), parts };
}
