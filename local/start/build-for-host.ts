import { randomBytes } from 'node:crypto';
import { rename } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildApp } from '../build.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

/**
 * Builds the app where package.json `main` says. Written beside it and then moved there, so that another run in the same
 * folder never loads half a bundle.
 */
export async function buildForHost(): Promise<void> {
  const target = path.join(root, 'dist', 'app.cjs');
  const draft = path.join(root, 'dist', `app.${randomBytes(4).toString('hex')}.cjs`);
  await buildApp({ entry: path.join(root, 'functions', 'main.ts'), outfile: draft });
  await rename(`${draft}.map`, `${target}.map`);
  await rename(draft, target);
}
