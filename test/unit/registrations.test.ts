// What the host is told: which routes, for whom, and what is left out where settings are wrong.
import { beforeEach, describe, expect, it, vi } from 'vitest';

const { registered } = vi.hoisted(() => ({ registered: new Map<string, Record<string, unknown>>() }));

vi.mock('@azure/functions', () => {
  const register = (kind: string) => (name: string, options: object) => registered.set(name, { kind, ...options });
  const hook = { appTerminate: () => undefined, appStart: () => undefined };
  return {
    app: { http: register('http'), timer: register('timer'), serviceBusQueue: register('serviceBusQueue'), hook },
  };
});
// The use cases are not asked for here, and nothing is connected to.
vi.mock('../../shared/compose.ts', () => ({
  connect: () => ({ keys: {} }),
  keepKeysFresh: () => undefined,
  compose: () => ({}),
  CLOUDS: {},
}));

const RIGHT = {
  DataStorage: 'UseDevelopmentStorage=true',
  ServiceBus__fullyQualifiedNamespace: 'bus.northwind.example',
  PUBLIC_BASE_URL: 'https://ingest.northwind.example',
  TENANT_ID: '5f2b1c6e-8a43-4d0b-9c57-1e6f0a9d3b24',
  MAILBOXES: 'sales@northwind.example',
  RECONCILE_SCHEDULE: '15 * * * * *',
};

async function start(settings: Record<string, string>): Promise<void> {
  vi.unstubAllEnvs();
  for (const [name, value] of Object.entries(settings)) vi.stubEnv(name, value);
  await import('../../functions/main.ts');
}

/** Registrations without their handlers. */
const plain = () => Object.fromEntries([...registered].map(([name, options]) => [name, without('handler', options)]));
const without = (key: string, options: Record<string, unknown>) =>
  Object.fromEntries(Object.entries(options).filter(([name]) => name !== key));

beforeEach(() => {
  registered.clear();
  vi.resetModules();
});

describe('the app', () => {
  it('opens these routes and no others: POST alone for Graph, a key for the administrator [T07, T21]', async () => {
    await start(RIGHT);
    const routes = Object.entries(plain()).filter(([, { kind }]) => kind === 'http');
    expect(Object.fromEntries(routes)).toEqual({
      health: { kind: 'http', route: 'health', methods: ['GET'], authLevel: 'anonymous' },
      receiveNotifications: { kind: 'http', route: 'notifications', methods: ['POST'], authLevel: 'anonymous' },
      receiveLifecycleNotifications: {
        kind: 'http',
        route: 'lifecycle-notifications',
        methods: ['POST'],
        authLevel: 'anonymous',
      },
      manageMailboxes: {
        kind: 'http',
        route: 'mailboxes/{id?}/{action?}',
        methods: ['GET', 'POST', 'DELETE'],
        authLevel: 'function',
      },
    });
  });

  it('takes rings one by one and runs both timers as the settings say', async () => {
    await start(RIGHT);
    expect(plain()).toMatchObject({
      processMailboxWork: { kind: 'serviceBusQueue', queueName: 'mailbox-work', cardinality: 'one' },
      reconcileMailboxes: { kind: 'timer', schedule: '15 * * * * *', runOnStartup: true },
      renewSubscriptions: { kind: 'timer', schedule: '0 */30 * * * *' },
    });
  });

  it.each(Object.keys(RIGHT).filter((name) => name !== 'RECONCILE_SCHEDULE'))(
    'without %s has no trigger that could use anything up: Graph and the administrator only [F78]',
    async (name) => {
      await start({ ...RIGHT, [name]: '' });
      expect([...registered.keys()].toSorted()).toEqual([
        'health',
        'receiveLifecycleNotifications',
        'receiveNotifications',
      ]);
    },
  );
});
