// What is installed, built and committed: few packages, pinned; one bundle, the same each time; no secret anywhere.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import * as z from 'zod';
import { buildApp } from '../../local/build.ts';

const root = path.resolve(import.meta.dirname, '../..');
const read = (file: string) => readFileSync(path.join(root, file), 'utf8');

const versions = z.record(z.string(), z.string()).default({});
const declaredSchema = z.looseObject({
  dependencies: versions,
  devDependencies: versions,
  optionalDependencies: versions,
});
const lockSchema = z.looseObject({
  packages: z.record(
    z.string(),
    z.looseObject({
      version: z.string().optional(),
      integrity: z.string().optional(),
      link: z.boolean().default(false),
      dev: z.boolean().default(false),
      hasInstallScript: z.boolean().default(false),
    }),
  ),
});
const declared = declaredSchema.parse(JSON.parse(read('package.json')));
const { packages } = lockSchema.parse(JSON.parse(read('package-lock.json')));
const installed = Object.entries(packages).filter(([place, { link }]) => place.startsWith('node_modules/') && !link);

describe('the packages', () => {
  it('that the app needs are these and no others [T27]', () => {
    // A new one is a decision: why it is needed, who maintains it, what it brings along.
    expect(Object.keys(declared.dependencies).toSorted()).toEqual([
      '@azure/core-auth',
      '@azure/data-tables',
      '@azure/functions',
      '@azure/msal-node',
      '@azure/service-bus',
      '@azure/storage-blob',
      '@microsoft/microsoft-graph-client',
      'jose',
      'p-limit',
      'zod',
    ]);
  });

  it('are asked for in one exact version each [T27]', () => {
    const asked = Object.entries({
      ...declared.dependencies,
      ...declared.devDependencies,
      ...declared.optionalDependencies,
    });
    expect(asked.filter(([, version]) => !/^(\d+\.\d+\.\d+|file:local\/.+)$/.test(version))).toEqual([]);
  });

  it('are locked as they are asked for, each with its digest [T27]', () => {
    const locked = declaredSchema.parse(packages['']);
    for (const kind of ['dependencies', 'devDependencies', 'optionalDependencies'] as const)
      expect(locked[kind], kind).toEqual(declared[kind]);
    for (const [name, version] of Object.entries({ ...declared.dependencies, ...declared.devDependencies }))
      if (!version.startsWith('file:'))
        expect(packages[`node_modules/${name}`]?.version, name).toBe(version.replace('^', ''));
    expect(installed.length).toBeGreaterThan(100);
    expect(installed.filter(([, { integrity }]) => !integrity?.startsWith('sha512-')).map(([place]) => place)).toEqual(
      [],
    );
  });

  it('run nothing when they are installed, but for the tool that builds [T27]', () => {
    const running = installed.filter(([, { hasInstallScript }]) => hasInstallScript);
    expect(running.map(([place, { dev }]) => [place, dev])).toEqual([['node_modules/esbuild', true]]);
  });
});

describe('the bundle', () => {
  const folders = [mkdtempSync(path.join(tmpdir(), 'bundle-')), mkdtempSync(path.join(tmpdir(), 'bundle-'))];
  let bundles: string[] = [];

  beforeAll(async () => {
    for (const folder of folders) {
      const outfile = path.join(folder, 'app.cjs');
      await buildApp({ entry: 'functions/main.ts', outfile });
      bundles = [...bundles, readFileSync(outfile, 'utf8')];
    }
  });
  afterAll(() => {
    for (const folder of folders) rmSync(folder, { recursive: true });
  });

  it('is the same byte for byte when it is built again elsewhere [T28]', () => {
    expect(bundles[0]?.length).toBeGreaterThan(100_000);
    expect(bundles[0] === bundles[1]).toBe(true);
  });

  it('holds no secret and no path of the machine that built it [T25]', () => {
    expect(secretsIn(bundles[0] ?? '')).toEqual([]);
    expect(bundles[0]).not.toContain(root);
  });
});

