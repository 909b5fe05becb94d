// Builds the fixture app into a folder of its own, as `npm run build` builds the real one.
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { buildApp } from '../../local/build.ts';
import type { HostLogLine } from '../../local/functions-host/host-log.ts';

/** A folder that a Functions host can start in. */
export interface AppFolder {
  directory: string;
  remove(): Promise<void>;
}

const hostJson = {
  version: '2.0',
  extensions: { http: { routePrefix: 'api' }, serviceBus: { maxConcurrentCalls: 4 } },
};

/** Builds an entry file (the fixture by default) with its host.json and package.json. */
export async function buildAppFolder(entry = 'test/fixtures/functions-app/main.ts'): Promise<AppFolder> {
  const folder = await emptyAppFolder();
  await buildApp({ entry, outfile: path.join(folder.directory, 'dist', 'app.cjs'), forbidden: ['local'] });
  return folder;
}

/** An app whose entry file is this text. */
export async function writeAppFolder(source: string, main = 'app.cjs'): Promise<AppFolder> {
  const folder = await emptyAppFolder(main);
  await writeFile(path.join(folder.directory, main), source);
  return folder;
}

async function emptyAppFolder(main = 'dist/app.cjs'): Promise<AppFolder> {
  const directory = await mkdtemp(path.join(tmpdir(), 'functions-host-'));
  await writeFile(path.join(directory, 'host.json'), JSON.stringify(hostJson));
  await writeFile(path.join(directory, 'package.json'), JSON.stringify({ main }));
  return { directory, remove: () => rm(directory, { recursive: true, force: true }) };
}

/** Asks until the answer fits, for a bounded time. */
export async function until<T>(what: string, ask: () => Promise<T> | T, fits: (answer: T) => boolean): Promise<T> {
  const deadline = Date.now() + 15_000;
  for (;;) {
    const answer = await ask();
    if (fits(answer)) return answer;
    if (Date.now() > deadline) throw new Error(`waited in vain until ${what}; last: ${JSON.stringify(answer)}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** Keeps log lines. */
export function logRecorder(): { log: (line: HostLogLine) => void; lines: HostLogLine[]; text: () => string } {
  const lines: HostLogLine[] = [];
  return {
    lines,
    log: (line) => void lines.push(line),
    text: () => lines.map(({ level, message }) => `${level}: ${message}`).join('\n'),
  };
}

const main = path.resolve('local/functions-host/main.ts');
const children = new Set<ChildProcess>();

/** A host on its own, with what it said so far. */
export interface HostRun {
  child: ChildProcess;
  stdout(): string;
  stderr(): string;
  url: Promise<string>;
  exited: Promise<unknown[]>;
  messages: unknown[];
}

/** Runs `npm run host` in a folder, without npm; every variable of its environment is named here. */
export function runHost(directory: string, flags: string[], env: Record<string, string> = {}): HostRun {
  const child = fork(main, flags, {
    cwd: directory,
    execArgv: ['--experimental-strip-types', '--disable-warning=ExperimentalWarning'],
    env: { PATH: process.env['PATH'] ?? '', TICK_SCHEDULE: '0 0 0 1 1 *', SAY_GOODBYE: 'yes', ...env },
    silent: true,
  });
  children.add(child);
  const text = { stdout: '', stderr: '' };
  const messages: unknown[] = [];
  child.stdout?.setEncoding('utf8').on('data', (chunk: string) => (text.stdout += chunk));
  child.stderr?.setEncoding('utf8').on('data', (chunk: string) => (text.stderr += chunk));
  child.on('message', (message) => messages.push(message));
  const exited = once(child, 'close');
  const url = Promise.race([
    until(
      'the host is ready',
      () => /^Functions host listening on (\S+)$/m.exec(text.stdout)?.[1],
      (found) => found !== undefined,
    ),
    exited.then(() => Promise.reject(new Error(`the host ended: ${text.stderr}`))),
  ]).then((found) => found ?? '');
  url.catch(() => undefined);
  return { child, stdout: () => text.stdout, stderr: () => text.stderr, url, exited, messages };
}

/** Ends the hosts that a test left running. */
export function killHosts(): void {
  for (const child of children) child.kill('SIGKILL');
  children.clear();
}
