/** Ids of messages, folders and attachments: long, URL-safe, case-sensitive, as Exchange makes them. */
import { createHash } from 'node:crypto';

const digest = (text: string): string => createHash('sha512').update(text).digest('base64url');

/**
 * The unique part of the nth id. Every second one differs from the one before only in the case of one letter, because
 * the ids are case-sensitive (Graph's warning on identifiers) and a store with a case-blind key must be caught.
 */
function uniquePart(seed: string, n: number): string {
  const text = digest(`${seed}/${n - (n % 2)}`);
  if (n % 2 === 0) return text;
  const index = text.search(/[a-z]/);
  return `${text.slice(0, index)}${text.charAt(index).toUpperCase()}${text.slice(index + 1)}`;
}

export type IdFactory = {
  /** A default id; each move takes a new one. */
  nextRestId: () => string;
  /** An immutable id, which a message keeps for life. */
  nextImmutableId: () => string;
  nextFolderId: () => string;
};

/** Makes the ids of one mailbox; the same mailbox in the same order of events gets the same ids. */
export function makeIdFactory(mailboxId: string): IdFactory {
  const store = digest(`mailbox ${mailboxId}`).slice(0, 36);
  const restPrefix = `AAMkAD${store}BGAAAAAAD`;
  const immutablePrefix = `AAkALgAAAAAAHYQD${store}`;
  let rest = 0;
  let immutable = 0;
  let folder = 0;
  return {
    nextRestId: () => `${restPrefix}${uniquePart(`rest ${mailboxId}`, rest++)}AAA=`,
    nextImmutableId: () => `${immutablePrefix}${uniquePart(`immutable ${mailboxId}`, immutable++)}AAA=`,
    nextFolderId: () => `AAMkAD${store}AuAAAAAAD${digest(`folder ${mailboxId}/${folder++}`).slice(0, 47)}AAA=`,
  };
}

/** The id of a message's nth attachment, built on whichever id of the message the caller uses. */
export function attachmentIdOf(messageId: string, index: number): string {
  const place = Buffer.from([0x01, 0x12, 0x00, 0x10, index >>> 8, index & 0xff]);
  return `${messageId.slice(0, -4)}BEgAQ${place.toString('base64url')}${digest(`${messageId}#${index}`).slice(0, 16)}=`;
}
