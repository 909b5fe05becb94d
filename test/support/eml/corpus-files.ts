import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expectedMail } from './expected-mail.ts';
import type { ExpectedMail } from './mail-facts.ts';

/** Where the committed corpus lies. */
export const corpusFolder = fileURLToPath(new URL('../../fixtures/eml/', import.meta.url));

/** A committed file and what it says. */
export interface CorpusFile {
  /** File name without `.eml`. */
  readonly name: string;
  readonly raw: Buffer;
  readonly expected: ExpectedMail;
}

/** Reads the committed corpus, in the order of the names. */
export async function readCorpus(): Promise<CorpusFile[]> {
  const files = (await readdir(corpusFolder)).filter((file) => file.endsWith('.eml')).toSorted();
  return Promise.all(
    files.map(async (file) => {
      const name = file.slice(0, -'.eml'.length);
      const raw = await readFile(join(corpusFolder, file));
      return { name, raw, expected: await expectedMail(name, raw) };
    }),
  );
}
