// The embedded host: loads a built app of the v4 model and runs its HTTP, timer and Service Bus functions.
import type { ServerResponse } from 'node:http';
import { handleAdmin } from './admin-api.ts';
import { AppRegistry } from './app-registry.ts';
import { type Clock, systemClock } from './clock.ts';
import { createCoreApi } from './core-api.ts';
import { describeError, HostError } from './host-error.ts';
import { readHostJson } from './host-json.ts';
import { atLeast, consoleLog, type HostLog } from './host-log.ts';
import { type HostKeys, newHostKeys } from './http-keys.ts';
import { listen } from './http-server.ts';
import { makeHttpTrigger } from './http-trigger.ts';
import { type Invoke, makeInvoke, runHooks, runLogHooks } from './invoke.ts';
import { loadApp } from './load-app.ts';
import { RunningWork } from './running-work.ts';
import { ServiceBusConnections } from './service-bus-connections.ts';
import { isDisabled } from './settings.ts';
import { type HostedFunction, startTriggers } from './start-triggers.ts';

/** A running host. */
export interface FunctionsHost {
  url: string;
  functions: HostedFunction[];
  /** The access keys, when they are checked. */
  keys: HostKeys | undefined;
  /** Takes no new work, waits for what runs (10 s at most), closes everything it opened. */
  close(): Promise<void>;
}

/** What to run, and how. Settings are expected in `process.env`. */
export interface FunctionsHostOptions {
  /** The folder with host.json and package.json. */
  appDirectory: string;
  /** Instead of package.json `main`. */
  main?: string | undefined;
  /** 0, the default, takes a free one. */
  port?: number | undefined;
  /** Check access keys, as Azure does; off by default, as with `func start`. */
  enableAuth?: boolean | undefined;
  log?: HostLog | undefined;
  clock?: Clock | undefined;
}

const stopLimitMs = 10_000;

/** Starts the app. Rejects with a {@link HostError}, leaving nothing open, if the app cannot run. */
export async function startFunctionsHost(options: FunctionsHostOptions): Promise<FunctionsHost> {
  const { env } = process;
  const hostJson = readHostJson(options.appDirectory, env);
  const log = atLeast(hostJson.logging.logLevel.default, options.log ?? consoleLog);
  const cleanUps: (() => Promise<void>)[] = [];
  const closeAll = async () => {
    for (const cleanUp of cleanUps.splice(0).toReversed()) await cleanUp();
  };
  try {
    const server = await listen(options.port ?? 0, (message) => log({ level: 'error', category: 'host', message }));
    cleanUps.push(() => server.close());
    cleanUps.push(announceHostName(`localhost:${server.port}`, env));

    const registry = new AppRegistry();
    await startApp(registry, options, log);
    cleanUps.push(() => endApp(registry, log));

    const running = new RunningWork();
    const invoke = loggedInvoke(makeInvoke(registry, log), running, log);
    const connections = new ServiceBusConnections();
    cleanUps.push(() => connections.close());
    const active = registry.functions.filter(({ name }) => !isDisabled(name, env));
    const started = await startTriggers({
      functions: active,
      hostJson,
      env,
      clock: options.clock ?? systemClock,
      connections,
      running,
      invoke,
      log,
    });
    cleanUps.push(() => started.stop(stopLimitMs));

    const keys = options.enableAuth === true ? newHostKeys(active.map(({ name }) => name)) : undefined;
    const url = `http://127.0.0.1:${server.port}`;
    const handleHttp = makeHttpTrigger({ routes: started.routes, keys, invoke, log });
    server.serve((request, response, address) => {
      const answer = /^\/admin(?:\/|$)/i.test(address.pathname)
        ? handleAdmin(request, response, address, { keys, byHand: started.byHand })
        : handleHttp(request, response, address);
      return running.track(answer.then(() => sent(response)));
    });
    cleanUps.push(() => Promise.resolve(server.refuse()));
    return { url, functions: started.functions, keys, close: closeAll };
  } catch (error) {
    await closeAll();
    throw error;
  }
}

async function startApp(registry: AppRegistry, options: FunctionsHostOptions, log: HostLog): Promise<void> {
  const coreApi = createCoreApi(registry, (level, category, message) => {
    log({ ...runLogHooks(registry, { level, category, message }), category });
  });
  await loadApp({ appDirectory: options.appDirectory, main: options.main, registry, coreApi });
  const { startAndTerminateHookData: hookData, appHookData } = registry;
  await runHooks(registry, 'appStart', { hookData, appHookData, functionAppDirectory: options.appDirectory });
  registry.lock();
  const capabilities = (await registry.model?.getCapabilities({})) ?? {};
  if (capabilities['HttpUri'] !== undefined) {
    throw new HostError('The app enables HTTP streaming (enableHttpStream), which this local host does not have.');
  }
}

async function endApp(registry: AppRegistry, log: HostLog): Promise<void> {
  const { startAndTerminateHookData: hookData, appHookData } = registry;
  try {
    await runHooks(registry, 'appTerminate', { hookData, appHookData });
  } catch (error) {
    log({ level: 'error', category: 'host', message: `an appTerminate hook failed: ${describeError(error)}` });
  }
}

function loggedInvoke(invoke: Invoke, running: RunningWork, log: HostLog): Invoke {
  return async (registered, input) => {
    const functionName = registered.name;
    try {
      return await running.track(invoke(registered, input));
    } catch (error) {
      log({ level: 'error', category: 'host', functionName, message: `failed: ${describeError(error)}` });
      throw error;
    }
  };
}

// `func start` sets it too; in Azure it is the app's public name.
function announceHostName(name: string, env: NodeJS.ProcessEnv): () => Promise<void> {
  if (env['WEBSITE_HOSTNAME'] !== undefined) return () => Promise.resolve();
  env['WEBSITE_HOSTNAME'] = name;
  return () => {
    delete env['WEBSITE_HOSTNAME'];
    return Promise.resolve();
  };
}

// A response counts as running until its last byte is out: closing must not cut it off.
async function sent(response: ServerResponse): Promise<void> {
  if (response.closed) return;
  await new Promise((resolve) => {
    response.once('close', resolve);
  });
}
