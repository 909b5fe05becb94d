import { createHash } from 'node:crypto';

/**
 * Mails that this process published lately. Notifications of a burst trickle in long after delta has shown the mail;
 * remembering saves the look at table and Graph. Bounded: the oldest are forgotten first, and a mail that is forgotten
 * is simply looked up in the ledger.
 */
export interface RecentMails {
  has(mailbox: string, id: string): boolean;
  add(mailbox: string, id: string): void;
}

const REMEMBERED = 50_000;

export function makeRecentMails(limit = REMEMBERED): RecentMails {
  const keys = new Set<string>();
  // Ids are long; sixteen characters of a hash tell fifty thousand mails apart.
  const keyOf = (mailbox: string, id: string) =>
    createHash('sha256').update(mailbox).update(id).digest('base64url').slice(0, 16);
  return {
    has: (mailbox, id) => keys.has(keyOf(mailbox, id)),
    add(mailbox, id) {
      keys.add(keyOf(mailbox, id));
      if (keys.size <= limit) return;
      const [oldest] = keys;
      if (oldest !== undefined) keys.delete(oldest);
    },
  };
}
