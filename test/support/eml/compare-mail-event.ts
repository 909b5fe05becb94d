// Compares a mail event of the CRM queue with what the mail says.
import { createHash } from 'node:crypto';
import * as z from 'zod';
import { mailEventSchema } from '../../../shared/domain/mail-event.ts';
import { differences } from './compare-mail.ts';
import type { ExpectedMail } from './mail-facts.ts';

type MailEventData = z.infer<typeof mailEventSchema>['data'];
type Message = NonNullable<MailEventData['message']>;

/** Where a part of a mail lies that was too large for the queue. */
export type ClaimCheck = NonNullable<MailEventData['messageClaimCheck']>;

/** Reads the blob that a claim check names. */
export type ReadClaimCheck = (claimCheck: ClaimCheck) => Promise<Buffer>;

async function redeem(claimCheck: ClaimCheck, read: ReadClaimCheck): Promise<string> {
  const content = await read(claimCheck);
  const digest = createHash('sha256').update(content).digest('hex');
  if (content.length !== claimCheck.size || digest !== claimCheck.sha256) {
    throw new Error(`The blob ${claimCheck.blob} is not what its claim check says: size or digest differ.`);
  }
  return content.toString('utf8');
}

/** The message of an event, fetched from its claim check where it is too large for the queue. */
export async function messageOf(event: unknown, read: ReadClaimCheck): Promise<Message> {
  const { data } = mailEventSchema.parse(event);
  if (data.message !== undefined) return data.message;
  if (data.messageClaimCheck === undefined) throw new Error('The mail event has neither a message nor a claim check.');
  const messageSchema = mailEventSchema.shape.data.shape.message.unwrap();
  return messageSchema.parse(JSON.parse(await redeem(data.messageClaimCheck, read)));
}

/** Every difference between a mail event and the mail, as sentences. */
export async function compareMailEvent(
  event: unknown,
  expected: ExpectedMail,
  read: ReadClaimCheck,
): Promise<string[]> {
  const message = await messageOf(event, read);
  const { contentType } = message.body;
  const content = 'content' in message.body ? message.body.content : await redeem(message.body.claimCheck, read);
  return differences(
    {
      from: message.from,
      sender: message.sender,
      replyTo: message.replyTo,
      to: message.to,
      cc: message.cc,
      bcc: message.bcc,
      subject: message.subject,
      messageId: message.internetMessageId,
      sentAt: message.sentAt,
      receivedAt: message.receivedAt,
      inReplyTo: message.inReplyTo,
      references: message.references,
      body: { contentType, content },
      attachments: message.attachments.map((attachment) => ({
        ...attachment,
        // Graph gives an attached mail no type of its own; in the mail it was message/rfc822.
        contentType: attachment.kind === 'item' ? 'message/rfc822' : attachment.contentType,
      })),
    },
    expected,
  );
}
