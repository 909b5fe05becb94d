import { inspect } from 'node:util';
import type { ServerResponse } from 'node:http';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { makeAuthorize } from '../../shared/adapters/admin-tokens.ts';
import { graphIdentity } from '../../shared/adapters/graph/app-identity.ts';
import { makeGraphClient } from '../../shared/adapters/graph/graph-client.ts';
import { makeGraphDirectory } from '../../shared/adapters/graph/graph-directory.ts';
import { makeGraphMail } from '../../shared/adapters/graph/graph-mail.ts';
import { makeGraphSubscriptions } from '../../shared/adapters/graph/graph-subscriptions.ts';
import { TokenSource } from '../../shared/adapters/graph/token-source.ts';
import { makeServerClock } from '../../shared/adapters/server-clock.ts';
import { openServiceBus } from '../../shared/adapters/service-bus/connection.ts';
import { makeCrmQueue } from '../../shared/adapters/service-bus/crm-queue.ts';
import { makeWorkQueue } from '../../shared/adapters/service-bus/work-queue.ts';
import { makeClaimStore } from '../../shared/adapters/storage/claim-store.ts';
import { openStorage } from '../../shared/adapters/storage/connection.ts';
import { makeDeliveries } from '../../shared/adapters/storage/deliveries.ts';
import { makeKeyRing } from '../../shared/adapters/storage/key-ring.ts';
import { makeWatchedFolders } from '../../shared/adapters/storage/watched-folders.ts';
import { claimCheckFor } from '../../shared/domain/mail-event.ts';
import { errorCode } from '../../shared/errors.ts';
import { log, withInvocationLog } from '../../shared/log.ts';
import { queueConsumer } from '../../shared/triggers/queue-consumer.ts';
import { aFolder, INBOX, MAILBOX, TENANT } from '../support/builders.ts';
import { CERTIFICATE, OWN_KEY } from '../support/certificates.ts';
import { aCanary, makeScanner } from '../support/hostile/canaries.ts';
import { START } from '../support/in-memory-ports.ts';
import { anInvocation } from '../support/invocation.ts';
import { type LoopbackServer, startLoopbackServer } from '../support/loopback-server.ts';
import { aTokenAnswer } from '../support/token-answers.ts';

/** Every secret that a setting or a service hands to the app, and what the other side may say back. */
const CANARIES = {
  clientSecret: aCanary('client-secret'),
  privateKey: OWN_KEY.split('\n')[3] ?? '',
  graphToken: aCanary('graph-token'),
  accountKey: Buffer.from(aCanary('account-key')).toString('base64'),
  busKey: aCanary('bus-key'),
  sas: aCanary('sas'),
  clientState: aCanary('client-state'),
  adminToken: aCanary('admin-token'),
  subject: aCanary('subject'),
  body: aCanary('body'),
  address: `${aCanary('address')}@northwind.example`,
  fileName: `${aCanary('file')}.pdf`,
};
const scan = makeScanner(CANARIES);
const QUOTED = Object.values(CANARIES).join(' ');

let server: LoopbackServer;
let reply: (response: ServerResponse) => void;
let written: string[];

beforeAll(async () => {
  server = await startLoopbackServer((_, response) => reply(response));
});
afterAll(() => server.close());

beforeEach(() => {
  written = [];
  const note = (...args: unknown[]) => void written.push(args.map((arg) => inspect(arg, { depth: 5 })).join(' '));
  for (const method of ['log', 'info', 'warn', 'error', 'debug', 'trace'] as const)
    vi.spyOn(console, method).mockImplementation(note);
});

/** How the other side fails, quoting all that it knows. */
const json = (status: number, body: unknown) => (response: ServerResponse) =>
  response.writeHead(status, { 'Content-Type': 'application/json', 'x-ms-request-id': '1' }).end(JSON.stringify(body));
const FAILURES: [string, (response: ServerResponse) => void][] = [
  ['an OData error', json(400, { error: { code: QUOTED, message: QUOTED, innerError: { code: QUOTED } } })],
  ['a refusal', json(403, { error: { code: `x ${QUOTED}`, message: QUOTED } })],
  ['a storage error', json(404, { 'odata.error': { code: QUOTED, message: { value: QUOTED } } })],
  ['a token error', json(401, { error: 'invalid_client', error_description: QUOTED, error_codes: [7_000_215] })],
  ['an unreadable answer', json(200, { value: QUOTED, access_token: QUOTED, id: { [QUOTED]: QUOTED } })],
  // Keys are ids of our own making, and are logged.
  [
    'rows that nobody can read',
    json(200, { value: [{ PartitionKey: MAILBOX, RowKey: 'd:0000000000000:x', id: { [QUOTED]: 1 }, state: QUOTED }] }),
  ],
  ['no JSON', (response) => response.writeHead(200, { 'Content-Type': 'application/json' }).end(`{"a":"${QUOTED}`)],
  ['a page', (response) => response.writeHead(502, { 'Content-Type': 'text/html' }).end(`<p>${QUOTED}</p>`)],
  ['a redirect', (response) => response.writeHead(302, { Location: `https://evil.example/?${QUOTED}` }).end()],
  ['a broken connection', (response) => response.destroy()],
];

