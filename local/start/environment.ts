// The whole world around the app on this machine: Graph with its identity endpoint, Service Bus, storage.
import { readFile } from 'node:fs/promises';
import { startGraphEmulator } from '../graph/graph-emulator.ts';
import type { StepObserver } from '../observed-step.ts';
import {
  type SampleMailbox,
  sampleAppId,
  sampleIdentityHeader,
  sampleMailboxes,
  sampleTenantId,
} from '../sample-mail/sample-mailboxes.ts';
import { parseQueueDefinitions, type ServiceBusBroker, startServiceBusBroker } from '../service-bus/broker.ts';
import { type StorageEmulator, startStorage } from '../storage/storage.ts';
import { startControlServer } from './control-server.ts';
import { type EnvironmentSettings, makeEnvironmentSettings } from './environment-settings.ts';
import { findFreePort } from './free-port.ts';
import { UsageError } from './start-options.ts';

type GraphEmulator = Awaited<ReturnType<typeof startGraphEmulator>>;

/** Where everything listens when the ports are fixed; `local.settings.sample.json` names the same. */
export const fixedPorts = { blob: 10_000, queue: 10_001, table: 10_002, serviceBus: 5672, host: 7071, graph: 7072 };

/** What to start. */
export type EnvironmentOptions = {
  ports: 'free' | 'fixed';
  /** The sample mailboxes by default. */
  mailboxes?: readonly SampleMailbox[];
  /** Sees every step between the app and the three services. */
  onStep?: StepObserver | undefined;
};

/** A running environment. */
export type Environment = {
  graph: GraphEmulator;
  serviceBus: ServiceBusBroker;
  storage: StorageEmulator;
  mailboxes: readonly SampleMailbox[];
  /** All that another program needs; the host is not running yet, its address is reserved. */
  settings: EnvironmentSettings;
  /** Settles if a part ends without having been asked to; the text says which and how. */
  died: Promise<string>;
  /** Lets time pass for all three services at once; nothing waits for it. */
  advanceClock(ms: number): void;
  close(): Promise<void>;
};

const queuesFile = new URL('../../infra/queues.json', import.meta.url);

function portOfError(error: unknown): number | undefined {
  if (!(error instanceof Error) || !('code' in error) || error.code !== 'EADDRINUSE') return undefined;
  return 'port' in error && typeof error.port === 'number' ? error.port : undefined;
}

/** Says which port is taken and what to do; any other error stays as it is. */
function explain(error: unknown): unknown {
  const port = portOfError(error);
  if (port === undefined) return error;
  const [use] = Object.entries(fixedPorts).find(([, fixed]) => fixed === port) ?? ['the environment'];
  return new UsageError(
    `Port ${port} (${use}) is already in use on this machine. Stop the program that has it ` +
      '(perhaps another `npm run emulators`), or use free ports: npm run emulators -- --ports 0',
  );
}

/** Starts all parts at once; if one fails, stops the others and rejects with its reason. */
export async function startEnvironment(options: EnvironmentOptions): Promise<Environment> {
  const ports = options.ports === 'fixed' ? fixedPorts : undefined;
  const mailboxes = options.mailboxes ?? sampleMailboxes;
  const { onStep } = options;
  const queues = parseQueueDefinitions(JSON.parse(await readFile(queuesFile, 'utf8')));

  let aheadMs = 0;
  const now = (): number => Date.now() + aheadMs;

  const started: { close(): unknown }[] = [];
  async function keep<T extends { close(): unknown }>(starting: Promise<T>): Promise<T> {
    const part = await starting;
    started.push(part);
    return part;
  }
  async function closeAll(): Promise<void> {
    for (const part of started.splice(0).toReversed()) await part.close();
  }

  const starting = [
    keep(
      startGraphEmulator({
        port: ports?.graph ?? 0,
        tenantId: sampleTenantId,
        appId: sampleAppId,
        identityHeader: sampleIdentityHeader,
        users: mailboxes.map(({ id, address, displayName }) => ({ id, address, displayName })),
        onStep,
      }),
    ),
    keep(startServiceBusBroker({ port: ports?.serviceBus ?? 0, queues, now, onStep })),
    keep(startStorage(ports === undefined ? { now, onStep } : { ports, now, onStep })),
  ] as const;
  try {
    // All have to settle before anything is closed, or a late one would be left running.
    await Promise.allSettled(starting);
    const [graph, serviceBus, storage] = await Promise.all(starting);
    const advanceClock = (ms: number): void => {
      aheadMs += ms;
      graph.control.advanceClock(ms);
      serviceBus.tick();
    };
    const control = await keep(startControlServer({ graph, serviceBus, storage, advanceClock }));
    return {
      graph,
      serviceBus,
      storage,
      mailboxes,
      settings: makeEnvironmentSettings({
        functionsUrl: `http://127.0.0.1:${ports?.host ?? (await findFreePort())}`,
        graphUrl: graph.graphUrl,
        serviceBusConnectionString: serviceBus.connectionString,
        storageConnectionString: storage.connectionString,
        tenantId: sampleTenantId,
        mailboxes: mailboxes.map(({ id, address }) => ({ id, address })),
        controlUrl: control.url,
        identityEndpoint: graph.identityEndpoint,
        identityHeader: graph.identityHeader,
      }),
      died: storage.died.then((how) => `Azurite (storage) ended unexpectedly: ${how}.`),
      advanceClock,
      close: closeAll,
    };
  } catch (error) {
    await closeAll();
    throw explain(error);
  }
}
