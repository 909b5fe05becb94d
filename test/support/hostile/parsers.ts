import type { TableClient } from '@azure/data-tables';
import type { ContainerClient } from '@azure/storage-blob';
import type { ServiceBusClient } from '@azure/service-bus';
import * as fc from 'fast-check';
import * as z from 'zod';
import { makeAuthorize } from '../../../shared/adapters/admin-tokens.ts';
import { type GraphAnswer, type GraphClient, makeGraphClient } from '../../../shared/adapters/graph/graph-client.ts';
import { makeGraphDirectory } from '../../../shared/adapters/graph/graph-directory.ts';
import { parseRetryAfter, readFailure, toError } from '../../../shared/adapters/graph/graph-failure.ts';
import { makeGraphMail } from '../../../shared/adapters/graph/graph-mail.ts';
import { parseMessage, parsePage } from '../../../shared/adapters/graph/graph-message.ts';
import { makeGraphSubscriptions } from '../../../shared/adapters/graph/graph-subscriptions.ts';
import { TokenSource } from '../../../shared/adapters/graph/token-source.ts';
import { makeServerClock } from '../../../shared/adapters/server-clock.ts';
import { makeWorkQueue } from '../../../shared/adapters/service-bus/work-queue.ts';
import type { StorageAccount } from '../../../shared/adapters/storage/connection.ts';
import { makeDeliveries } from '../../../shared/adapters/storage/deliveries.ts';
import {
  resultFrom,
  chainFrom,
  chainRow,
  deliveryFrom,
  deliveryRow,
  laneFrom,
  laneRow,
} from '../../../shared/adapters/storage/delivery-rows.ts';
import { makeKeyRing } from '../../../shared/adapters/storage/key-ring.ts';
import { makeWatchedFolders } from '../../../shared/adapters/storage/watched-folders.ts';
import { APP_SETTINGS, loadConfig } from '../../../shared/config.ts';
import { judgeNotifications } from '../../../shared/domain/change-notification.ts';
import { type KeyRing, verifyClientState } from '../../../shared/domain/client-state.ts';
import { needsReopening, openFrom, pageSize, reopened } from '../../../shared/domain/delta.ts';
import { ledgerKey } from '../../../shared/domain/delivery.ts';
import { FREE } from '../../../shared/domain/lane.ts';
import { fitEvent, mailEventSchema, typeOfBlob, toMailEvent } from '../../../shared/domain/mail-event.ts';
import { encodeRing, parseRing } from '../../../shared/domain/work-item.ts';
import { errorCode, MailboxUnavailableError, PermanentError, TransientError } from '../../../shared/errors.ts';
import * as values from '../../../shared/setting-values.ts';
import { adminEndpoint } from '../../../shared/triggers/admin-endpoint.ts';
import { notificationEndpoint } from '../../../shared/triggers/notification-endpoint.ts';
import { makeProcessMailboxWork } from '../../../shared/use-cases/process-mailbox-work.ts';
import { aChain, aFolder, INBOX, INBOX_KEY, MAILBOX, TENANT } from '../builders.ts';
import { CERTIFICATE, OWN_KEY } from '../certificates.ts';
import { graphMessage } from '../graph-over-http.ts';
import { makeWorld, START } from '../in-memory-ports.ts';
import { anInvocation, aRequest } from '../invocation.ts';
import { answeredPayload, postedPayload } from '../payloads.ts';
import { aTokenAnswer } from '../token-answers.ts';
import { CLIENT_STATE, genuineItem, KEYS } from './forged-items.ts';
import { hostileName } from './hostile-names.ts';
import { misspelling, mutationOf } from './mutations.ts';
import { standIn } from './stand-in.ts';

/** Something that reads what others wrote. */
export interface Parser {
  name: string;
  input: fc.Arbitrary<unknown>;
  /** Throws only what `documented` knows; may itself check what came out. */
  read(input: unknown): unknown;
  documented?(error: unknown): boolean;
}

/** A parser whose input has a type. */
const parser = <T>(
  name: string,
  input: fc.Arbitrary<T>,
  read: (input: T) => unknown,
  documented?: (error: unknown) => boolean,
): Parser => ({ name, input, read, ...(documented && { documented }) });

