// `npm run build`: bundles the app into dist/app.cjs, the file that package.json `main` names and Azure runs.
import { randomBytes } from 'node:crypto';
import { mkdir, rename, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { build, type BuildFailure, type Metafile, type OutputFile } from 'esbuild';

const root = path.resolve(import.meta.dirname, '..');

/** What a build made. */
export interface BuiltApp {
  outfile: string;
  bytes: number;
  /** The source files inside, relative to the repository. */
  inputs: string[];
}

/** The app could not be built; the message holds every fault with its place. */
export class BuildError extends Error {
  override readonly name = 'BuildError';
}

/**
 * Bundles `entry` into one CommonJS file, with its source map beside it (paths count from the repository). Files of the folders in `forbidden` (of the
 * repository) must not end up inside: by default the emulators and the tests, which are never deployed.
 */
export async function buildApp(options: {
  entry: string;
  outfile: string;
  forbidden?: readonly string[];
}): Promise<BuiltApp> {
  const { entry, forbidden = ['local', 'test'] } = options;
  const outfile = path.resolve(root, options.outfile);
  let metafile: Metafile;
  let outputFiles: OutputFile[];
  try {
    ({ metafile, outputFiles } = await build({
      entryPoints: [entry],
      outfile,
      absWorkingDir: root,
      bundle: true,
      platform: 'node',
      target: 'node22',
      format: 'cjs',
      minify: true,
      // functions-core exists only inside a Functions worker; apache-arrow serves listings that we do not make.
      external: ['@azure/functions-core', 'apache-arrow'],
      // A file for whoever reads a stack trace; not linked, so that no start pays for it.
      sourcemap: 'external',
      write: false,
      metafile: true,
      logLevel: 'silent',
      // `import.meta` is empty in CommonJS: code that reads it would fail only when deployed.
      logOverride: { 'empty-import-meta': 'error' },
    }));
  } catch (error) {
    throw new BuildError(isBuildFailure(error) ? faults(error) : String(error), { cause: error });
  }
  const inputs = Object.keys(metafile.inputs);
  const strays = inputs.filter((file) => forbidden.some((folder) => file.startsWith(`${folder}/`)));
  if (strays.length > 0) {
    throw new BuildError(
      `The app must not contain ${strays.join(', ')}: nothing deployed imports ${forbidden.join(', ')}.`,
    );
  }
  await mkdir(path.dirname(outfile), { recursive: true });
  for (const { path: file, contents } of outputFiles) await replaceFile(file, contents);
  const bytes =
    Object.entries(metafile.outputs).find(([file]) => file.endsWith(path.basename(outfile)))?.[1].bytes ?? 0;
  return { outfile, bytes, inputs };
}

/** Another run in the same folder never loads half a bundle. */
async function replaceFile(file: string, contents: Uint8Array): Promise<void> {
  const draft = `${file}.${randomBytes(4).toString('hex')}`;
  await writeFile(draft, contents);
  await rename(draft, file);
}

/** Builds what is deployed, where package.json `main` says. */
export const buildDeployed = (): Promise<BuiltApp> =>
  buildApp({ entry: 'functions/main.ts', outfile: path.join('dist', 'app.cjs') });

function isBuildFailure(error: unknown): error is BuildFailure {
  return error instanceof Error && 'errors' in error && Array.isArray(error.errors);
}

function faults(failure: BuildFailure): string {
  return failure.errors
    .map(({ text, location }) => (location ? `${location.file}:${location.line}:${location.column}: ${text}` : text))
    .join('\n');
}

async function main(): Promise<void> {
  const built = await buildDeployed();
  const kilobytes = Math.round(built.bytes / 1024);
  console.log(`${path.relative(root, built.outfile)}: ${kilobytes} KB out of ${built.inputs.length} files`);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  try {
    await main();
  } catch (error) {
    console.error(error instanceof BuildError ? `The build failed:\n${error.message}` : error);
    process.exitCode = 1;
  }
}
