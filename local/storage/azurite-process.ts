// Azurite from npm as a child process, so that its work and its crashes stay out of the emulators' process.
import { type ChildProcess, spawn } from 'node:child_process';
import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { StorageService } from './call-kind.ts';

/** A running Azurite. */
export type AzuriteProcess = {
  ports: Record<StorageService, number>;
  pid: number;
  /** Settles when the process ends for whatever reason; the text says how. */
  ended: Promise<string>;
  stop(): Promise<void>;
};

const START_LIMIT_MS = 30_000;
const STOP_LIMIT_MS = 5_000;
const LISTENING = /Azurite (Blob|Queue|Table) service is successfully listening at http:\/\/127\.0\.0\.1:(\d+)/;

function azuriteArguments(location: string | undefined): string[] {
  return [
    ...(location === undefined ? ['--inMemoryPersistence'] : ['--location', location]),
    '--silent',
    '--disableTelemetry',
    // The SDKs speak a newer API version than Azurite lists.
    '--skipApiVersionCheck',
    '--loose',
    ...['blob', 'queue', 'table'].flatMap((service) => [
      `--${service}Port`,
      '0',
      // Longer than any pause of the proxy's connection pool: a pooled connection is never closed under a request.
      `--${service}KeepAliveTimeout`,
      '3600',
    ]),
  ];
}

function spawnAzurite(location: string | undefined): ChildProcess {
  const entry = createRequire(import.meta.url).resolve('azurite/dist/src/azurite.js');
  const preload = new URL('./exit-with-parent.ts', import.meta.url).href;
  const env = { ...process.env };
  // Other accounts would take the well-known one away, which the connection string names.
  delete env['AZURITE_ACCOUNTS'];
  return spawn(
    process.execPath,
    [
      '--experimental-strip-types',
      '--disable-warning=ExperimentalWarning',
      '--import',
      preload,
      entry,
      ...azuriteArguments(location),
    ],
    {
      // Its own process group: Ctrl-C reaches the parent only, which stops Azurite after those who still use it.
      detached: true,
      windowsHide: true,
      cwd: fileURLToPath(new URL('.', import.meta.url)),
      env,
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    },
  );
}

/** Starts Azurite on free ports; rejects, with what it printed, if it ends before it listens. */
export async function startAzurite(location: string | undefined): Promise<AzuriteProcess> {
  const child = spawnAzurite(location);
  const printed: string[] = [];
  const found = new Map<string, number>();
  let stopping = false;

  const ended = new Promise<string>((resolve) => {
    child.once('error', (error) => resolve(`could not be started: ${error.message}`));
    child.once('exit', (code, signal) => resolve(signal === null ? `exit code ${code}` : `signal ${signal}`));
  });

  const listening = new Promise<void>((resolve) => {
    const read = (line: string): void => {
      if (printed.length < 50) printed.push(line);
      const [, service, port] = LISTENING.exec(line) ?? [];
      if (service !== undefined) found.set(service.toLowerCase(), Number(port));
      if (found.size === 3) resolve();
    };
    if (child.stdout !== null) createInterface(child.stdout).on('line', read);
    if (child.stderr !== null) createInterface(child.stderr).on('line', read);
  });

  async function stop(): Promise<void> {
    if (!stopping) {
      stopping = true;
      // Azurite understands this message on every platform; Windows has no SIGTERM to catch.
      if (child.connected) child.send('shutdown');
      else child.kill();
    }
    const limit = setTimeout(() => child.kill('SIGKILL'), STOP_LIMIT_MS);
    await ended;
    clearTimeout(limit);
  }

  let startLimit: NodeJS.Timeout | undefined;
  const tooLate = new Promise<string>((resolve) => {
    startLimit = setTimeout(() => resolve(`it did not listen within ${START_LIMIT_MS / 1000} s`), START_LIMIT_MS);
  });
  const failure = await Promise.race([listening, ended, tooLate]);
  clearTimeout(startLimit);
  if (failure !== undefined) {
    if (child.pid !== undefined) await stop();
    throw new Error(`Azurite did not start (${failure}). It printed:\n${printed.join('\n') || '(nothing)'}`);
  }

  const port = (service: StorageService): number => found.get(service) ?? 0;
  return {
    ports: { blob: port('blob'), queue: port('queue'), table: port('table') },
    pid: child.pid ?? 0,
    ended,
    stop,
  };
}
