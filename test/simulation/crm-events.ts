import * as z from 'zod';

const eventSchema = z.looseObject({
  id: z.string(),
  subject: z.string(),
  data: z.looseObject({ mailbox: z.looseObject({ id: z.string() }) }),
});
const claimCheck = z.looseObject({ blob: z.string(), size: z.number(), sha256: z.string() });

export type NamedBlob = z.infer<typeof claimCheck>;

/** One send to the CRM queue. */
export interface SentEvent {
  messageId: string;
  /** Of the CloudEvent. */
  eventId: string;
  mailbox: string;
  /** Id of the mail. */
  mail: string;
  blobs: NamedBlob[];
  /** The queue showed it to the CRM; repeats it keeps to itself. */
  isShown: boolean;
}

const keyOf = (mailbox: string, mail: string) => `${mailbox}/${mail}`;

/** Every claim check in an event, wherever it stands. */
function blobsIn(value: unknown): NamedBlob[] {
  if (typeof value !== 'object' || value === null) return [];
  const found = claimCheck.safeParse(value);
  return found.success ? [found.data] : Object.values(value).flatMap(blobsIn);
}

/** What the app sent to the CRM queue, by mail. */
export class CrmEvents {
  readonly all: SentEvent[] = [];
  readonly #byMail = new Map<string, SentEvent[]>();

  add(messageId: string, body: string, isShown: boolean): void {
    const raw: unknown = JSON.parse(body);
    const { id, subject, data } = eventSchema.parse(raw);
    const blobs = body.includes('"sha256"') ? blobsIn(raw) : [];
    const sent = { messageId, eventId: id, mailbox: data.mailbox.id, mail: subject, blobs, isShown };
    this.all.push(sent);
    const key = keyOf(sent.mailbox, sent.mail);
    const same = this.#byMail.get(key);
    if (same) same.push(sent);
    else this.#byMail.set(key, [sent]);
  }

  /** Sends by mail; the key is `<mailbox>/<mail>`. */
  get byMail(): ReadonlyMap<string, SentEvent[]> {
    return this.#byMail;
  }

  has(mailbox: string, mail: string): boolean {
    return this.#byMail.has(keyOf(mailbox, mail));
  }
}
