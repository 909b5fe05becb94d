// The app's host as a child process: the embedded one, or Core Tools on request.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import * as z from 'zod';
import { pause, waitUntil } from './wait-until.ts';

const projectFolder = fileURLToPath(new URL('../..', import.meta.url));
const START_LIMIT_MS = 60_000;
const STOP_LIMIT_MS = 20_000;
const LINES_KEPT = 40;

/** What a host needs to start. */
export type HostOptions = {
  functionsUrl: string;
  /** A file with `env`, for the embedded host. */
  settingsFile: string;
  /** The same settings, for Core Tools. */
  env: Record<string, string>;
  /** All that the host prints goes here. */
  logFile: string;
  coreTools: boolean;
  onLine?: (line: string) => void;
  /** Told the process id before the host has done anything: it can be killed while it starts. */
  onSpawn?: (pid: number) => void;
};

/** A running host. */
export type HostProcess = {
  pid: number;
  /** What it printed last. */
  lastLines(): readonly string[];
  /** Settles when it ends for whatever reason; the text says how. */
  ended: Promise<string>;
  /** Lets running work finish, within limits. */
  stop(): Promise<void>;
};

/** Throws, with what to do, unless Core Tools can be run. Their npm package may be installed without the program. */
export function requireCoreTools(): void {
  const probe = spawnSync('func', ['--version'], { encoding: 'utf8', shell: process.platform === 'win32' });
  if (probe.status === 0) return;
  throw new Error(
    'Azure Functions Core Tools are not usable here: `func --version` ' +
      `${probe.error === undefined ? `ended with ${probe.status}` : 'was not found'}. ` +
      'Install them, or leave out --func to use the embedded host, which needs nothing.',
  );
}

/** What a developer's shell may hold for real Azure work; here it would point the app away from the emulators. */
const NOT_INHERITED = /^(GRAPH_|AZURE_|MSI_|IDENTITY_|MAILBOX|ServiceBus__|DataStorage__|AzureWebJobs|WEBSITE_|ADMIN_)/;

function hostEnvironment(env: Record<string, string>): NodeJS.ProcessEnv {
  const inherited = Object.entries(process.env).filter(([name]) => !NOT_INHERITED.test(name));
  // The environment wins over the settings file in the host, so both say the same.
  return { ...Object.fromEntries(inherited), ...env };
}

function spawnEmbedded(options: HostOptions): ChildProcess {
  const preload = new URL('../storage/exit-with-parent.ts', import.meta.url).href;
  const main = fileURLToPath(new URL('../functions-host/main.ts', import.meta.url));
  return spawn(
    process.execPath,
    [
      '--experimental-strip-types',
      '--disable-warning=ExperimentalWarning',
      '--import',
      preload,
      main,
      '--settings',
      options.settingsFile,
      '--port',
      new URL(options.functionsUrl).port,
    ],
    {
      cwd: projectFolder,
      env: hostEnvironment(options.env),
      // Its own process group: Ctrl-C reaches us only, and we stop it in order.
      detached: true,
      windowsHide: true,
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    },
  );
}

function spawnCoreTools(options: HostOptions): ChildProcess {
  return spawn('func', ['start', '--port', new URL(options.functionsUrl).port], {
    cwd: projectFolder,
    env: hostEnvironment(options.env),
    shell: process.platform === 'win32',
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

const readySchema = z.looseObject({ type: z.literal('ready') });

/** Resolves once the embedded host says that it is ready. */
function saysReady(child: ChildProcess): Promise<undefined> {
  return new Promise((resolve) => {
    child.on('message', (message) => {
      if (readySchema.safeParse(message).success) resolve(undefined);
    });
  });
}

/** Resolves once the app answers HTTP, whatever it answers: Core Tools has no other way to say that it is ready. */
async function answersHttp(functionsUrl: string, giveUp: AbortSignal): Promise<undefined> {
  await waitUntil(
    async () => {
      const timeout = AbortSignal.timeout(2000);
      const answer = await fetch(`${functionsUrl}/api/health`, { signal: timeout }).catch(() => undefined);
      await answer?.arrayBuffer();
      return answer !== undefined;
    },
    Infinity,
    giveUp,
  );
  return undefined;
}

/** Starts the host and waits until it answers; rejects with its last lines if it does not. */
export async function startHost(options: HostOptions): Promise<HostProcess> {
  if (options.coreTools) requireCoreTools();
  const child = options.coreTools ? spawnCoreTools(options) : spawnEmbedded(options);
  if (child.pid !== undefined) options.onSpawn?.(child.pid);
  const last: string[] = [];
  const log = createWriteStream(options.logFile);
  for (const stream of [child.stdout, child.stderr]) {
    if (stream === null) continue;
    createInterface(stream).on('line', (line) => {
      last.push(line);
      if (last.length > LINES_KEPT) last.shift();
      log.write(`${line}\n`);
      options.onLine?.(line);
    });
  }
  const ended = new Promise<string>((resolve) => {
    child.once('error', (error) => resolve(`could not be started: ${error.message}`));
    // 'close' comes after the last line was read, 'exit' may come before.
    child.once('close', (code, signal) => {
      log.end();
      resolve(signal === null ? `exit code ${code}` : `signal ${signal}`);
    });
  });

  async function stop(): Promise<void> {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGTERM');
    const limit = setTimeout(() => child.kill('SIGKILL'), STOP_LIMIT_MS);
    await ended;
    clearTimeout(limit);
  }

  const giveUp = new AbortController();
  const ready = options.coreTools ? answersHttp(options.functionsUrl, giveUp.signal) : saysReady(child);
  const tooLate = pause(START_LIMIT_MS, giveUp.signal).then(() => `it was not ready within ${START_LIMIT_MS / 1000} s`);
  const failure = await Promise.race([ready, ended, tooLate]);
  giveUp.abort();
  if (failure !== undefined) {
    await stop();
    throw new Error(`The app's host did not start (${failure}). Its last lines:\n${last.join('\n') || '(nothing)'}`);
  }
  return { pid: child.pid ?? 0, lastLines: () => last, ended, stop };
}
