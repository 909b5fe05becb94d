// A mail event as the CRM reads it: only what it needs, everything else let through. Written from the contract,
// not from the app's code, so that a mistake in the app cannot hide itself here.
import * as z from 'zod';

const personSchema = z.looseObject({ name: z.string().nullish(), address: z.string().nullish() });

const attachmentSchema = z.looseObject({
  name: z.string().nullish(),
  contentType: z.string().nullish(),
  size: z.number().nullish(),
  isInline: z.boolean().nullish(),
});

const messageSchema = z.looseObject({
  id: z.string().min(1),
  internetMessageId: z.string().nullish(),
  subject: z.string().nullish(),
  from: personSchema.nullish(),
  attachments: z.array(attachmentSchema).nullish(),
});

const claimCheckSchema = z.looseObject({ container: z.string(), blob: z.string() });

const mailEventSchema = z.looseObject({
  specversion: z.literal('1.0'),
  id: z.string().min(1),
  source: z.string().min(1),
  type: z.string().min(1),
  data: z.looseObject({
    mailbox: z.looseObject({ id: z.string().min(1), address: z.string().nullish() }),
    message: messageSchema.optional(),
    messageClaimCheck: claimCheckSchema.optional(),
  }),
});

/** Where a part lies that was too large for the queue. */
export type ClaimCheck = z.infer<typeof claimCheckSchema>;

/** The mail in a mail event. */
export type MailOfEvent = z.infer<typeof messageSchema>;

/** One mail event, with its mail at hand. */
export type MailEvent = { id: string; mailbox: { id: string; address: string }; message: MailOfEvent };

function parse<T>(schema: z.ZodType<T>, value: unknown, what: string): T {
  const parsed = schema.safeParse(typeof value === 'string' ? JSON.parse(value) : value);
  if (!parsed.success) throw new Error(`${what}:\n${z.prettifyError(parsed.error)}`);
  return parsed.data;
}

/** Reads a message body from the queue, fetching a claim check if the mail lies there; throws if it is no mail event. */
export async function readMailEvent(
  body: unknown,
  fetchText: (claimCheck: ClaimCheck) => Promise<string>,
): Promise<MailEvent> {
  const { id, data } = parse(mailEventSchema, body, 'The message is no mail event');
  const mailbox = { id: data.mailbox.id, address: data.mailbox.address ?? '' };
  if (data.message !== undefined) return { id, mailbox, message: data.message };
  if (data.messageClaimCheck === undefined) throw new Error('The mail event has neither a message nor a claim check.');
  const text = await fetchText(data.messageClaimCheck);
  return { id, mailbox, message: parse(messageSchema, text, 'The claim check holds no mail') };
}