/** What came out is wrong: never one of the documented errors. */
class Broken extends Error {}
const must = (holds: boolean, what: string): void => {
  if (!holds) throw new Broken(what);
};

const isZod = (error: unknown) => error instanceof z.ZodError;
const isNamed = (error: unknown) =>
  error instanceof TransientError || error instanceof PermanentError || error instanceof MailboxUnavailableError;
const [signing = { id: '', secret: '', createdAt: '' }] = KEYS;
const keys: KeyRing = { signing, accepted: new Map(KEYS.map((key) => [key.id, key])) };
const { signal } = new AbortController();

const message = {
  ...graphMessage('AAkA1=', new Date(START)),
  sender: { emailAddress: { name: 'Ada', address: 'ada@sender.example' } },
  toRecipients: [{ emailAddress: { name: 'Sales', address: 'sales@northwind.example' } }, {}],
  internetMessageHeaders: [
    { name: 'In-Reply-To', value: '<a@b>' },
    { name: 'References', value: '<a@b> <c@d>' },
  ],
  attachments: [
    {
      '@odata.type': '#microsoft.graph.fileAttachment',
      id: 'a',
      name: 'x.pdf',
      contentType: 'application/pdf',
      size: 3,
    },
  ],
};
const page = {
  value: [message, { id: 'x', '@removed': { reason: 'deleted' } }],
  '@odata.deltaLink': 'https://g/v1.0/x',
};
const payload = (name: string) => answeredPayload(name).body;

const place = { tenant: TENANT, mailbox: MAILBOX, address: 'sales@northwind.example', folderId: INBOX };

/** A Graph that answers every question with what it was given; links lead to the same. */
function graphThat(answer: (path: string) => GraphAnswer): GraphClient {
  let asked = 0;
  const once = (path: string): Promise<GraphAnswer> => {
    if (++asked > 1_000) return Promise.reject(new TransientError('asked-without-end'));
    return Promise.resolve(answer(path));
  };
  return {
    clock: { now: () => START },
    get: once,
    post: once,
    remove: once,
    stream: () => Promise.reject(new TransientError('graph:no-body')),
    pathOf(link) {
      if (!link.startsWith('https://')) throw new PermanentError('graph:foreign-link');
      return link.slice(8);
    },
  };
}

const refusalOf = (body: unknown, status: number): GraphAnswer => ({
  ok: false,
  failure: readFailure(status, body, undefined, START),
  cause: undefined,
});
const anAnswer = (...bodies: [unknown, ...unknown[]]) =>
  fc.oneof(
    { arbitrary: mutationOf(...bodies).map((body): GraphAnswer => ({ ok: true, body })), weight: 3 },
    {
      arbitrary: fc
        .tuple(
          mutationOf(
            payload('error-409-duplicate-subscription'),
            payload('error-403-access-denied-policy'),
            payload('error-400-validation-timeout'),
          ),
          fc.constantFrom(-1, 400, 401, 403, 404, 409, 410, 429, 500, 503),
        )
        .map(([body, status]) => refusalOf(body, status)),
      weight: 1,
    },
  );

async function all(calls: (() => Promise<unknown>)[]): Promise<void> {
  for (const call of calls)
    try {
      await call();
    } catch (error) {
      if (!isNamed(error) || errorCode(error) === 'asked-without-end')
        throw new Broken(`${String(error)} of ${String(call)}`);
    }
}

/** As the service hands rows over: whatever else is odd, their keys are texts. */
const rowOf = (raw: unknown): unknown => {
  const row = typeof raw === 'object' && raw !== null ? raw : {};
  const key = (name: string) => String(Object.entries(row).find(([known]) => known === name)?.[1] ?? 'c:x');
  return { ...row, partitionKey: key('partitionKey'), rowKey: key('rowKey') };
};

