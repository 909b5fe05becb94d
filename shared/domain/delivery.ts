import { createHash } from 'node:crypto';

/** The ledger's word on one mail event: published, failing (tried again by id), parked (waits for the operator), gone. */
export interface Delivery {
  /** Row key; newest mail first. */
  key: string;
  /** Immutable id of the mail. */
  id: string;
  state: 'published' | 'failing' | 'parked' | 'gone';
  /** Failures so far; 0 once published. */
  attempts: number;
  reason?: string;
  recordedAt: Date;
}

/** A failing mail is parked at this many failures. */
export const PARK_AT = 5;

export const isUnfinished = (row: Delivery): boolean => row.state === 'failing' || row.state === 'parked';

const LATEST = 9_999_999_999_999;

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

/** Row key of a mail in the ledger: sorts by received time, newest first. */
export function ledgerKey(receivedAt: Date, id: string): string {
  return `${ledgerBound(receivedAt)}:${digest(id).slice(0, 22)}`;
}

/** Key that sorts before every mail received at `receivedAt` and after every younger one. */
export const ledgerBound = (receivedAt: Date): string => `d:${String(LATEST - receivedAt.getTime()).padStart(13, '0')}`;
