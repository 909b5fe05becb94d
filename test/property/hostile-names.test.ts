import * as fc from 'fast-check';
import * as z from 'zod';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { isSegment } from '../../shared/adapters/graph/graph-client.ts';
import { makeGraphDirectory } from '../../shared/adapters/graph/graph-directory.ts';
import { appMark, makeGraphSubscriptions } from '../../shared/adapters/graph/graph-subscriptions.ts';
import { makeServerClock } from '../../shared/adapters/server-clock.ts';
import { makeClaimStore } from '../../shared/adapters/storage/claim-store.ts';
import { openStorage, type StorageAccount } from '../../shared/adapters/storage/connection.ts';
import { makeWatchedFolders } from '../../shared/adapters/storage/watched-folders.ts';
import { messageIdOf } from '../../shared/domain/delivery.ts';
import { mailEventSchema, typeOfBlob } from '../../shared/domain/mail-event.ts';
import { PermanentError } from '../../shared/errors.ts';
import { log, withInvocationLog } from '../../shared/log.ts';
import { notificationEndpoint } from '../../shared/triggers/notification-endpoint.ts';
import { arrived, lookRing, oneMailbox, ringUp, startApp, watchMailbox } from '../support/app-under-test.ts';
import { aMail, INBOX, MAILBOX, TENANT } from '../support/builders.ts';
import { graphMailOver, graphOver } from '../support/graph-over-http.ts';
import { HOSTILE_NAMES, hostileName } from '../support/hostile/hostile-names.ts';
import { makeWorld, START } from '../support/in-memory-ports.ts';
import { anInvocation, aRequest } from '../support/invocation.ts';
import { type LoopbackServer, sendJson, startLoopbackServer } from '../support/loopback-server.ts';

const RUNS = Number(process.env['FUZZ_RUNS'] ?? 150);
// Hundreds of requests each: seconds on a machine of its own.
vi.setConfig({ testTimeout: 120_000 });
const { signal } = new AbortController();
const batchSchema = z.object({ requests: z.array(z.looseObject({ url: z.string() })) });

/** Graph, or storage: it answers everything alike and remembers what it was asked. */
let server: LoopbackServer;
let account: StorageAccount;

beforeAll(async () => {
  server = await startLoopbackServer((asked, response) => {
    if (asked.path.startsWith('/v1.0')) return sendJson(response, { value: [], responses: [] });
    if (asked.method !== 'GET') return response.writeHead(201, { etag: '"1"' }).end();
    sendJson(response, { value: [] });
  });
  const connectionString = `DefaultEndpointsProtocol=http;AccountName=a;AccountKey=YQ==;TableEndpoint=${server.url}/a;BlobEndpoint=${server.url}/a;`;
  account = openStorage(
    { kind: 'connection-string', connectionString },
    { getToken: () => Promise.resolve(null) },
    makeServerClock(() => START),
  );
});
afterAll(() => server.close());
afterEach(() => {
  vi.restoreAllMocks();
});

const outcome = (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => undefined,
    (error: unknown) => error,
  );

/** Runs for each name that is known to be evil, and for many that nobody thought of. */
const forHostileNames = async (check: (name: string) => Promise<void>): Promise<void> => {
  for (const name of HOSTILE_NAMES) await check(name);
  await fc.assert(fc.asyncProperty(hostileName, check), { numRuns: RUNS });
};