/** Storage of which only the reading matters: the SDK’s clients are replaced by what they would have read. */
const storageWith = (rows: unknown[], blob = ''): StorageAccount => {
  const pages = () => ({
    async *[Symbol.asyncIterator]() {
      yield* rows;
    },
    async *byPage() {
      yield rows;
    },
  });
  const table = standIn<TableClient>({ listEntities: pages, getEntity: () => Promise.resolve(rows[0] ?? {}) });
  const container = standIn<ContainerClient>({
    getBlockBlobClient: () => ({ downloadToBuffer: () => Promise.resolve(Buffer.from(blob)) }),
  });
  return {
    clock: makeServerClock(() => START),
    table: () => ({ use: (call) => call(table) }),
    container: () => Promise.resolve(container),
  };
};

const folderRow = () => {
  const { mailbox, folder, subscription: _, ...row } = aFolder();
  return { ...row, partitionKey: mailbox, rowKey: folder, subscription: 's', keyId: 'first', purgedAt: new Date(0) };
};
const rows: [unknown, ...unknown[]] = [
  laneRow(MAILBOX, FREE),
  chainRow(MAILBOX, INBOX_KEY, aChain({ link: 'https://graph.test/v1.0/x' })),
  deliveryRow(MAILBOX, {
    key: ledgerKey(new Date(START), 'a'),
    id: 'a',
    state: 'failing',
    attempts: 1,
    reason: 'graph:500',
    recordedAt: new Date(START),
  }),
];
const auditRow = {
  folder: 'f',
  from: new Date(0),
  to: new Date(START),
  notification: 1,
  catchUp: 0,
  audit: 0,
  missing: 0,
};

const noWork = { ...makeWorld().startProcess().ports };
const manage = {
  list: () => Promise.resolve([]),
  report: () => Promise.resolve(undefined),
  add: () => Promise.resolve({ refused: 'not-found' as const }),
  remove: () => Promise.resolve({ erased: [] }),
  sync: () => Promise.resolve({ rung: true, retried: 0 }),
};

const client = makeGraphClient({
  tokens: new TokenSource(
    () => Promise.resolve(aTokenAnswer({ expiresOn: new Date(START + 3_600_000) })),
    () => START,
  ),
  baseUrl: 'https://graph.microsoft.com/v1.0',
  scope: 's',
  now: () => START,
  random: () => 0,
});

const schemas = {
  url: values.url,
  guid: values.guid,
  flag: values.flag,
  name: values.name,
  list: values.list,
  schedule: values.schedule,
  duration: values.duration,
  certificate: values.certificate,
  metadata: values.metadata,
};
const ISO = /^\d{4}-\d\d-\d\dT/;

const token = (header: unknown, claims: unknown) =>
  [
    'Bearer ',
    [header, claims].map((part) => Buffer.from(JSON.stringify(part) ?? '').toString('base64url')).join('.'),
    '.c2ln',
  ].join('');

