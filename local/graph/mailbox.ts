/** One mailbox: folders, messages by id, and every change told to whoever listens. */
import { createHash } from 'node:crypto';
import type { FolderChange } from './folder-log.ts';
import { MailFolder, wellKnownFolders } from './mail-folder.ts';
import { type IdFactory, makeIdFactory } from './message-ids.ts';
import type { MailMessage, MessageChanges, MessageContent } from './message-record.ts';
import { OrderedMessages } from './ordered-messages.ts';

/** A change as notifications see it. */
export type MailboxChange = {
  type: 'created' | 'updated' | 'deleted';
  mailbox: Mailbox;
  folder: MailFolder;
  message: MailMessage;
  restId: string;
  /** Whether it was read before the change: a subscription may filter by it. */
  wasRead: boolean;
  version: number;
};

/** What an administrator's scope or a missing licence does to a mailbox. */
export type MailboxState = 'active' | 'accessDenied' | 'accessDeniedByPolicy' | 'notEnabled';

export type MailboxOptions = {
  userId: string;
  now: () => number;
  onChange: (change: MailboxChange) => void;
};

export class Mailbox {
  readonly userId: string;
  state: MailboxState = 'active';
  readonly folders = new Map<string, MailFolder>();
  readonly received = new OrderedMessages((message) => message.receivedAt);
  readonly modified = new OrderedMessages((message) => message.modifiedAt);
  readonly #options: MailboxOptions;
  readonly #ids: IdFactory;
  readonly #wellKnown = new Map<string, MailFolder>();
  readonly #byId = new Map<string, MailMessage>();
  readonly #conversations = new Map<string, string>();
  #arrivals = 0;

  constructor(options: MailboxOptions) {
    this.userId = options.userId;
    this.#options = options;
    this.#ids = makeIdFactory(options.userId);
    const root = this.addFolder({
      displayName: 'Top of Information Store',
      wellKnownName: 'msgfolderroot',
      parentId: null,
    });
    for (const [wellKnownName, displayName] of wellKnownFolders) {
      this.addFolder({ displayName, wellKnownName, parentId: root.id });
    }
  }

  get messageCount(): number {
    return this.received.size;
  }

  addFolder(options: { displayName: string; wellKnownName: string | null; parentId: string | null }): MailFolder {
    const folder = new MailFolder({ id: this.#ids.nextFolderId(), ...options });
    this.folders.set(folder.id, folder);
    if (folder.wellKnownName !== null) this.#wellKnown.set(folder.wellKnownName, folder);
    return folder;
  }

  /** A folder by id or by well-known name, whose letter case does not matter. */
  findFolder(nameOrId: string): MailFolder | undefined {
    return this.folders.get(nameOrId) ?? this.#wellKnown.get(nameOrId.toLowerCase());
  }

  wellKnownFolder(name: string): MailFolder {
    const folder = this.#wellKnown.get(name);
    if (folder === undefined) throw new Error(`The emulator's mailboxes have no folder "${name}".`);
    return folder;
  }

  /** A message by either id; ids of before a move are gone. */
  find(id: string): MailMessage | undefined {
    return this.#byId.get(id);
  }

  /** Puts a message into a folder as if it had just arrived there. */
  deliver(content: MessageContent, place: { folder: MailFolder; receivedAt?: number | undefined }): MailMessage {
    const now = this.#options.now();
    const message: MailMessage = {
      ...content,
      seq: this.#arrivals++,
      immutableId: this.#ids.nextImmutableId(),
      restId: this.#ids.nextRestId(),
      folder: place.folder,
      createdAt: now,
      receivedAt: place.receivedAt ?? now,
      modifiedAt: now,
      version: 1,
      conversationId: this.#conversationOf(content),
    };
    this.#byId.set(message.immutableId, message);
    this.received.add(message);
    this.modified.add(message);
    this.#enter(message);
    return message;
  }

  /** Changes properties of a message. */
  update(message: MailMessage, changes: MessageChanges): void {
    const wasRead = message.isRead;
    this.#restamp(message, () => Object.assign(message, changes));
    if (wasRead !== message.isRead) message.folder.unread += message.isRead ? -1 : 1;
    this.#log(message, 'updated', 'changed', Object.keys(changes));
    this.#tell(message, 'updated', wasRead);
  }

  /** Moves a message: a new default id, the same immutable one. */
  move(message: MailMessage, folder: MailFolder): void {
    this.#leave(message, 'changed');
    message.restId = this.#ids.nextRestId();
    message.folder = folder;
    this.modified.remove(message);
    this.#stamp(message);
    this.modified.add(message);
    this.#enter(message);
  }

  copy(message: MailMessage, folder: MailFolder): MailMessage {
    return this.deliver(message, { folder, receivedAt: message.receivedAt });
  }

  /** Deletes a message for good. */
  remove(message: MailMessage): void {
    this.#leave(message, 'deleted');
    this.received.remove(message);
    this.modified.remove(message);
    this.#byId.delete(message.immutableId);
  }

  /** Gives one message new contents under the same ids (a draft that is sent). */
  rewrite(message: MailMessage, content: Partial<MessageContent>): void {
    if (!message.isRead && content.isRead === true) message.folder.unread -= 1;
    this.#restamp(message, () => Object.assign(message, content));
  }

  #enter(message: MailMessage): void {
    this.#byId.set(message.restId, message);
    message.folder.received.add(message);
    message.folder.modified.add(message);
    if (!message.isRead) message.folder.unread += 1;
    this.#log(message, 'created', 'changed', []);
    this.#tell(message, 'created', message.isRead);
  }

  #leave(message: MailMessage, reason: FolderChange['reason']): void {
    message.folder.received.remove(message);
    message.folder.modified.remove(message);
    if (!message.isRead) message.folder.unread -= 1;
    this.#byId.delete(message.restId);
    this.#log(message, 'removed', reason, []);
    this.#tell(message, 'deleted', message.isRead);
  }

  /** Changes a message while it is out of the orders that the change moves it in. */
  #restamp(message: MailMessage, change: () => void): void {
    message.folder.modified.remove(message);
    this.modified.remove(message);
    change();
    this.#stamp(message);
    message.folder.modified.add(message);
    this.modified.add(message);
  }

  #stamp(message: MailMessage): void {
    message.modifiedAt = this.#options.now();
    message.version += 1;
  }

  #log(message: MailMessage, kind: FolderChange['kind'], reason: FolderChange['reason'], changed: string[]): void {
    const { restId } = message;
    message.folder.log.add({ at: this.#options.now(), kind, message, restId, reason, changed });
  }

  #tell(message: MailMessage, type: MailboxChange['type'], wasRead: boolean): void {
    const { folder, restId, version } = message;
    this.#options.onChange({ type, mailbox: this, folder, message, restId, wasRead, version });
  }

  /** Mails of one thread share an id, whichever of its earlier mails is known here. */
  #conversationOf(content: MessageContent): string {
    const known = content.references.map((reference) => this.#conversations.get(reference)).find(Boolean);
    const root = content.references[0] ?? content.internetMessageId ?? `${content.subject ?? ''}#${this.#arrivals}`;
    const hash = createHash('sha256').update(`${this.userId}/${root}`).digest('base64url');
    const id = known ?? `AAQkAD${hash}AQA${hash.slice(0, 22)}=`;
    if (content.internetMessageId !== null) this.#conversations.set(content.internetMessageId, id);
    return id;
  }
}
