/** A message as the mailbox keeps it. */
import type { MailFolder } from './mail-folder.ts';

export type EmailAddress = { name: string; address: string };
export type InternetHeader = { name: string; value: string };

export type StoredAttachment = {
  kind: 'file' | 'item' | 'reference';
  name: string | null;
  contentType: string | null;
  isInline: boolean;
  contentId: string | null;
  contentLocation: string | null;
  /** Bytes of a file, MIME of an item, nothing of a reference. */
  content: Buffer;
  /** Size that a reference attachment shows; that of the content otherwise. */
  size: number;
};

/** What came with the message, apart from where it lies. */
export type MessageContent = {
  subject: string | null;
  body: { contentType: 'text' | 'html'; content: string };
  /** The plain alternative of an HTML mail, if it had one. */
  plainText: string | null;
  from: EmailAddress | null;
  sender: EmailAddress | null;
  toRecipients: EmailAddress[];
  ccRecipients: EmailAddress[];
  bccRecipients: EmailAddress[];
  replyTo: EmailAddress[];
  internetMessageId: string | null;
  headers: InternetHeader[];
  /** From the Date header; null if there is none that can be read. */
  sentAt: number | null;
  importance: 'low' | 'normal' | 'high';
  categories: string[];
  flagStatus: 'notFlagged' | 'flagged' | 'complete';
  isRead: boolean;
  isDraft: boolean;
  isDeliveryReceiptRequested: boolean;
  isReadReceiptRequested: boolean;
  /** Message-IDs of the thread before this message, oldest first. */
  references: string[];
  conversationIndex: string | null;
  attachments: StoredAttachment[];
  /** The bytes as they came, if they came as MIME. */
  mime: Buffer | null;
};

export type MailMessage = MessageContent & {
  /** Order of arrival in the mailbox, over all folders. */
  readonly seq: number;
  readonly immutableId: string;
  restId: string;
  folder: MailFolder;
  readonly createdAt: number;
  readonly receivedAt: number;
  modifiedAt: number;
  version: number;
  conversationId: string;
};

/** What may be changed after delivery. */
export type MessageChanges = Partial<
  Pick<MessageContent, 'subject' | 'body' | 'importance' | 'categories' | 'flagStatus' | 'isRead' | 'isDraft'>
>;