describe('an id in a path of Graph', () => {
  const mail = () => graphMailOver(server.url);
  const directory = () => makeGraphDirectory(graphOver(server.url));
  const subscriptions = () =>
    makeGraphSubscriptions(graphOver(server.url), { publicBaseUrl: 'https://i.test', mark: 'm' });
  const calls: [string, (id: string) => Promise<unknown>, (id: string) => string[]][] = [
    ['a mail', (id) => mail().getMail(MAILBOX, id, signal), (id) => ['users', MAILBOX, 'messages', id]],
    ['a mailbox', (id) => mail().getMail(id, 'AAk=', signal), (id) => ['users', id, 'messages', 'AAk=']],
    ['raw mail', (id) => mail().openMime(MAILBOX, id, signal), (id) => ['users', MAILBOX, 'messages', id, '$value']],
    [
      'an attachment',
      (id) => mail().openAttachment(MAILBOX, 'AAk=', id, signal),
      (id) => ['users', MAILBOX, 'messages', 'AAk=', 'attachments', id, '$value'],
    ],
    [
      'a folder',
      (id) => mail().openChain(MAILBOX, id, new Date(START), 5, signal),
      (id) => ['users', MAILBOX, 'mailFolders', id, 'messages', 'delta'],
    ],
    ['a user', (id) => directory().findMailbox(id), (id) => ['users', id]],
    ['a group', (id) => directory().listGroup(id), (id) => ['groups', id, 'members']],
    ['a subscription', (id) => subscriptions().get(id), (id) => ['subscriptions', id]],
    ['a subscription to be removed', (id) => subscriptions().remove(id), (id) => ['subscriptions', id]],
  ];

  it.each(calls)('stays one segment of it, or nothing is asked: %s [T13, T10]', async (_, call, segments) => {
    await forHostileNames(async (id) => {
      server.asked.length = 0;
      const failure = await outcome(Promise.resolve(id).then(call));
      if (!isSegment(id)) expect(server.asked).toEqual([]);
      else expect(server.asked.length).toBeGreaterThan(0);
      if (failure && !isSegment(id)) expect(failure).toBeInstanceOf(PermanentError);
      for (const { path } of server.asked.slice(0, 1)) {
        const [before = ''] = path.split('?');
        expect(before.split('/').slice(1).map(decodeURIComponent)).toEqual(['v1.0', ...segments(id)]);
      }
    });
  });

  it('stays one segment also where several are renewed at once [T13]', async () => {
    await forHostileNames(async (id) => {
      server.asked.length = 0;
      await outcome(subscriptions().renew([{ id, minutes: 60 }]));
      expect(server.asked.map(({ path }) => path)).toEqual(isSegment(id) ? ['/v1.0/$batch'] : []);
      for (const { body } of server.asked) {
        const [part] = batchSchema.parse(JSON.parse(body)).requests;
        expect(part?.url.split('/').map(decodeURIComponent)).toEqual(['', 'subscriptions', id]);
      }
    });
  });

  it('that is the name of a folder never leaves the mailbox [T13]', async () => {
    await forHostileNames(async (name) => {
      server.asked.length = 0;
      await outcome(directory().findFolder(MAILBOX, name));
      for (const { path } of server.asked)
        expect(path).toMatch(new RegExp(`^/v1\\.0/users/${MAILBOX}/mailFolders/[^/]`));
    });
  });
});

