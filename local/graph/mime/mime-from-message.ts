/** The MIME of a message that did not come as MIME. */
import MailComposer from 'nodemailer/lib/mail-composer';
import type { EmailAddress, MailMessage } from '../message-record.ts';

const plain = ({ name, address }: EmailAddress): { name: string; address: string } => ({ name, address });

const standard = /^(from|to|cc|bcc|reply-to|sender|subject|date|message-id|mime-version|content-.*)$/i;

/** The bytes that `$value` answers: the original ones if there are any. */
export async function mimeOf(message: MailMessage): Promise<Buffer> {
  if (message.mime !== null) return message.mime;
  const composer = new MailComposer({
    from: message.from === null ? undefined : plain(message.from),
    to: message.toRecipients.map(plain),
    cc: message.ccRecipients.map(plain),
    replyTo: message.replyTo.map(plain),
    subject: message.subject ?? '',
    date: new Date(message.sentAt ?? message.receivedAt),
    messageId: message.internetMessageId ?? undefined,
    headers: message.headers
      .filter(({ name }) => !standard.test(name))
      .map(({ name, value }) => ({ key: name, value })),
    ...(message.body.contentType === 'html'
      ? { html: message.body.content, text: message.plainText ?? undefined }
      : { text: message.body.content }),
    attachments: message.attachments
      .filter((attachment) => attachment.kind !== 'reference')
      .map((attachment) => ({
        filename: attachment.name ?? false,
        content: attachment.content,
        contentType: attachment.contentType ?? (attachment.kind === 'item' ? 'message/rfc822' : undefined),
        cid: attachment.contentId ?? undefined,
        contentDisposition: attachment.isInline ? ('inline' as const) : ('attachment' as const),
      })),
    newline: '\r\n',
  });
  return composer.compile().build();
}