it('no workflow runs an action that is not pinned by its digest, or for whoever opens a pull request [T28]', () => {
  const folder = path.join(root, '.github/workflows');
  const workflows = existsSync(folder) ? readdirSync(folder).map((name) => read(`.github/workflows/${name}`)) : [];
  for (const text of workflows) {
    const used = [...text.matchAll(/uses:\s*(\S+)/g)].map(([, action = '']) => action);
    expect(used.filter((action) => !action.startsWith('./') && !/@[0-9a-f]{40}$/.test(action))).toEqual([]);
    expect(text).not.toMatch(/pull_request_target|workflow_run/);
  }
});

/** What looks like a secret that opens something. */
const SECRETS: readonly RegExp[] = [
  /-----BEGIN [A-Z ]*PRIVATE KEY-----\s+[A-Za-z0-9+/=]{40,}/g,
  /\b(?:AccountKey|SharedAccessKey)=[A-Za-z0-9+/]{40,}={0,2}/g,
  /[?&]sig=[A-Za-z0-9%+/]{40,}/g,
  // Client secrets of Entra, tokens of npm, GitHub and AWS, signed tokens.
  /\b[A-Za-z0-9_~.-]{3}8Q~[A-Za-z0-9_~.-]{34}\b/g,
  /\b(?:npm_[A-Za-z0-9]{36}|gh[pousr]_[A-Za-z0-9]{36}|AKIA[0-9A-Z]{16})\b/g,
  /\beyJ[A-Za-z0-9_-]{20,}\.eyJ[A-Za-z0-9_-]{20,}\.[A-Za-z0-9_-]{20,}/g,
];
/** The storage emulator's key, which is printed in its documentation and opens nothing else. */
const EMULATOR_KEY = 'Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==';

const secretsIn = (text: string): string[] =>
  SECRETS.flatMap((pattern) => text.match(pattern) ?? []).filter((found) => !found.includes(EMULATOR_KEY));

/** Keys that were made for tests of certificates and open nothing. */
const MADE_FOR_TESTS = 'test/support/certificates.ts';

const repositoryFiles = execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], {
  cwd: root,
  encoding: 'utf8',
})
  .split('\0')
  .filter((file) => file !== '' && existsSync(path.join(root, file)));

describe('secrets', () => {
  it('are recognised', () => {
    const key = 'A'.repeat(60);
    const examples = [
      `-----BEGIN PRIVATE KEY-----\n${key}`,
      `AccountName=x;AccountKey=${key}==`,
      `https://x.blob.example/c/b?sv=1&sig=${key}`,
      `abc8Q~${'x'.repeat(34)}`,
      `ghp_${'a'.repeat(36)}`,
      `eyJ${key}.eyJ${key}.${key}`,
    ];
    for (const example of examples) expect(secretsIn(example), example).toHaveLength(1);
    expect(secretsIn(`AccountKey=${EMULATOR_KEY}`)).toEqual([]);
  });

  it('are in no file of the repository [T25]', () => {
    const texts = repositoryFiles.filter((file) => file !== MADE_FOR_TESTS && isSmall(file));
    expect(texts.length).toBeGreaterThan(300);
    const found = texts.flatMap((file) => secretsIn(read(file)).map((secret) => `${file}: ${secret.slice(0, 24)}…`));
    expect(found).toEqual([]);
  });

  it('are in no setting of the sample, and no file that would hold real ones is tracked [T25]', () => {
    const { Values } = z
      .looseObject({ Values: z.record(z.string(), z.string()) })
      .parse(JSON.parse(read('local.settings.sample.json')));
    const secret = Object.entries(Values).filter(([name]) => /SECRET|CERTIFICATE|PASSWORD|_KEY$/.test(name));
    expect(secret.length).toBeGreaterThan(0);
    expect(secret.filter(([, value]) => value !== '')).toEqual([]);
    expect(
      repositoryFiles.filter((file) => /(^|\/)(local\.settings\.json|\.env[^/]*)$|\.(pem|pfx|key)$/.test(file)),
    ).toEqual([]);
    expect(read('.gitignore').split('\n')).toContain('local.settings.json');
  });
});

function isSmall(file: string): boolean {
  const { size } = statSync(path.join(root, file));
  return size < 2_000_000;
}
