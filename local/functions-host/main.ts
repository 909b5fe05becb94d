// `npm run host`: the embedded Functions host on the command line, in the app's folder.
import { parseArgs } from 'node:util';
import * as z from 'zod';
import { onStopRequested } from '../start/stop-signal.ts';
import { banner, functionLines, keyLines } from './banner.ts';
import { type FunctionsHost, startFunctionsHost } from './functions-host.ts';
import { describeError, errorMessage, HostError } from './host-error.ts';
import { atLeast, consoleLog } from './host-log.ts';
import { applySettings, readFileSettings } from './settings.ts';

const usage = 'Usage: npm run host -- [--settings FILE] [--port N] [--enable-auth] [--quiet]';
const shutdownMessage = z.union([z.literal('shutdown'), z.looseObject({ type: z.literal('shutdown') })]);
const defaultPort = 7071;

// The real worker process ends too, and the real host starts it again; here the person at the keyboard does.
process.on('unhandledRejection', (reason) => {
  console.error(`[error] unhandled rejection in the app; the real worker would end here: ${describeError(reason)}`);
  process.exit(1);
});

let stopping = false;
const host = start();

onStopRequested(stop);
// A parent that is gone can neither use this host nor stop it.
process.on('disconnect', stop);
// It may have gone while the modules above were loading. (`send` is there only with a parent that speaks IPC.)
if (process.send !== undefined && !process.connected) stop();
process.on('message', (message) => {
  if (shutdownMessage.safeParse(message).success) stop();
});

try {
  announce(await host);
} catch (error) {
  console.error(error instanceof HostError ? error.message : describeError(error));
  process.exit(1);
}

async function start(): Promise<FunctionsHost> {
  const { settings, port, quiet, enableAuth } = readArguments();
  const appDirectory = process.cwd();
  const fromFile = readFileSettings(appDirectory, settings);
  applySettings(fromFile?.values ?? {}, process.env);
  if (!quiet) console.log(banner);
  return startFunctionsHost({
    appDirectory,
    port: port ?? fromFile?.port ?? defaultPort,
    enableAuth,
    log: quiet ? atLeast('warning', consoleLog) : consoleLog,
  });
}

function readArguments() {
  try {
    const { values } = parseArgs({
      options: {
        settings: { type: 'string' },
        port: { type: 'string' },
        'enable-auth': { type: 'boolean', default: false },
        quiet: { type: 'boolean', default: false },
      },
    });
    const port = z.coerce.number().int().min(0).max(65_535).optional().parse(values.port);
    return { settings: values.settings, port, quiet: values.quiet, enableAuth: values['enable-auth'] };
  } catch (error) {
    const reason = error instanceof z.ZodError ? '--port needs a number from 0 to 65535.' : errorMessage(error);
    throw new HostError(`${reason}\n${usage}`, { cause: error });
  }
}

function announce(ready: FunctionsHost): void {
  console.log(`Functions host listening on ${ready.url}`);
  if (!process.argv.includes('--quiet')) for (const line of functionLines(ready)) console.log(line);
  for (const line of keyLines(ready)) console.log(line);
  const told = { type: 'ready', url: ready.url, functions: ready.functions, keys: ready.keys };
  // A parent that has just gone is no fault; 'disconnect' sees to the rest.
  process.send?.(told, undefined, undefined, () => undefined);
}

function stop(): void {
  if (stopping) return;
  stopping = true;
  host
    .then((ready) => ready.close())
    .then(
      // The app may hold connections of its own; the real worker is ended as well.
      () => process.exit(0),
      (error: unknown) => {
        console.error(describeError(error));
        process.exit(1);
      },
    );
}
