// A message as Graph answers it, reduced to the facts that are compared.
import * as z from 'zod';
import type { ActualMail } from './compare-mail.ts';

const recipientSchema = z.object({
  emailAddress: z.object({ name: z.string().nullish(), address: z.string().nullish() }),
});

const messageSchema = z.object({
  from: recipientSchema.nullish(),
  sender: recipientSchema.nullish(),
  replyTo: z.array(recipientSchema),
  toRecipients: z.array(recipientSchema),
  ccRecipients: z.array(recipientSchema),
  bccRecipients: z.array(recipientSchema),
  subject: z.string().nullish(),
  internetMessageId: z.string().nullish(),
  sentDateTime: z.string().nullish(),
  receivedDateTime: z.string(),
  internetMessageHeaders: z.array(z.object({ name: z.string(), value: z.string() })).default([]),
  body: z.object({ contentType: z.string(), content: z.string() }),
  attachments: z.array(
    z.object({
      '@odata.type': z.string(),
      name: z.string().nullish(),
      contentType: z.string().nullish(),
      size: z.number(),
      contentId: z.string().nullish(),
      contentBytes: z.string().nullish(),
    }),
  ),
});

/** A message of Graph, parsed. */
export type GraphMail = z.infer<typeof messageSchema>;

/** The properties that have to be asked for. */
export const graphMailSelect = [
  'from',
  'sender',
  'replyTo',
  'toRecipients',
  'ccRecipients',
  'bccRecipients',
  'subject',
  'internetMessageId',
  'sentDateTime',
  'receivedDateTime',
  'internetMessageHeaders',
  'body',
] as const;

/** Parses what `GET …/messages/{id}?$select=…&$expand=attachments` answered. */
export function parseGraphMail(answer: unknown): GraphMail {
  return messageSchema.parse(answer);
}

function header(message: GraphMail, name: string): string {
  return message.internetMessageHeaders.find((entry) => entry.name.toLowerCase() === name)?.value.trim() ?? '';
}

/** The facts of a Graph message. */
export function toActualMail(message: GraphMail): ActualMail {
  const inReplyTo = header(message, 'in-reply-to');
  return {
    from: message.from?.emailAddress ?? null,
    sender: message.sender?.emailAddress ?? null,
    replyTo: message.replyTo.map((entry) => entry.emailAddress),
    to: message.toRecipients.map((entry) => entry.emailAddress),
    cc: message.ccRecipients.map((entry) => entry.emailAddress),
    bcc: message.bccRecipients.map((entry) => entry.emailAddress),
    subject: message.subject ?? null,
    messageId: message.internetMessageId ?? null,
    sentAt: message.sentDateTime ?? null,
    receivedAt: message.receivedDateTime,
    inReplyTo: /<[^<>]*>/u.exec(inReplyTo)?.[0] ?? inReplyTo,
    references: header(message, 'references').match(/<[^<>]*>/gu) ?? [],
    body: message.body,
    attachments: message.attachments.map((entry) => ({
      name: entry.name ?? null,
      // Graph gives an attached mail no type of its own; in the mail it was message/rfc822.
      contentType:
        entry['@odata.type'] === '#microsoft.graph.itemAttachment' ? 'message/rfc822' : (entry.contentType ?? null),
      size: entry.size,
      contentId: entry.contentId ?? null,
    })),
  };
}
