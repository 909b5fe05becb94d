// Turns drafts into raw RFC 822 with a MIME writer that shares nothing with the emulator's parser.
import MailComposer from 'nodemailer/lib/mail-composer';
import { type MailDraft, sampleDrafts } from './sample-drafts.ts';
import type { SampleMailbox } from './sample-mailboxes.ts';

/** A mail ready to be delivered to a mailbox. */
export type SampleMail = {
  /** What the mail shows, in a few words. */
  name: string;
  mailbox: SampleMailbox;
  /** The `Message-ID` header with its angle brackets. */
  internetMessageId: string;
  raw: Buffer;
};

/** Composes one mail: Message-ID, date and recipient are set, the rest is the draft's. */
async function compose(draft: MailDraft, date: Date): Promise<SampleMail> {
  const { name, mailbox, id, options } = draft;
  const composer = new MailComposer({
    to: { name: mailbox.displayName, address: mailbox.address },
    date,
    messageId: id,
    ...options,
  });
  return { name, mailbox, internetMessageId: id, raw: await composer.compile().build() };
}

/** Makes the sample mails. Message-IDs carry the time, so that two runs never share one. */
export function makeSampleMails(now: Date): Promise<SampleMail[]> {
  return Promise.all(sampleDrafts(now.getTime().toString(36)).map((draft) => compose(draft, now)));
}

/** Makes `count` short mails spread over the mailboxes: for counting, not for reading. */
export function makeGeneratedMails(
  count: number,
  mailboxes: readonly SampleMailbox[],
  now: Date,
): Promise<SampleMail[]> {
  const stamp = now.getTime().toString(36);
  const made: Promise<SampleMail>[] = [];
  while (made.length < count) {
    for (const mailbox of mailboxes.slice(0, count - made.length)) {
      const number = made.length + 1;
      const options = {
        from: { name: `Customer ${number % 97}`, address: `customer${number % 97}@generated.example` },
        subject: `Order ${number}`,
        text: `Please send ${1 + (number % 9)} boxes to the usual address.\n\nCustomer ${number % 97}\n`,
      };
      made.push(
        compose(
          { name: `generated ${number}`, mailbox, id: `<generated-${number}.${stamp}@generated.example>`, options },
          now,
        ),
      );
    }
  }
  return Promise.all(made);
}