/** What the app writes when this failure reaches the top: its log line, and what the host logs of what is thrown. */
async function fail(work: () => Promise<unknown>): Promise<'failed' | 'worked'> {
  const lines: string[] = [];
  let outcome: 'failed' | 'worked' = 'worked';
  const consume = queueConsumer(async () => {
    try {
      await work();
    } catch (error) {
      outcome = 'failed';
      log('error', 'failed', { code: errorCode(error) });
      written.push(errorCode(error));
      throw error;
    }
  });
  await consume({}, anInvocation(lines)).catch((error: unknown) => {
    written.push(inspect(error, { depth: 10, showHidden: true }));
  });
  written.push(...lines);
  return outcome;
}

const expectSilence = (what: string) => {
  for (const text of written) expect(scan(text), `${what}: ${text}`).toEqual([]);
};

const { signal } = new AbortController();
const soon = () => AbortSignal.timeout(5_000);

function openGraph() {
  const tokens = new TokenSource(
    () => Promise.resolve(aTokenAnswer({ accessToken: CANARIES.graphToken, expiresOn: new Date(START + 3_600_000) })),
    () => START,
  );
  const graph = makeGraphClient({
    tokens,
    baseUrl: `${server.url}/v1.0`,
    scope: 's',
    now: () => START,
    random: () => 0,
  });
  const mail = makeGraphMail(graph, true);
  const directory = makeGraphDirectory(graph);
  const subscriptions = makeGraphSubscriptions(graph, { publicBaseUrl: 'https://i.test', mark: 'm' });
  const gap = { by: 'receivedDateTime' as const, from: new Date(START), skip: 0, start: new Date(START) };
  const request = { mailbox: MAILBOX, folderId: INBOX, clientState: CANARIES.clientState, minutes: 60 };
  return [
    () => mail.openChain(MAILBOX, INBOX, new Date(START), 50, signal),
    () => mail.followLink(`${server.url}/v1.0/x`, 50, signal),
    () => mail.listSince(MAILBOX, INBOX, gap, 50, signal),
    () => mail.getMail(MAILBOX, 'AAk=', signal),
    () => mail.openMime(MAILBOX, 'AAk=', signal).then((stream) => new Response(stream).text()),
    () => directory.findMailbox(CANARIES.address),
    () => directory.listGroup(MAILBOX),
    () => directory.findFolder(MAILBOX, CANARIES.subject),
    () => subscriptions.list(),
    () => subscriptions.get('s'),
    () => subscriptions.create(request),
    () => subscriptions.renew([{ id: 's', minutes: 60 }]),
    () => subscriptions.remove('s'),
  ];
}

function openTables(connectionString: string) {
  const account = openStorage(
    { kind: 'connection-string', connectionString },
    { getToken: () => Promise.resolve(null) },
    makeServerClock(() => START),
  );
  const deliveries = makeDeliveries(account);
  const folders = makeWatchedFolders(account);
  const claims = makeClaimStore(account);
  const content = Buffer.from(CANARIES.body);
  return [
    () => deliveries.load(MAILBOX),
    () => deliveries.unfinished(MAILBOX),
    () => folders.list(),
    () => folders.get({ mailbox: MAILBOX, folder: 'x' }),
    () => folders.create(aFolder({ address: CANARIES.address })),
    () => claims.put({ claimCheck: claimCheckFor(claims.container, 'b', 'text/plain', content), content }),
    () => makeKeyRing(account, () => START).refresh(),
  ];
}

