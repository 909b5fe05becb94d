import { readFile } from 'node:fs/promises';
import { ServiceBusClient } from '@azure/service-bus';
import { BlobServiceClient } from '@azure/storage-blob';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parseQueueDefinitions, type ServiceBusBroker, startServiceBusBroker } from '../../local/service-bus/broker.ts';
import { type ControlServer, startControlServer } from '../../local/start/control-server.ts';
import { startStorage, type StorageEmulator } from '../../local/storage/storage.ts';

let serviceBus: ServiceBusBroker;
let storage: StorageEmulator;
let control: ControlServer;
let graphResets = 0;
let advancedMs = 0;

beforeAll(async () => {
  const queues = await readFile(new URL('../../infra/queues.json', import.meta.url), 'utf8');
  serviceBus = await startServiceBusBroker({ queues: parseQueueDefinitions(JSON.parse(queues)) });
  storage = await startStorage();
  const graph = { counters: () => ({ mailRequests: 3 }), reset: () => (graphResets += 1) };
  control = await startControlServer({
    graph,
    serviceBus,
    storage,
    advanceClock: (ms) => (advancedMs += ms),
  });
});
afterAll(async () => {
  await control.close();
  await storage.close();
  await serviceBus.close();
});

async function call(method: string, path: string, body?: unknown): Promise<{ status: number; body: unknown }> {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  const answer = await fetch(`${control.url}${path}`, { method, ...(body === undefined ? {} : { body: text }) });
  return { status: answer.status, body: await answer.json() };
}

async function send(body: string): Promise<void> {
  const client = new ServiceBusClient(serviceBus.connectionString, { retryOptions: { maxRetries: 0 } });
  try {
    await client.createSender('crm-mail').sendMessages({ body, messageId: body });
  } finally {
    await client.close();
  }
}

const containerClient = (name: string) =>
  BlobServiceClient.fromConnectionString(storage.connectionString, {
    retryOptions: { maxTries: 1 },
  }).getContainerClient(name);

test('the counters of all three emulators are read at one address', async () => {
  await send('counted');
  await containerClient('counted').create();
  expect(await call('GET', '/counters')).toMatchObject({
    status: 200,
    body: {
      graph: { mailRequests: 3 },
      serviceBus: { queues: { 'crm-mail': { messagesSent: 1, sendOperations: 1 } } },
      storage: { blobCalls: 1, byKind: { 'blob.createContainer': 1 } },
    },
  });
  expect(await call('GET', '/queues/crm-mail')).toMatchObject({ status: 200, body: { active: 1, deadLettered: 0 } });
});

test('reset empties all three', async () => {
  await send('forgotten');
  await containerClient('forgotten').createIfNotExists();
  const before = graphResets;
  await call('POST', '/reset');
  expect(graphResets).toBe(before + 1);
  expect(await call('GET', '/counters')).toMatchObject({
    body: { serviceBus: { total: { messagesSent: 0 } }, storage: { blobCalls: 0 } },
  });
  expect(await call('GET', '/queues/crm-mail')).toMatchObject({ body: { active: 0 } });
});

test('faults of storage and Service Bus are set and mended over HTTP', async () => {
  await call('PUT', '/storage/faults', [{ service: 'blob', status: 503 }]);
  await expect(containerClient('faulty').create()).rejects.toMatchObject({ statusCode: 503 });
  await call('PUT', '/storage/faults', []);
  await containerClient('faulty').create();

  await call('PUT', '/service-bus/faults', [{ kind: 'refuse-sends', queue: 'crm-mail', as: 'server-busy' }]);
  await expect(send('refused')).rejects.toMatchObject({ code: 'ServiceBusy' });
  await call('PUT', '/service-bus/faults', []);
  await send('accepted');
});

test.each([
  ['a body that is no JSON', 'PUT', '/storage/faults', '{', 400],
  ['a fault nobody knows', 'PUT', '/storage/faults', [{ explode: true }], 400],
  ['a fault of a queue that is not there', 'PUT', '/service-bus/faults', [{ kind: 'expire-locks', queue: 'x' }], 400],
  ['a queue that is not there', 'GET', '/queues/nowhere', undefined, 404],
  ['an address that is not there', 'GET', '/nowhere', undefined, 404],
])('%s is answered with a reason', async (_what, method, path, body, status) => {
  const answer = await call(method, path, body);
  expect(answer.status).toBe(status);
  expect(answer.body).toHaveProperty('error');
});
