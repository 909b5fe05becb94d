import { randomBytes } from 'node:crypto';
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';

/** Writes an object as JSON; a reader sees the old file or the whole new one, never half of it. */
export async function writeJsonFile(file: string, content: object): Promise<void> {
  const target = path.resolve(file);
  const draft = `${target}.${randomBytes(4).toString('hex')}.tmp`;
  await mkdir(path.dirname(target), { recursive: true });
  try {
    // Readable by its owner only: settings hold the keys of the emulators.
    await writeFile(draft, `${JSON.stringify(content, undefined, 2)}\n`, { mode: 0o600 });
    await rename(draft, target);
  } catch (error) {
    await rm(draft, { force: true });
    throw error;
  }
}
