import * as z from 'zod';
import type { Attachment, Mail, MailPage, PageEntry, Person } from '../../domain/mail.ts';

/** Fields asked for in every request for mail; `internetMessageHeaders` comes only when selected (resources/message). */
export const MESSAGE_FIELDS = [
  'id',
  'receivedDateTime',
  'sentDateTime',
  'isDraft',
  'parentFolderId',
  'internetMessageId',
  'conversationId',
  'subject',
  'from',
  'sender',
  'toRecipients',
  'ccRecipients',
  'bccRecipients',
  'replyTo',
  'importance',
  'isRead',
  'internetMessageHeaders',
  'body',
  'hasAttachments',
].join(',');

/** Without `contentBytes`, which would bring every attachment along. */
export const ATTACHMENT_FIELDS = 'id,name,contentType,size,isInline';
/** `contentId` belongs to one kind of attachment only: Graph refuses it without the cast. */
export const ATTACHMENT_FIELDS_WITH_CONTENT_ID = `${ATTACHMENT_FIELDS},microsoft.graph.fileAttachment/contentId`;

const optional = z
  .string()
  .nullish()
  .transform((value) => value ?? undefined);
const moment = z.iso.datetime({ offset: true }).transform((value) => new Date(value));

const recipient = z
  .looseObject({ emailAddress: z.looseObject({ name: optional, address: optional }).nullish() })
  .nullish()
  .transform((value): Person | undefined => value?.emailAddress ?? undefined);

const recipients = z
  .array(recipient)
  .nullish()
  .transform((values) => (values ?? []).filter((value) => value !== undefined));

const KINDS: ReadonlyMap<string, Attachment['kind']> = new Map([
  ['#microsoft.graph.fileattachment', 'file'],
  ['#microsoft.graph.itemattachment', 'item'],
  ['#microsoft.graph.referenceattachment', 'reference'],
]);

const kindOf = (type: string | undefined): Attachment['kind'] => KINDS.get(type?.toLowerCase() ?? '') ?? 'file';

const attachmentSchema = z
  .looseObject({
    '@odata.type': optional,
    id: z.string(),
    name: optional,
    contentType: optional,
    size: z.number().nullish(),
    isInline: z.boolean().nullish(),
    contentId: optional,
  })
  .transform(
    (raw): Attachment => ({
      id: raw.id,
      kind: kindOf(raw['@odata.type']),
      name: raw.name,
      // Graph names no type for an attached item and hands it out as MIME (attachment-get).
      contentType: raw.contentType ?? (kindOf(raw['@odata.type']) === 'item' ? 'message/rfc822' : undefined),
      size: Math.max(0, Math.trunc(raw.size ?? 0)),
      isInline: raw.isInline ?? false,
      contentId: raw.contentId,
    }),
  );

const bodySchema = z.looseObject({ contentType: z.string(), content: z.string() });

const messageSchema = z.looseObject({
  id: z.string().min(1),
  receivedDateTime: moment,
  sentDateTime: moment.nullish(),
  isDraft: z.boolean().nullish(),
  parentFolderId: optional,
  internetMessageId: optional,
  conversationId: optional,
  subject: optional,
  from: recipient,
  sender: recipient,
  toRecipients: recipients,
  ccRecipients: recipients,
  bccRecipients: recipients,
  replyTo: recipients,
  importance: optional,
  isRead: z.boolean().nullish(),
  internetMessageHeaders: z.array(z.looseObject({ name: z.string(), value: z.string().nullish() })).nullish(),
  body: bodySchema,
  attachments: z.array(attachmentSchema).nullish(),
});

/** A message with every field selected. Throws ZodError, which names fields but quotes no value. */
export function parseMessage(raw: unknown): Mail {
  const message = messageSchema.parse(raw);
  return {
    id: message.id,
    receivedAt: message.receivedDateTime,
    sentAt: message.sentDateTime ?? undefined,
    isDraft: message.isDraft ?? false,
    parentFolderId: message.parentFolderId,
    internetMessageId: message.internetMessageId,
    conversationId: message.conversationId,
    subject: message.subject,
    from: message.from,
    sender: message.sender,
    to: message.toRecipients,
    cc: message.ccRecipients,
    bcc: message.bccRecipients,
    replyTo: message.replyTo,
    importance: message.importance,
    isRead: message.isRead ?? undefined,
    headers: (message.internetMessageHeaders ?? []).map(({ name, value }) => ({ name, value: value ?? '' })),
    body: {
      contentType: message.body.contentType.toLowerCase() === 'html' ? 'html' : 'text',
      content: message.body.content,
    },
    attachments: message.attachments ?? [],
  };
}

const entrySchema = z.looseObject({ id: z.string().min(1), '@removed': z.unknown().optional() });
const datedSchema = z.looseObject({ receivedDateTime: moment });
const draftSchema = z.looseObject({ isDraft: z.literal(true) });
const pageSchema = z.looseObject({ value: z.array(z.unknown()) });

function parseEntry(raw: unknown): PageEntry | undefined {
  const entry = entrySchema.safeParse(raw);
  if (!entry.success) return { kind: 'unreadable', id: undefined, reason: 'no id' };
  if (entry.data['@removed'] !== undefined) return undefined;
  const { id } = entry.data;
  // Delta gives the whole message for a new one, but only what changed for another; lists and delta may leave fields out.
  const whole = 'body' in entry.data && 'internetMessageHeaders' in entry.data && 'attachments' in entry.data;
  const dated = datedSchema.safeParse(raw);
  const receivedAt = dated.success ? dated.data.receivedDateTime : undefined;
  if (!whole) return { kind: 'partial', id, receivedAt, ...(draftSchema.safeParse(raw).success && { isDraft: true }) };
  try {
    return { kind: 'mail', mail: parseMessage(raw) };
  } catch {
    return { kind: 'unreadable', id, reason: 'unexpected form' };
  }
}

/** A page of a list or of delta, removals left out. `undefined`: not a page at all. */
export function parsePage(
  body: unknown,
): (MailPage & { links: { next?: string | undefined; delta?: string | undefined } }) | undefined {
  const page = pageSchema.safeParse(body);
  if (!page.success) return undefined;
  const entries = page.data.value.map(parseEntry).filter((entry) => entry !== undefined);
  const link = (name: string) => (typeof page.data[name] === 'string' ? page.data[name] : undefined);
  return {
    entries,
    count: page.data.value.length,
    links: { next: link('@odata.nextLink'), delta: link('@odata.deltaLink') },
  };
}
