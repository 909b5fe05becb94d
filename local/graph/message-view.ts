/** How Graph shows a message: the properties, which of them, in which form. */
import { createHash } from 'node:crypto';
import { htmlToText, textToHtml, uniqueText } from './body-text.ts';
import { unknownProperty } from './graph-failure.ts';
import { attachmentIdOf } from './message-ids.ts';
import type { EmailAddress, MailMessage, StoredAttachment } from './message-record.ts';

/** What the `Prefer` header and the query ask for. */
export type ViewOptions = {
  immutableIds: boolean;
  bodyType: 'text' | 'html' | null;
  /** Lower-case names; null is everything but what must be asked for. */
  select: ReadonlySet<string> | null;
  /** Attachments inside the message, with their own selection. */
  attachments: { select: ReadonlySet<string> | null } | null;
};

type Shown = Record<string, unknown>;
type Property = (message: MailMessage, options: ViewOptions) => unknown;

/** Graph shows whole seconds, although Exchange keeps and compares finer ones. */
export function graphTime(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19)}Z`;
}

export function etagOf(message: MailMessage, version = message.version): string {
  return `W/"${changeKeyOf(message, version)}"`;
}

function changeKeyOf(message: MailMessage, version: number): string {
  const hash = createHash('sha1').update(`${message.immutableId}/${version}`).digest();
  return `CQAAABYAAAB${hash.toString('base64').slice(0, 25)}`;
}

export function idOf(message: MailMessage, options: Pick<ViewOptions, 'immutableIds'>): string {
  return options.immutableIds ? message.immutableId : message.restId;
}

const recipient = (who: EmailAddress): Shown => ({ emailAddress: { name: who.name, address: who.address } });

function bodyOf(message: MailMessage, options: ViewOptions): { contentType: string; content: string } {
  if (options.bodyType === 'text' && message.body.contentType === 'html') {
    return { contentType: 'text', content: message.plainText ?? htmlToText(message.body.content) };
  }
  if (options.bodyType === 'html' && message.body.contentType === 'text') {
    return { contentType: 'html', content: textToHtml(message.body.content) };
  }
  return message.body;
}

/** The text that the preview and the unique body are made of. */
function textOf(message: MailMessage): string {
  if (message.body.contentType === 'text') return message.body.content;
  return message.plainText ?? htmlToText(message.body.content);
}

function uniqueBodyOf(message: MailMessage, options: ViewOptions): { contentType: string; content: string } {
  const content = uniqueText(textOf(message));
  const asText = options.bodyType === 'text' || (options.bodyType === null && message.body.contentType === 'text');
  return asText ? { contentType: 'text', content } : { contentType: 'html', content: textToHtml(content) };
}

/** Exchange's rule: only attachments that are not inline count. */
export function hasAttachments(message: MailMessage): boolean {
  return message.attachments.some((attachment) => !attachment.isInline);
}

const properties: Record<string, Property> = {
  createdDateTime: (message) => graphTime(message.createdAt),
  lastModifiedDateTime: (message) => graphTime(message.modifiedAt),
  changeKey: (message) => changeKeyOf(message, message.version),
  categories: (message) => message.categories,
  receivedDateTime: (message) => graphTime(message.receivedAt),
  sentDateTime: (message) => graphTime(message.sentAt ?? message.receivedAt),
  hasAttachments,
  internetMessageId: (message) => message.internetMessageId,
  subject: (message) => message.subject,
  bodyPreview: (message) =>
    textOf(message)
      .trim()
      .slice(0, 255)
      .replace(/[\ud800-\udbff]$/, ''),
  importance: (message) => message.importance,
  parentFolderId: (message) => message.folder.id,
  conversationId: (message) => message.conversationId,
  conversationIndex: (message) => message.conversationIndex,
  isDeliveryReceiptRequested: (message) => message.isDeliveryReceiptRequested,
  isReadReceiptRequested: (message) => message.isReadReceiptRequested,
  isRead: (message) => message.isRead,
  isDraft: (message) => message.isDraft,
  webLink: (message) =>
    `https://outlook.office365.com/owa/?ItemID=${encodeURIComponent(message.restId)}&exvsurl=1&viewmodel=ReadMessageItem`,
  inferenceClassification: () => 'focused',
  body: bodyOf,
  sender: (message) => (message.sender === null ? undefined : recipient(message.sender)),
  from: (message) => (message.from === null ? undefined : recipient(message.from)),
  toRecipients: (message) => message.toRecipients.map(recipient),
  ccRecipients: (message) => message.ccRecipients.map(recipient),
  bccRecipients: (message) => message.bccRecipients.map(recipient),
  replyTo: (message) => message.replyTo.map(recipient),
  flag: (message) => ({ flagStatus: message.flagStatus }),
  uniqueBody: uniqueBodyOf,
  internetMessageHeaders: (message) => message.headers,
};

