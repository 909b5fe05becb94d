/** A mail folder: its messages in order of receipt and of change, and the log that delta reads. */
import { FolderLog } from './folder-log.ts';
import { OrderedMessages } from './ordered-messages.ts';

export class MailFolder {
  readonly id: string;
  readonly wellKnownName: string | null;
  readonly parentId: string | null;
  displayName: string;
  readonly received = new OrderedMessages((message) => message.receivedAt);
  readonly modified = new OrderedMessages((message) => message.modifiedAt);
  readonly log = new FolderLog();
  unread = 0;
  /** Raised to evict the delta tokens given out so far. */
  deltaGeneration = 1;

  constructor(options: { id: string; displayName: string; wellKnownName: string | null; parentId: string | null }) {
    this.id = options.id;
    this.displayName = options.displayName;
    this.wellKnownName = options.wellKnownName;
    this.parentId = options.parentId;
  }
}

/** The folders that every mailbox has, by well-known name. */
export const wellKnownFolders: readonly (readonly [name: string, displayName: string])[] = [
  ['inbox', 'Inbox'],
  ['drafts', 'Drafts'],
  ['sentitems', 'Sent Items'],
  ['deleteditems', 'Deleted Items'],
  ['junkemail', 'Junk Email'],
  ['archive', 'Archive'],
  ['outbox', 'Outbox'],
  ['conversationhistory', 'Conversation History'],
];
