// Which mails to feed: the samples, the .eml files of a folder, or generated ones.
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { makeGeneratedMails, makeSampleMails } from '../sample-mail/sample-mail.ts';
import type { SampleMailbox } from '../sample-mail/sample-mailboxes.ts';
import { type StartOptions, UsageError } from './start-options.ts';

/** A mail to be delivered into a mailbox. */
export type MailToFeed = { name: string; mailbox: SampleMailbox; raw: Buffer };

async function readEmlFolder(folder: string, mailboxes: readonly SampleMailbox[]): Promise<MailToFeed[]> {
  let names: string[];
  try {
    names = await readdir(folder);
  } catch (error) {
    throw new UsageError(`The folder ${folder} cannot be read (--eml): does it exist?`, { cause: error });
  }
  const files = names.filter((name) => name.toLowerCase().endsWith('.eml')).toSorted();
  if (files.length === 0) throw new UsageError(`There is no .eml file in ${folder} (--eml): nothing to feed.`);
  return Promise.all(
    files.map(async (name, index) => {
      const mailbox = mailboxes[index % mailboxes.length];
      if (mailbox === undefined) throw new Error('There is no mailbox to feed.');
      return { name, mailbox, raw: await readFile(path.join(folder, name)) };
    }),
  );
}

/** Collects the mails that the flags ask for. */
export async function collectMails(
  options: Pick<StartOptions, 'emlFolder' | 'generatedMails'>,
  mailboxes: readonly SampleMailbox[],
  now: Date,
): Promise<MailToFeed[]> {
  if (options.emlFolder !== undefined) return readEmlFolder(options.emlFolder, mailboxes);
  if (options.generatedMails !== undefined) return makeGeneratedMails(options.generatedMails, mailboxes, now);
  return makeSampleMails(now);
}
