import { createHash } from 'node:crypto';

/**
 * The ledger's word on one mail event: published, failing (tried again by id), parked (waits for the operator), gone; or
 * sending: about to be sent, so that its blobs are kept even if nobody ever learns whether it was.
 */
export interface Delivery {
  /** Row key; newest mail first. */
  key: string;
  /** Immutable id of the mail. */
  id: string;
  state: 'sending' | 'published' | 'failing' | 'parked' | 'gone';
  /** Failures so far; 0 once published. */
  attempts: number;
  reason?: string;
  /** What brought a published mail to light. */
  foundBy?: FoundBy;
  recordedAt: Date;
}

export type FoundBy = 'notification' | 'catch-up' | 'audit';

/** A failing mail is parked at this many failures. */
export const PARK_AT = 5;

/** Why a note of a failure was closed: its mail has another row. */
export const DATED_SINCE = 'dated since';

/** The ledger knows what became of the mail; one that was only about to be sent is sent again. */
export const isDecided = (row: Delivery): boolean => row.state !== 'sending' && row.reason !== DATED_SINCE;

export const isUnfinished = (row: Delivery): boolean => row.state === 'failing' || row.state === 'parked';

const LATEST = 9_999_999_999_999;
/** The latest received time that a ledger key can hold. */
export const END_OF_TIME = new Date(LATEST);

const digest = (...parts: string[]) => {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part).update('\n');
  return hash.digest('base64url');
};

/**
 * MessageId of the `received` event of a mail, 43 characters. It depends on nothing that changes when the mail is read,
 * flagged or moved, so that duplicate detection recognises every repeat. Ids are case-sensitive.
 */
export const messageIdOf = (tenant: string, mailbox: string, id: string): string =>
  digest('received', tenant.toLowerCase(), mailbox, id);

/** MessageId of an event that is sent once more; the same each time within one run. */
export const replayIdOf = (run: string, messageId: string): string => digest('replay', run, messageId);

/** Row key of a mail in the ledger: sorts by received time, newest first. */
export function ledgerKey(receivedAt: Date, id: string): string {
  return `${ledgerBound(receivedAt)}:${digest(id).slice(0, 22)}`;
}

/** Where the blobs of a mail lie: `<mailbox>/<ledger key>`, with nothing of the mail itself in it (path escape). */
export const blobFolder = (mailbox: string, key: string): string => `${mailbox}/${key.replaceAll(':', '-')}`;

/** Ledger key of the mail that a blob belongs to; `undefined`: it was not named by us. */
export function keyOfBlob(blob: string): string | undefined {
  const [, time, hash] = /^[^/]+\/d-(\d{13})-([\w-]{22})\//.exec(blob) ?? [];
  return time && hash ? `d:${time}:${hash}` : undefined;
}

/** Received time of a mail, from its ledger key. */
export const receivedAtOf = (key: string): Date => new Date(LATEST - Number(key.slice(2, 15)));

/** Key that sorts before every mail received at `receivedAt` and after every younger one. */
export const ledgerBound = (receivedAt: Date): string => `d:${descending(receivedAt)}`;

/** A time as 13 digits that sort the newest first. */
export const descending = (time: Date): string => String(LATEST - time.getTime()).padStart(13, '0');
