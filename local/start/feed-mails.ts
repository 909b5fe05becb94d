// Puts mail into mailboxes of the Graph emulator, as the mail system of the company would.
import * as z from 'zod';
import type { MailLedger } from './mail-ledger.ts';
import type { MailToFeed } from './mail-source.ts';
import { pause } from './wait-until.ts';

/** How to feed. */
export type FeedOptions = {
  /** Root of the Graph emulator (not of the API). */
  graphRoot: string;
  mails: readonly MailToFeed[];
  ledger: MailLedger;
  pauseMs: number;
  signal: AbortSignal;
  onFed?: () => void;
};

const deliveredSchema = z.looseObject({ immutableId: z.string(), internetMessageId: z.string().nullish() });

/** Where raw RFC 822 is posted for a mailbox. */
export function emlUrl(graphRoot: string, mailboxId: string): string {
  return `${graphRoot}/control/users/${mailboxId}/eml`;
}

/** Delivers the mails one after the other; ends early when the signal comes. */
export async function feedMails({ graphRoot, mails, ledger, pauseMs, signal, onFed }: FeedOptions): Promise<void> {
  for (const { name, mailbox, raw } of mails) {
    if (signal.aborted) return;
    const sentAtMs = performance.now();
    const answer = await fetch(emlUrl(graphRoot, mailbox.id), {
      method: 'POST',
      headers: { 'content-type': 'message/rfc822' },
      body: new Uint8Array(raw),
    });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`The mailbox ${mailbox.address} refused "${name}": ${answer.status} ${text}`);
    const { immutableId, internetMessageId } = deliveredSchema.parse(JSON.parse(text));
    ledger.sent({
      name,
      mailboxId: mailbox.id,
      id: immutableId,
      internetMessageId: internetMessageId ?? '',
      sentAtMs,
    });
    onFed?.();
    if (pauseMs > 0) await pause(pauseMs, signal);
  }
}