describe('a name in a table', () => {
  it('is a value in its filter, whatever quotes it holds [T14]', async () => {
    const folders = makeWatchedFolders(account);
    await forHostileNames(async (mailbox) => {
      server.asked.length = 0;
      await outcome(folders.list({ mailbox }));
      for (const { path } of server.asked) {
        const filter = new URL(path, server.url).searchParams.get('$filter') ?? '';
        // One comparison with one literal, in which every quote is doubled.
        expect(filter).toMatch(mailbox === '' ? /^PartitionKey lt '~orphans'$/ : /^PartitionKey eq '(?:[^']|'')*'$/);
      }
    });
  });

  it('is a key of characters that keys may hold, and no two names share one [T14]', async () => {
    const folders = makeWatchedFolders(account);
    const keys = new Map<string, string>();
    await forHostileNames(async (name) => {
      server.asked.length = 0;
      await outcome(folders.remove({ mailbox: name, folder: 'f' }));
      for (const { path, method } of server.asked) {
        if (method !== 'DELETE') continue;
        const key = /PartitionKey='(.*)',RowKey='f'/.exec(decodeURIComponent(path))?.[1] ?? 'no key';
        expect(key).not.toMatch(/[/\\#?\p{Cc}]/u);
        expect(keys.get(key) ?? name).toBe(name);
        keys.set(key, name);
      }
    });
    expect(keys.size).toBeGreaterThan(50);
  });
});

const BLOB = new RegExp(`^${MAILBOX}/d-\\d{13}-[\\w-]{22}/(?:body|message|mime|attachment-\\d+)$`);

describe('what a sender wrote', () => {
  it('is in no name of a blob, and comes to the CRM as it was written [T15, T19]', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(hostileName, { minLength: 3, maxLength: 3 }),
        async ([one = '', two = '', three = '']) => {
          const { world, app } = oneMailbox({ includeMime: true, includeAttachments: true });
          const mail = aMail({
            subject: one,
            from: { name: two, address: three },
            internetMessageId: one,
            headers: [{ name: one, value: two }],
            body: { contentType: 'html', content: `${three}${'x'.repeat(300_000)}` },
            attachments: [
              { id: 'a', kind: 'file', name: one, contentType: two, size: 1, isInline: true, contentId: three },
              { id: 'b', kind: 'item', name: three, contentType: one, size: 1, isInline: false },
            ],
          });
          world.mailboxes.add(MAILBOX, mail);
          await world.clock.runUntilDone(ringUp(app, lookRing()));
          const [sent] = world.crmQueue.events;
          const event = mailEventSchema.parse(JSON.parse(sent?.body ?? ''));
          expect(event.data.message?.subject).toBe(one.toWellFormed());
          expect(event.data.message?.attachments.map(({ name }) => name)).toEqual([
            one.toWellFormed(),
            three.toWellFormed(),
          ]);
          expect(world.blobs.blobs.size).toBe(4);
          for (const [blob, { contentType }] of world.blobs.blobs) {
            expect(blob).toMatch(BLOB);
            expect(contentType).toMatch(/^[\w!#$&^.+-]+\/[\w!#$&^.+-]+(?:; charset=utf-8)?$/);
          }
        },
      ),
      { numRuns: Math.min(RUNS, 2_000) },
    );
  });

  it.each<[string | null, string]>([
    ['text/plain', 'text/plain'],
    ['Application/PDF; name="x.pdf"', 'Application/PDF'],
    [' image/svg+xml ', 'image/svg+xml'],
    ['text/plain; name="\u65e5\u672c.txt"', 'text/plain'],
    ['text/plain\r\nX-Evil: 1', 'application/octet-stream'],
    ['text/\u00fcml', 'application/octet-stream'],
    ['text', 'application/octet-stream'],
    ['', 'application/octet-stream'],
    [null, 'application/octet-stream'],
  ])('as a content type becomes one that a header can hold: %j [T15]', (written, type) => {
    expect(typeOfBlob(written)).toBe(type);
  });

  it('as a content type forges no header of the store, and cannot keep a mail from being stored [T15]', async () => {
    const claims = makeClaimStore(account);
    for (const written of [
      ...HOSTILE_NAMES,
      `x/${'y'.repeat(20_000)}`,
      'text/plain; name="\u65e5\u672c.txt"',
      'text/plain\r\nx-ms-evil: 1',
      'text/plain\0',
    ]) {
      server.asked.length = 0;
      const content = new Response('bytes').body;
      if (!content) throw new Error('no body');
      const stored = await outcome(claims.copy('blob', typeOfBlob(written), content));
      expect(stored, written).toBeUndefined();
      const upload = server.asked.find(({ headers }) => headers['x-ms-blob-content-type'] !== undefined);
      expect(upload?.headers['x-ms-blob-content-type'], written).toBe(typeOfBlob(written));
      expect(Object.keys(upload?.headers ?? {})).not.toContain('x-ms-evil');
    }
  });
});

describe('a log line', () => {
  it('stays one line of JSON that moves no cursor, whatever its fields hold [T16]', () => {
    fc.assert(
      fc.property(hostileName, hostileName, (mail, reason) => {
        const lines: string[] = [];
        withInvocationLog(
          (_level, line) => lines.push(line),
          () => log('warn', 'mail failing', { mail, reason }),
        );
        expect(lines).toHaveLength(1);
        // No control character, no line separator, nothing that turns the direction of the text.
        expect(lines[0]).not.toMatch(/[\p{Cc}\u200e\u200f\u2028-\u202e\u2066-\u2069]/u);
        expect(JSON.parse(lines[0] ?? '')).toEqual({ event: 'mail failing', mail, reason });
      }),
      { numRuns: RUNS * 5 },
    );
  });
});