const onlyWhenSelected: ReadonlySet<string> = new Set(['uniqueBody', 'internetMessageHeaders']);
const knownNames: ReadonlySet<string> = new Set(['id', ...Object.keys(properties).map((name) => name.toLowerCase())]);

/** Refuses a selection of properties that messages do not have. */
export function checkMessageSelect(select: ReadonlySet<string> | null): void {
  for (const name of select ?? []) {
    if (!knownNames.has(name)) throw unknownProperty(name, 'microsoft.graph.message');
  }
}

const attachmentNames: ReadonlySet<string> = new Set([
  'id',
  'lastmodifieddatetime',
  'name',
  'contenttype',
  'size',
  'isinline',
]);
const FILE_CAST = 'microsoft.graph.fileattachment/';
const fileNames: ReadonlySet<string> = new Set(
  ['contentid', 'contentlocation', 'contentbytes'].map((name) => FILE_CAST + name),
);

/**
 * Refuses a selection of properties that attachments do not have. Those of one kind only need a cast: Graph answers
 * 400 to a bare `contentId` (microsoft-graph-explorer-v4#3916).
 */
export function checkAttachmentSelect(select: ReadonlySet<string> | null): void {
  for (const name of select ?? []) {
    if (!attachmentNames.has(name) && !fileNames.has(name)) throw unknownProperty(name, 'microsoft.graph.attachment');
  }
}

/** A message as JSON, without `@odata.context`. */
export function showMessage(
  message: MailMessage,
  options: ViewOptions,
  omitted: ReadonlySet<string> = new Set(),
): Shown {
  const shown: Shown = { '@odata.etag': etagOf(message), id: idOf(message, options) };
  for (const [name, valueOf] of Object.entries(properties)) {
    const wanted = options.select === null ? !onlyWhenSelected.has(name) : options.select.has(name.toLowerCase());
    if (wanted && !omitted.has(name)) shown[name] = valueOf(message, options);
  }
  if (options.attachments !== null && !omitted.has('attachments')) {
    const { select } = options.attachments;
    shown['attachments'] = message.attachments.map((_, index) => showAttachment(message, index, options, select));
  }
  return shown;
}

const attachmentTypes: Record<StoredAttachment['kind'], string> = {
  file: '#microsoft.graph.fileAttachment',
  item: '#microsoft.graph.itemAttachment',
  reference: '#microsoft.graph.referenceAttachment',
};

/** One attachment as JSON; the bytes only of files, and only if the selection does not leave them out. */
export function showAttachment(
  message: MailMessage,
  index: number,
  options: Pick<ViewOptions, 'immutableIds'>,
  select: ReadonlySet<string> | null,
): Shown {
  const attachment = message.attachments[index];
  if (attachment === undefined) return {};
  const wants = (name: string): boolean => select === null || select.has(name.toLowerCase());
  const shown: Shown = { '@odata.type': attachmentTypes[attachment.kind] };
  if (attachment.kind === 'file') shown['@odata.mediaContentType'] = attachment.contentType;
  shown['id'] = attachmentIdOf(idOf(message, options), index);
  if (wants('lastModifiedDateTime')) shown['lastModifiedDateTime'] = graphTime(message.modifiedAt);
  if (wants('name')) shown['name'] = attachment.name;
  if (wants('contentType')) shown['contentType'] = attachment.contentType;
  if (wants('size')) shown['size'] = attachment.size;
  if (wants('isInline')) shown['isInline'] = attachment.isInline;
  if (attachment.kind === 'file') {
    const wantsOfFile = (name: string): boolean => wants(`${FILE_CAST}${name}`);
    if (wantsOfFile('contentId')) shown['contentId'] = attachment.contentId;
    if (wantsOfFile('contentLocation')) shown['contentLocation'] = attachment.contentLocation;
    if (wantsOfFile('contentBytes')) shown['contentBytes'] = attachment.content.toString('base64');
  }
  return shown;
}
