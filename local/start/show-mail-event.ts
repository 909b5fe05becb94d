// A mail event in two lines, as a person at the CRM would want to see it.
import type { MailEvent } from './mail-event.ts';
import { printable, shorten } from './terminal.ts';

function sizeText(bytes: number): string {
  if (bytes < 1024) return `${bytes} B`;
  const kilobytes = bytes / 1024;
  return kilobytes < 1024 ? `${Math.round(kilobytes)} KB` : `${(kilobytes / 1024).toFixed(1)} MB`;
}

function attachmentsText(event: MailEvent): string {
  const attachments = (event.message.attachments ?? []).map(({ name, size, isInline }) => {
    const details = [sizeText(size ?? 0), ...(isInline === true ? ['inline'] : [])].join(', ');
    return `${shorten(printable(name ?? 'unnamed'), 40)} (${details})`;
  });
  const most = 3;
  if (attachments.length > most) attachments.splice(most, Infinity, `${attachments.length - most} more`);
  return attachments.length === 0 ? '' : ` · ${attachments.join(', ')}`;
}

/** The lines for one mail event; the latency is left out where it is not known. */
export function mailEventLines(
  event: MailEvent,
  at: Date,
  mailbox: string,
  latencyMs: number | undefined,
): [string, string] {
  const { message } = event;
  const name = printable(message.from?.name ?? '');
  const address = printable(message.from?.address ?? '');
  const from = name === '' || name === address ? address || '(no sender)' : `${name} <${address}>`;
  const subject = printable(message.subject ?? '') || '(no subject)';
  const latency = latencyMs === undefined ? '' : `  ${Math.round(latencyMs)} ms`;
  return [
    `${at.toTimeString().slice(0, 8)}  ${printable(mailbox)} ◀ ${shorten(from, 70)}${latency}`,
    `          ${shorten(subject, 80)}${attachmentsText(event)}`,
  ];
}
