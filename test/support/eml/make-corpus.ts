// Writes the corpus of .eml files: `node --experimental-strip-types test/support/eml/make-corpus.ts`.
import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { addressCases } from './cases-addresses.ts';
import { alternativeCases } from './cases-alternatives.ts';
import { attachmentContentCases } from './cases-attachment-contents.ts';
import { attachmentNameCases } from './cases-attachment-names.ts';
import { bodyCases } from './cases-bodies.ts';
import { businessCases } from './cases-business.ts';
import { charsetCases } from './cases-charsets.ts';
import { composedCases } from './cases-composed.ts';
import { corpusFolder } from './corpus-files.ts';
import { forwardCases } from './cases-forwards.ts';
import { headerCases } from './cases-headers.ts';
import { reportCases } from './cases-reports.ts';
import { securityCases } from './cases-security.ts';
import { structureCases } from './cases-structure.ts';
import type { EmlCase } from './raw-mail.ts';

/** Every case, in the order of the file names. */
export async function corpusCases(): Promise<EmlCase[]> {
  const cases = [
    ...addressCases(),
    ...alternativeCases(),
    ...attachmentContentCases(),
    ...attachmentNameCases(),
    ...bodyCases(),
    ...charsetCases(),
    ...(await composedCases()),
    ...headerCases(),
    ...forwardCases(),
    ...reportCases(),
    ...businessCases(),
    ...securityCases(),
    ...structureCases(),
  ].toSorted((a, b) => (a.name < b.name ? -1 : 1));
  const twice = cases.find((entry, index) => entry.name === cases[index + 1]?.name);
  if (twice !== undefined) throw new Error(`Two cases are called ${twice.name}: rename one of them.`);
  return cases;
}

/** Writes the corpus anew and removes files that no case makes. */
export async function writeCorpus(folder: string): Promise<number> {
  const cases = await corpusCases();
  await mkdir(folder, { recursive: true });
  const wanted = new Set(cases.map((entry) => `${entry.name}.eml`));
  const stale = (await readdir(folder)).filter((file) => file.endsWith('.eml') && !wanted.has(file));
  await Promise.all(stale.map((file) => rm(join(folder, file))));
  await Promise.all(cases.map((entry) => writeFile(join(folder, `${entry.name}.eml`), entry.raw)));
  return cases.length;
}

if (import.meta.main) {
  const count = await writeCorpus(corpusFolder);
  process.stdout.write(`${String(count)} files written\n`);
}
