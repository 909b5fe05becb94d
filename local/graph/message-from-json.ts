/** A message that a client writes as JSON. */
import { createHash, randomUUID } from 'node:crypto';
import * as z from 'zod';
import { badRequest } from './graph-failure.ts';
import type { EmailAddress, InternetHeader, MessageContent, StoredAttachment } from './message-record.ts';
import { readDateHeader } from './mime/date-header.ts';

const recipient = z.looseObject({
  emailAddress: z.looseObject({ name: z.string().nullish(), address: z.string().nullish() }),
});

const attachment = z.looseObject({
  '@odata.type': z.string(),
  name: z.string().nullish(),
  contentType: z.string().nullish(),
  isInline: z.boolean().nullish(),
  contentId: z.string().nullish(),
  contentLocation: z.string().nullish(),
  contentBytes: z.string().nullish(),
  size: z.number().nullish(),
});

const importance = z.enum(['low', 'normal', 'high']);
const flag = z.looseObject({ flagStatus: z.enum(['notFlagged', 'flagged', 'complete']).optional() });
const itemBody = z.looseObject({ contentType: z.string().nullish(), content: z.string().nullish() });

/** What the emulator reads of a message in a request; other properties are ignored. */
export const messageInput = z.looseObject({
  subject: z.string().nullish(),
  body: itemBody.nullish(),
  from: recipient.nullish(),
  sender: recipient.nullish(),
  toRecipients: z.array(recipient).nullish(),
  ccRecipients: z.array(recipient).nullish(),
  bccRecipients: z.array(recipient).nullish(),
  replyTo: z.array(recipient).nullish(),
  internetMessageId: z.string().nullish(),
  internetMessageHeaders: z.array(z.looseObject({ name: z.string(), value: z.string() })).nullish(),
  sentDateTime: z.string().nullish(),
  receivedDateTime: z.string().nullish(),
  importance: importance.nullish(),
  categories: z.array(z.string()).nullish(),
  flag: flag.nullish(),
  isRead: z.boolean().nullish(),
  isDraft: z.boolean().nullish(),
  isDeliveryReceiptRequested: z.boolean().nullish(),
  isReadReceiptRequested: z.boolean().nullish(),
  conversationIndex: z.string().nullish(),
  attachments: z.array(attachment).nullish(),
});

export type MessageInput = z.infer<typeof messageInput>;

/** What PATCH may change. */
export const messagePatch = z.looseObject({
  subject: z.string().optional(),
  body: itemBody.optional(),
  importance: importance.optional(),
  categories: z.array(z.string()).optional(),
  flag: flag.optional(),
  isRead: z.boolean().optional(),
});

export function toBody(body: z.infer<typeof itemBody> | null | undefined): MessageContent['body'] {
  const contentType = body?.contentType?.toLowerCase() === 'html' ? 'html' : 'text';
  return { contentType, content: body?.content ?? '' };
}

function toAddress(each: z.infer<typeof recipient> | null | undefined): EmailAddress | null {
  const address = each?.emailAddress.address ?? '';
  const name = each?.emailAddress.name ?? '';
  return each == null ? null : { name: name || address, address };
}

function toAddresses(each: readonly z.infer<typeof recipient>[] | null | undefined): EmailAddress[] {
  return (each ?? []).map(toAddress).filter((address) => address !== null);
}

function toAttachment(each: z.infer<typeof attachment>): StoredAttachment {
  const type = each['@odata.type'].replace(/^#?microsoft\.graph\./i, '').toLowerCase();
  const content = Buffer.from(each.contentBytes ?? '', 'base64');
  const shared = {
    name: each.name ?? null,
    isInline: each.isInline ?? false,
    contentId: each.contentId ?? null,
    contentLocation: each.contentLocation ?? null,
    content,
    size: each.size ?? content.length,
  };
  switch (type) {
    case 'fileattachment':
      return {
        ...shared,
        kind: 'file',
        contentType: each.contentType ?? 'application/octet-stream',
        size: content.length,
      };
    case 'referenceattachment':
      return { ...shared, kind: 'reference', contentType: null };
    case 'itemattachment':
      // The item may be given as MIME, which the real service does not take here.
      return { ...shared, kind: 'item', contentType: null };
    default:
      throw badRequest(
        `Attachments of @odata.type '${each['@odata.type']}' are not known: fileAttachment, itemAttachment or referenceAttachment.`,
      );
  }
}

export type WritingOptions = { now: number; domain: string; defaultFrom: EmailAddress | null; isDraft: boolean };

/** The content of a message in a request, completed as the service does when it takes a message in. */
export function messageFromJson(input: MessageInput, options: WritingOptions): MessageContent {
  const from = toAddress(input.from) ?? options.defaultFrom;
  const internetMessageId = input.internetMessageId ?? `<${randomUUID()}@${options.domain}>`;
  const sentAt = input.sentDateTime == null ? options.now : readDateHeader(input.sentDateTime);
  const content: MessageContent = {
    subject: input.subject ?? null,
    body: toBody(input.body),
    plainText: null,
    from,
    sender: toAddress(input.sender) ?? from,
    toRecipients: toAddresses(input.toRecipients),
    ccRecipients: toAddresses(input.ccRecipients),
    bccRecipients: toAddresses(input.bccRecipients),
    replyTo: toAddresses(input.replyTo),
    internetMessageId,
    headers: [],
    sentAt,
    importance: input.importance ?? 'normal',
    categories: input.categories ?? [],
    flagStatus: input.flag?.flagStatus ?? 'notFlagged',
    isRead: input.isRead ?? false,
    isDraft: options.isDraft,
    isDeliveryReceiptRequested: input.isDeliveryReceiptRequested ?? false,
    isReadReceiptRequested: input.isReadReceiptRequested ?? false,
    references: [],
    conversationIndex:
      input.conversationIndex ??
      createHash('sha256').update(internetMessageId).digest().subarray(0, 22).toString('base64'),
    attachments: (input.attachments ?? []).map(toAttachment),
    mime: null,
  };
  const given = (input.internetMessageHeaders ?? []).map(({ name, value }) => ({ name, value }));
  const references = given.filter(({ name }) => /^(references|in-reply-to)$/i.test(name)).map(({ value }) => value);
  return {
    ...content,
    headers: [...standardHeaders(content), ...given],
    references: references.join(' ').match(/<[^<>\s]+>/g) ?? [],
  };
}

const shown = ({ name, address }: EmailAddress): string =>
  name === '' || name === address ? address : `"${name}" <${address}>`;

/** The headers that the message would have had on the wire. */
function standardHeaders(content: MessageContent): InternetHeader[] {
  const headers: InternetHeader[] = [];
  const add = (name: string, value: string | null): void => {
    if (value !== null && value !== '') headers.push({ name, value });
  };
  add('From', content.from === null ? null : shown(content.from));
  add('To', content.toRecipients.map(shown).join(', '));
  add('Cc', content.ccRecipients.map(shown).join(', '));
  add('Reply-To', content.replyTo.map(shown).join(', '));
  add('Subject', content.subject);
  add('Date', content.sentAt === null ? null : new Date(content.sentAt).toUTCString().replace('GMT', '+0000'));
  add('Message-ID', content.internetMessageId);
  return headers;
}
