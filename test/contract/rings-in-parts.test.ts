// A POST whose rings take several sends, against the broker: 202 only for the last of them.
import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { parseQueueDefinitions, type ServiceBusBroker, startServiceBusBroker } from '../../local/service-bus/broker.ts';
import { openServiceBus, type ServiceBusConnection } from '../../shared/adapters/service-bus/connection.ts';
import { makeWorkQueue } from '../../shared/adapters/service-bus/work-queue.ts';
import { signClientState } from '../../shared/domain/client-state.ts';
import { parseRing } from '../../shared/domain/work-item.ts';
import { notificationEndpoint } from '../../shared/triggers/notification-endpoint.ts';
import { makeReceiveNotifications } from '../../shared/use-cases/receive-notifications.ts';
import { MAILBOX, TENANT } from '../support/builders.ts';
import { aSigningKey } from '../support/fakes/key-ring-fake.ts';
import { makeWorld, START } from '../support/in-memory-ports.ts';
import { anInvocation, aRequest } from '../support/invocation.ts';

const noCredential = { getToken: () => Promise.reject(new Error('not asked for')) };
const key = aSigningKey('first', new Date(START - 86_400_000));
const FOLDERS = 12;
const IDS = 160;

let broker: ServiceBusBroker;
let bus: ServiceBusConnection;
let post: () => Promise<number | undefined>;

beforeAll(async () => {
  const queues: unknown = JSON.parse(await readFile(new URL('../../infra/queues.json', import.meta.url), 'utf8'));
  broker = await startServiceBusBroker({ queues: parseQueueDefinitions(queues) });
  bus = openServiceBus({ kind: 'connection-string', connectionString: broker.connectionString }, noCredential);
  const world = makeWorld();
  world.keys.keys = [key];
  const { keys } = world.startProcess().ports;
  await keys.refresh();
  const receive = makeReceiveNotifications({ workQueue: makeWorkQueue(bus, 'mailbox-work'), keys, tenant: TENANT });
  const endpoint = notificationEndpoint(receive);

  // Two thousand mails in twelve folders: 600 KB of rings, three sends.
  const value = Array.from({ length: FOLDERS * IDS }, (_, index) => {
    const folder = `folder${index % FOLDERS}`;
    const clientState = signClientState(key, { tenant: TENANT, mailbox: MAILBOX, folder });
    return { tenantId: TENANT, clientState, resourceData: { id: `AAkALgAAAAAAHYQ${String(index).padEnd(300, 'x')}=` } };
  });
  const body = { string: JSON.stringify({ value }) };
  post = async () => (await endpoint(aRequest({ body }), anInvocation())).status;
});

afterAll(async () => {
  await bus.close();
  await broker.close();
});

beforeEach(() => broker.reset());

/** As Graph does; a slow machine may need longer than the endpoint has. */
const sentAgainUntilStored = () => expect.poll(post, { timeout: 25_000 }).toBe(202);

const idsStored = () =>
  new Set(
    broker
      .peekAll('mailbox-work')
      .flatMap(({ body }) => parseRing(Buffer.isBuffer(body) ? body.toString('utf8') : body)?.ids ?? []),
  );

describe('a POST of two thousand notifications', () => {
  it('is answered with 202 once every ring is stored [F07]', async () => {
    await sentAgainUntilStored();
    expect(idsStored().size).toBe(FOLDERS * IDS);
  });

  it('is answered with 503 when a part of it is refused, and a repeat brings all [F07, F53]', async () => {
    const mend = broker.setFault({ kind: 'refuse-sends', queue: 'mailbox-work', as: 'quota-exceeded', share: 0.5 });
    expect(await post()).toBe(503);
    const stored = idsStored().size;
    expect(stored).toBeGreaterThan(0);
    expect(stored).toBeLessThan(FOLDERS * IDS);
    mend();
    await sentAgainUntilStored();
    expect(idsStored().size).toBe(FOLDERS * IDS);
  });
});