/** Every reader of what others wrote. */
export const PARSERS: Parser[] = [
  parser(
    'a notification POST, parsed',
    mutationOf(
      { value: [genuineItem()] },
      postedPayload('lifecycle-mixed-batch'),
      postedPayload('notification-rich-shape'),
    ),
    (body) => {
      for (const ring of judgeNotifications(body, TENANT, keys)?.rings ?? [])
        must(
          JSON.stringify(parseRing(encodeRing(ring))) === JSON.stringify(parseRing(JSON.parse(encodeRing(ring)))),
          'ring',
        );
    },
  ),
  parser('a clientState', fc.oneof(misspelling(CLIENT_STATE), fc.anything()), (text) => {
    must(text === CLIENT_STATE || !verifyClientState(keys, TENANT, text).genuine, 'a forged clientState is genuine');
  }),
  parser(
    'the bytes of a POST',
    fc.oneof(
      fc.uint8Array({ maxLength: 300 }),
      misspelling(JSON.stringify({ value: [genuineItem()] })).map((text) => Buffer.from(text)),
    ),
    async (bytes) => {
      const receive = notificationEndpoint(() => Promise.resolve({ kind: 'accepted', rings: 0, refused: 0 }));
      const { status } = await receive(aRequest({ body: { bytes } }), anInvocation());
      must(status === 202 || status === 400, `answered ${status}`);
    },
  ),
  parser(
    'a ring',
    mutationOf({ v: 1, mailbox: MAILBOX, folders: [INBOX_KEY], ids: ['AAk='], retry: ['x'], look: 'timer' }),
    (body) => {
      const ring = parseRing(body);
      if (ring) must(parseRing(encodeRing(ring)) !== undefined, 'a ring that cannot be sent on');
    },
  ),
  parser(
    'a message of the work queue',
    fc.oneof(
      mutationOf({ v: 1, mailbox: MAILBOX, folders: [], ids: [] }),
      misspelling(`{"v":1,"mailbox":"${MAILBOX}","folders":[],"ids":[]}`),
    ),
    (body) =>
      makeProcessMailboxWork({
        ...noWork,
        ensureSubscription: () => Promise.resolve(),
        syncMailbox: () => Promise.resolve('synced'),
      })(body),
    (error) => errorCode(error) === 'work:unreadable',
  ),
  parser(
    'a dead letter',
    fc.oneof(
      mutationOf({ v: 1, mailbox: MAILBOX, folders: [], ids: [] }),
      fc.uint8Array().map((bytes) => Buffer.from(bytes)),
      misspelling(`{"mailbox":"${MAILBOX}"}`).map((text) => Buffer.from(text)),
    ),
    (body) => {
      const settled = () => Promise.resolve();
      const waiting = [{ body }];
      const receiver = {
        receiveMessages: () => Promise.resolve(waiting.splice(0)),
        completeMessage: settled,
        abandonMessage: settled,
        close: settled,
      };
      const bus = {
        client: () => Promise.resolve(standIn<ServiceBusClient>({ createReceiver: () => receiver })),
        send: settled,
        close: settled,
      };
      return makeWorkQueue(bus, 'q').drainDeadLetters(1, settled);
    },
  ),
  parser(
    'a page of mail',
    mutationOf(page, payload('delta-page-next-200'), payload('delta-page-removed-200')),
    (body) => parsePage(body),
  ),
  parser(
    'a mail, up to its event',
    mutationOf(message, payload('message-full-200'), payload('message-selected-200')),
    (body) => {
      const mail = parseMessage(body);
      const { body: sent, parts } = fitEvent(toMailEvent(mail, place, 'm'), 'c', 'f');
      mailEventSchema.parse(JSON.parse(sent));
      must(Buffer.byteLength(sent) <= 256 * 1024, 'too large for a message');
      must(
        parts.every(({ claimCheck }) => /^f\/(body|message)$/.test(claimCheck.blob)),
        'an odd name of a blob',
      );
      must(Buffer.from(sent).toString() === sent, 'no UTF-8');
    },
    (error) => isZod(error),
  ),
  parser('answers about mail', anAnswer(page, message, { value: [] }, payload('attachments-list-200')), (answer) => {
    const mail = () =>
      makeGraphMail(
        graphThat(() => answer),
        true,
      );
    const gap = { by: 'receivedDateTime' as const, from: new Date(START), skip: 0, start: new Date(START) };
    return all([
      () => mail().openChain(MAILBOX, INBOX, new Date(START), 50, signal),
      () => mail().followLink('https://x', 50, signal),
      () => mail().listSince(MAILBOX, INBOX, gap, 50, signal),
      () => mail().getMail(MAILBOX, 'AAk=', signal),
    ]);
  }),
  parser(
    'answers about subscriptions',
    anAnswer(
      payload('subscription-create-201'),
      payload('subscription-list-200'),
      payload('batch-response-with-429-200'),
    ),
    (answer) => {
      const port = () =>
        makeGraphSubscriptions(
          graphThat(() => answer),
          { publicBaseUrl: 'https://i.test', mark: 'm' },
        );
      return all([
        () => port().create({ mailbox: MAILBOX, folderId: INBOX, clientState: 'c', minutes: 10_020 }),
        () =>
          port().renew([
            { id: 'a', minutes: 1 },
            { id: 'b', minutes: 1 },
          ]),
        () => port().get('a'),
        () => port().list(),
        () => port().remove('a'),
      ]);
    },
  ),
  parser(
    'answers of the directory',
    anAnswer(
      { id: MAILBOX, mail: 'a@b.example', displayName: 'x' },
      { value: [{ id: MAILBOX, displayName: 'Sales' }], '@odata.nextLink': 'https://x' },
    ),
    (answer) => {
      const port = () => makeGraphDirectory(graphThat(() => answer));
      return all([
        () => port().findMailbox('a@b.example'),
        () => port().listGroup(MAILBOX),
        () => port().findFolder(MAILBOX, 'Sales/East'),
      ]);
    },
  ),
  parser(
    'a failure of Graph',
    fc.tuple(
      mutationOf(payload('error-429-mailbox-concurrency'), payload('error-404-item-not-found')),
      fc.integer(),
      misspelling('120', '3.417', 'Mon, 12 Oct 2026 08:00:00 GMT'),
    ),
    ([body, status, after]) => {
      const failure = readFailure(status, body, after, START);
      must(/^[\w.:-]{1,64}$/.test(failure.code), 'a code that is no word');
      for (const asked of ['mailbox', 'service'] as const)
        must(isNamed(toError(failure, asked, undefined)), 'an error without a name');
    },
  ),
  parser(
    'a Retry-After',
    fc.oneof(misspelling('120', '3.417', '0', '-1', '1e9', 'Mon, 12 Oct 2026 08:00:00 GMT'), fc.double().map(String)),
    (text) => {
      const wait = parseRetryAfter(text, START);
      must(wait === undefined || (wait >= 0 && wait <= 3_600_000), `waits ${wait}`);
    },
  ),
  parser(
    'a link',
    misspelling('https://graph.microsoft.com/v1.0/users/a/messages/delta?$deltatoken=x', 'https://graph.microsoft.com'),
    (link) => {
      must(
        new URL(`https://graph.microsoft.com/v1.0${client.pathOf(link)}`).host === 'graph.microsoft.com',
        'leads elsewhere',
      );
    },
    (error) => errorCode(error) === 'graph:foreign-link',
  ),
  parser('a Date header', misspelling('Mon, 12 Oct 2026 08:00:00 GMT', '2026-10-12'), (date) => {
    const clock = makeServerClock(() => START);
    clock.observe(date);
    must(Number.isFinite(clock.now()), 'a clock without time');
  }),
  parser(
    'a row of the deliveries',
    mutationOf(...rows),
    (row) => {
      laneFrom(row);
    },
    isZod,
  ),
  parser(
    'a row of a chain',
    mutationOf(rows[1]),
    (row) => {
      const chain = chainFrom(row);
      must([1, 10, 50].includes(pageSize(chain.takeovers)), 'a page of no size');
      needsReopening(chain, () => true);
      must(ISO.test(openFrom(reopened(chain, true), START).toISOString()), 'a chain that cannot be opened');
    },
    (error) => isZod(error),
  ),
  parser('a row of the ledger', mutationOf(rows[2]), (row) => deliveryFrom(row), isZod),
  parser('a row of an audit', mutationOf(auditRow), (row) => resultFrom(row), isZod),
  parser(
    'a mailbox’s rows',
    fc.array(mutationOf(...rows).map(rowOf), { maxLength: 5 }),
    (found) => makeDeliveries(storageWith(found)).load(MAILBOX),
    isZod,
  ),
  parser('the rows of the watched folders', fc.array(mutationOf(folderRow()).map(rowOf), { maxLength: 5 }), (found) =>
    makeWatchedFolders(storageWith(found)).list(),
  ),
  parser(
    'the blob of keys',
    fc.oneof(
      misspelling(JSON.stringify({ version: 1, keys: KEYS })),
      mutationOf({ version: 1, keys: KEYS }).map((ring) => JSON.stringify(ring) ?? ''),
    ),
    async (blob) => {
      const ring = await makeKeyRing(storageWith([], blob), () => START).refresh();
      must(ring.accepted.has(ring.signing.id), 'a signing key that is not accepted');
    },
    (error) => error instanceof TransientError && !String(error.stack).includes(signing.secret),
  ),
  parser(
    'the settings',
    fc.dictionary(
      fc.constantFrom(...APP_SETTINGS),
      fc.oneof(
        hostileName,
        misspelling(
          'https://a.example/v1.0',
          'Endpoint=sb://a/;SharedAccessKeyName=k;SharedAccessKey=s',
          TENANT,
          'a@b.example,c@d.example',
          'PT10M',
          '0 */5 * * * *',
          '{"token_endpoint":"https://x"}',
        ),
      ),
    ),
    (env) => {
      must(typeof loadConfig(env).ok === 'boolean', 'neither read nor refused');
    },
  ),
  parser(
    'the value of a setting',
    fc.tuple(
      fc.constantFrom(...Object.values(schemas)),
      misspelling(
        'https://a.example/v1.0',
        TENANT,
        'true',
        'mailbox-work',
        'a@b,c@d',
        '0 0-30/5 * jan,feb * mon-fri',
        'P1DT2H3M4S',
        `${CERTIFICATE}${OWN_KEY}`,
        '{"token_endpoint":"https://x"}',
      ),
    ),
    ([schema, text]) => schema.safeParse(text),
  ),
  parser(
    'a connection string',
    misspelling(
      'DefaultEndpointsProtocol=http;AccountName=a;TableEndpoint=http://127.0.0.1:1/a;',
      'Endpoint=sb://127.0.0.1:1;UseDevelopmentEmulator=true',
    ),
    (text) => values.leavesMachineInTheClear(text),
  ),
  parser('a content type', misspelling('text/plain; charset=utf-8', 'application/pdf'), (text) => {
    must(/^[\w!#$&^.+-]+\/[\w!#$&^.+-]+$/.test(typeOfBlob(text)), 'a type that fits no header');
  }),
  parser(
    'an admin request',
    fc.record({
      method: fc.constantFrom('GET', 'POST', 'DELETE', 'PUT'),
      id: fc.option(hostileName, { nil: undefined }),
      action: fc.option(fc.oneof(fc.constant('sync'), hostileName), { nil: undefined }),
      body: fc.oneof(
        misspelling('{"mailbox":"a@b.example"}', '{"retryParked":true}'),
        mutationOf({ mailbox: 'a@b.example' }, { retryParked: true }).map((body) => JSON.stringify(body) ?? ''),
      ),
    }),
    async ({ method, id, action, body }) => {
      const handle = adminEndpoint(manage, () => Promise.resolve(undefined));
      const params = { ...(id !== undefined && { id }), ...(action !== undefined && { action }) };
      const answer = await handle(
        aRequest({ method, params, ...(method !== 'GET' && { body: { string: body } }) }),
        anInvocation(),
      );
      must([200, 400, 404, 405].includes(answer.status ?? 0), `answered ${answer.status}`);
    },
  ),
  parser(
    'an admin token',
    fc.oneof(
      misspelling('Bearer a.b.c', token({ alg: 'RS256', kid: 'k1' }, { aud: 'api://x' })),
      fc
        .tuple(
          mutationOf({ alg: 'RS256', kid: 'k1', typ: 'JWT', crit: ['b64'], b64: false }),
          mutationOf({ aud: 'api://x', iss: 'y', exp: 1, roles: ['r'] }),
        )
        .map(([header, claims]) => token(header, claims)),
    ),
    async (header) => {
      const authorize = makeAuthorize({
        admin: { audience: 'api://x', role: 'r' },
        tenant: TENANT,
        loginRoot: 'https://login.test',
      });
      must((await authorize(header)) === 'unauthorized', 'somebody was let in');
    },
  ),
  parser(
    'the code of an error',
    fc.oneof(
      fc.anything(),
      hostileName.map((code) => Object.assign(new Error(code), { code })),
      hostileName.map((name) => Object.assign(new Error(name), { name })),
    ),
    (error) => {
      must(/^[\w.:-]{1,64}$/.test(errorCode(error)), 'a code that is no word');
    },
  ),
];

/** Reads one input; what is not documented comes back as the failure. */
export async function tryParser({ read, documented }: Parser, input: unknown): Promise<unknown> {
  try {
    await read(input);
    return undefined;
  } catch (error) {
    return !(error instanceof Broken) && documented?.(error) ? undefined : error;
  }
}
