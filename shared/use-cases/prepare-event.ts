import { blobFolder, messageIdOf } from '../domain/delivery.ts';
import type { Mail } from '../domain/mail.ts';
import { fitEvent, typeOfBlob, type Place, toMailEvent } from '../domain/mail-event.ts';
import type { OutgoingEvent, Ports } from '../ports.ts';

export interface PreparedEvent extends OutgoingEvent {
  /** It refers to blobs. */
  hasBlobs: boolean;
}

/** The watched folder that a mail belongs to. */
export interface Home {
  folderId: string;
  address: string | undefined;
  watchStart: Date;
}

export interface EventOptions {
  tenant: string;
  includeMime: boolean;
  includeAttachments: boolean;
}

type Deps = Pick<Ports, 'mail' | 'claims'> & { options: EventOptions };

/**
 * Makes a mail event ready to be sent: whatever it refers to lies in its blob before it is returned. `key` is the
 * ledger key of the mail, which names its blobs.
 */
export const makePrepareEvent =
  ({ mail, claims, options }: Deps) =>
  async (item: Mail, key: string, home: Home, mailbox: string, signal: AbortSignal): Promise<PreparedEvent> => {
    const { tenant, includeMime, includeAttachments } = options;
    const place: Place = { tenant, mailbox, address: home.address, folderId: home.folderId };
    const messageId = messageIdOf(tenant, mailbox, item.id);
    const event = toMailEvent(item, place, messageId);
    const folder = blobFolder(mailbox, key);
    const message = event.data.message;
    let hasBlobs = false;
    if (message && includeMime) {
      const content = await mail.openMime(mailbox, item.id, signal);
      message.mime = await claims.copy(`${folder}/mime`, 'message/rfc822', content);
      hasBlobs = true;
    }
    if (message && includeAttachments) {
      for (const [position, attachment] of message.attachments.entries()) {
        // A link to the cloud has no content of its own: Graph answers 405.
        if (attachment.kind === 'reference') continue;
        const content = await mail.openAttachment(mailbox, item.id, attachment.id, signal);
        const blob = `${folder}/attachment-${position}`;
        attachment.claimCheck = await claims.copy(blob, typeOfBlob(attachment.contentType), content);
        hasBlobs = true;
      }
    }
    const { body, parts } = fitEvent(event, claims.container, folder);
    for (const part of parts) await claims.put(part);
    return { messageId, body, hasBlobs: hasBlobs || parts.length > 0 };
  };

export type PrepareEvent = ReturnType<typeof makePrepareEvent>;