describe('a validation token', () => {
  const ask = (token: string) =>
    notificationEndpoint(undefined)(
      aRequest({ url: `https://ingest.test/api/notifications?validationToken=${encodeURIComponent(token)}` }),
      anInvocation(),
    );

  it('comes back as plain text without a control character, or not at all [T05, T18]', async () => {
    await forHostileNames(async (name) => {
      const token = name.toWellFormed();
      const answer = await ask(token);
      if (answer.status === 400) {
        expect(answer).toEqual({ status: 400 });
        expect(token === '' || /\p{Cc}/u.test(token) || token.length > 4_096).toBe(true);
        return;
      }
      expect(answer).toEqual({
        status: 200,
        body: token,
        headers: {
          'content-type': 'text/plain; charset=utf-8',
          'x-content-type-options': 'nosniff',
          'content-security-policy': "default-src 'none'",
          'cache-control': 'no-store',
        },
      });
    });
  });

  it.each([4_096, 4_097, 1_000_000])('of %i characters is bounded [T05]', async (length) => {
    expect((await ask('x'.repeat(length))).status).toBe(length <= 4_096 ? 200 : 400);
  });
});

describe('an administrator', () => {
  it('who names a mailbox oddly is told that there is none [T13, T14]', async () => {
    const directory = makeGraphDirectory(graphOver(server.url));
    for (const name of ['', '.', '..', '\ud800', 'a\udc00@northwind.example'])
      expect(await directory.findMailbox(name), JSON.stringify(name)).toBe('not-found');
    for (const name of ['', '.', '../x', 'a//b', '\ud800'])
      expect(await directory.findFolder(MAILBOX, name), JSON.stringify(name)).toBeUndefined();
  });
});

describe('two tenants', () => {
  const OTHER = '6f1c2a9e-4b7d-4d0e-9a35-2c8e51b7d410';

  it('with equal mailboxes and equal mails share no MessageId, no source and no mark [T31]', async () => {
    const [here, there] = await Promise.all(
      [TENANT, OTHER].map(async (tenant) => {
        const world = makeWorld();
        watchMailbox(world);
        const app = startApp(world, { tenant });
        for (const id of ['AAkA1=', 'AAka1=', 'AAkA2=']) world.mailboxes.add(MAILBOX, aMail({ id }));
        await world.clock.runUntilDone(ringUp(app, lookRing()));
        const events = world.crmQueue.events.map(({ body }) => mailEventSchema.parse(JSON.parse(body)));
        return { ids: arrived(world), events, mark: appMark(tenant, 'client', 'bus') };
      }),
    );
    expect(here?.ids).toHaveLength(3);
    expect(new Set([...(here?.ids ?? []), ...(there?.ids ?? [])]).size).toBe(6);
    expect(here?.mark).not.toBe(there?.mark);
    for (const [side, tenant] of [
      [here, TENANT],
      [there, OTHER],
    ] as const)
      for (const { source, data } of side?.events ?? []) {
        expect(data.tenantId).toBe(tenant);
        expect(source).toBe(`/tenants/${tenant}/mailboxes/${MAILBOX}`);
      }
  });

  it('give no two different mails one MessageId, however their ids are cut [T31, F41]', () => {
    const id = fc.oneof(hostileName, fc.stringMatching(/^[A-Za-z0-9_=-]{1,20}$/));
    fc.assert(
      fc.property(fc.tuple(id, id, id), fc.tuple(id, id, id), (one, other) => {
        const wellFormed = [...one, ...other].every((part) => part.isWellFormed() && !part.includes('\n'));
        fc.pre(wellFormed && one.join('\n') !== other.join('\n') && one[0].toLowerCase() === one[0]);
        fc.pre(other[0].toLowerCase() === other[0]);
        expect(messageIdOf(...one)).not.toBe(messageIdOf(...other));
      }),
      { numRuns: RUNS },
    );
  });
});

describe('a subscription', () => {
  it('never asks for the content of mail in its notifications, nor names a certificate for it [T08, T09]', async () => {
    server.asked.length = 0;
    const subscriptions = makeGraphSubscriptions(graphOver(server.url), { publicBaseUrl: 'https://i.test', mark: 'm' });
    for (const minutes of [60, 4_200, 10_020])
      await outcome(subscriptions.create({ mailbox: MAILBOX, folderId: INBOX, clientState: 'c', minutes }));
    await outcome(subscriptions.renew([{ id: 's', minutes: 60 }]));
    expect(server.asked.length).toBeGreaterThanOrEqual(4);
    for (const { body } of server.asked)
      expect(body).not.toMatch(/includeResourceData|encryptionCertificate|encryptionCertificateId/i);
  });
});