describe('no secret and no word of the other side is written', () => {
  it.each(FAILURES)('when Graph answers with %s [T17]', async (_, answer) => {
    reply = answer;
    let failures = 0;
    for (const [place, call] of openGraph().entries()) {
      if ((await fail(call)) === 'failed') failures++;
      expectSilence(`call ${place}`);
    }
    expect(failures).toBeGreaterThan(5);
  });

  const account = () =>
    `DefaultEndpointsProtocol=http;AccountName=a;AccountKey=${CANARIES.accountKey};` +
    `TableEndpoint=${server.url}/a;BlobEndpoint=${server.url}/a;`;
  const sas = () =>
    `TableEndpoint=${server.url}/a;BlobEndpoint=${server.url}/a;SharedAccessSignature=sv=2024&sig=${CANARIES.sas}`;

  // A connection that breaks is tried again for seconds.
  it.each(FAILURES.filter(([name]) => !/broken|page/.test(name)))(
    'when storage answers with %s [T17]',
    async (_, answer) => {
      reply = answer;
      let failures = 0;
      for (const connectionString of [account(), sas()])
        for (const [place, call] of openTables(connectionString).entries()) {
          if ((await fail(call)) === 'failed') failures++;
          expectSilence(`call ${place}`);
        }
      expect(failures).toBeGreaterThan(5);
    },
  );

  it('when the sign-in refuses a secret or a certificate, whatever it says [T17]', async () => {
    const tokenEndpoint = `${server.url}/token`;
    const settings = {
      clientId: TENANT,
      tenant: TENANT,
      loginRoot: 'https://login.microsoftonline.com',
      authorityMetadata: JSON.stringify({ token_endpoint: tokenEndpoint }),
      identityClientId: undefined,
    };
    const credentials = [
      { kind: 'secret' as const, secret: CANARIES.clientSecret },
      { kind: 'certificate' as const, pem: `${CERTIFICATE}${OWN_KEY}` },
      { kind: 'certificate' as const, pem: `${CERTIFICATE}${OWN_KEY.replace('M', 'N')}` },
    ];
    for (const [name, answer] of FAILURES)
      for (const credential of credentials) {
        reply = answer;
        const source = new TokenSource(graphIdentity({ ...settings, credential }), () => START);
        await fail(() => source.getToken('https://graph.test/.default'));
        expectSilence(`${credential.kind}, ${name}`);
      }
    expect(server.asked.some(({ body }) => body.includes(CANARIES.clientSecret))).toBe(true);
  });

  it('when the namespace cannot be reached or its key is refused [T17]', async () => {
    const { port } = new URL(server.url);
    reply = (response) => response.destroy();
    const connectionString =
      `Endpoint=sb://127.0.0.1:${port};SharedAccessKeyName=k;SharedAccessKey=${CANARIES.busKey};` +
      'UseDevelopmentEmulator=true';
    const bus = openServiceBus(
      { kind: 'connection-string', connectionString },
      { getToken: () => Promise.resolve(null) },
    );
    const ring = { mailbox: MAILBOX, folders: [], ids: [] };
    await fail(() => makeWorkQueue(bus, 'mailbox-work').send([ring], { signal: soon() }));
    await fail(() =>
      Promise.race([
        makeCrmQueue(bus, 'crm-mail').publish([{ messageId: 'm', body: QUOTED }]),
        new Promise((_, reject) => {
          setTimeout(() => reject(new Error('no answer')), 3_000);
        }),
      ]),
    );
    expect(written.length).toBeGreaterThan(2);
    expectSilence('bus');
  });

  it('when a connection string makes no sense [T17]', async () => {
    for (const connectionString of [
      `AccountName=${CANARIES.accountKey}`,
      `Endpoint=${CANARIES.busKey}`,
      `SharedAccessSignature=${CANARIES.sas}`,
      CANARIES.accountKey,
      '',
    ]) {
      const identity = { getToken: () => Promise.resolve(null) };
      await fail(async () => openTables(connectionString)[0]?.());
      const bus = openServiceBus({ kind: 'connection-string', connectionString }, identity);
      await fail(() => bus.send('q', [{ body: QUOTED }], soon()));
    }
    expect(written.length).toBeGreaterThan(10);
    expectSilence('connection strings');
  });

  it('when an administrator’s token is refused, or the keys for it cannot be had [T17, T21]', async () => {
    const admin = { audience: 'api://x', role: 'r' };
    const authorize = makeAuthorize({ admin, tenant: TENANT, loginRoot: server.url });
    const header = Buffer.from(JSON.stringify({ alg: 'RS256', kid: 'k' })).toString('base64url');
    const payload = Buffer.from(JSON.stringify({ sub: CANARIES.adminToken })).toString('base64url');
    for (const [, answer] of FAILURES) {
      reply = answer;
      for (const token of [CANARIES.adminToken, `${header}.${payload}.${CANARIES.adminToken}`, `a.b.c`])
        await fail(() => authorize(`Bearer ${token}`));
    }
    expect(written.length).toBeGreaterThan(5);
    expectSilence('admin token');
  });

  it('and would be found if it were [T17]', async () => {
    await fail(() => Promise.reject(Object.assign(new Error('x'), { code: CANARIES.busKey })));
    expect(written.flatMap(scan)).toContain('busKey');
  });

  it('in lines that are logged outside of an invocation either [T17]', () => {
    const lines: string[] = [];
    withInvocationLog(
      (_level, line) => lines.push(line),
      () => log('error', 'failed', { code: errorCode(new Error(QUOTED)) }),
    );
    expect(lines.flatMap(scan)).toEqual([]);
  });
});
