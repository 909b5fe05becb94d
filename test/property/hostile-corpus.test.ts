import type { ServerResponse } from 'node:http';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { GraphClient } from '../../shared/adapters/graph/graph-client.ts';
import { makeGraphDirectory } from '../../shared/adapters/graph/graph-directory.ts';
import { makeGraphMail } from '../../shared/adapters/graph/graph-mail.ts';
import { makeGraphSubscriptions } from '../../shared/adapters/graph/graph-subscriptions.ts';
import { makeServerClock } from '../../shared/adapters/server-clock.ts';
import { openStorage } from '../../shared/adapters/storage/connection.ts';
import { makeDeliveries } from '../../shared/adapters/storage/deliveries.ts';
import { chainRow } from '../../shared/adapters/storage/delivery-rows.ts';
import { errorCode, PermanentError } from '../../shared/errors.ts';
import { aChain, INBOX, INBOX_KEY, MAILBOX } from '../support/builders.ts';
import { type HostileLink, hostileLinks } from '../support/hostile/hostile-links.ts';
import { type HostileNeighbourhood, startHostileNeighbourhood } from '../support/hostile/hostile-neighbourhood.ts';
import { START } from '../support/in-memory-ports.ts';
import { type LoopbackServer, sendJson, startLoopbackServer } from '../support/loopback-server.ts';

const { signal } = new AbortController();
const SINCE = new Date(START);
const DELTA = '@odata.deltaLink';
const NEXT = '@odata.nextLink';

let near: HostileNeighbourhood;
let corpus: HostileLink[];
let graph: GraphClient;
/** Answers as Table storage does, with whatever link the test has put into the chain’s row. */
let tables: LoopbackServer;
let storedLink = '';

beforeAll(async () => {
  near = await startHostileNeighbourhood();
  corpus = hostileLinks(near);
  tables = await startLoopbackServer((_, response) => {
    const { folderId, address, wanted, link } = aChain({ link: storedLink });
    const { rowKey } = chainRow(MAILBOX, INBOX_KEY, {});
    const row = { PartitionKey: MAILBOX, RowKey: rowKey, folderId, address, wanted, link };
    const time = { 'watchStart@odata.type': 'Edm.DateTime', watchStart: SINCE.toISOString() };
    sendJson(response, { value: [{ ...row, ...time }] });
  });
});
beforeEach(() => {
  graph = near.client();
});
afterAll(async () => {
  await near.close();
  await tables.close();
});

/** The first answer holds the link; what follows it is answered with an end. */
const answerWith = (first: unknown, then: unknown = { value: [], [DELTA]: `${near.origin}/v1.0/end` }) => {
  let asked = 0;
  near.reply((_, response) => sendJson(response, asked++ === 0 ? first : then));
};

const mail = () => makeGraphMail(graph, true);
const directory = () => makeGraphDirectory(graph);
const subscriptions = () => makeGraphSubscriptions(graph, { publicBaseUrl: 'https://i.test', mark: 'm' });
const openChain = () => mail().openChain(MAILBOX, INBOX, SINCE, 50, signal);
const gap = { by: 'receivedDateTime' as const, from: SINCE, skip: 0, start: SINCE };

/** Every place where a link that came from outside is followed. */
const PLACES: [string, (link: string) => Promise<unknown>][] = [
  [
    'the next link of a chain that was just opened',
    async (link) => {
      answerWith({ value: [], [NEXT]: link });
      await mail().followLink((await openChain()).next.link, 50, signal);
    },
  ],
  [
    'the delta link of a chain that was just opened',
    async (link) => {
      answerWith({ value: [], [DELTA]: link });
      await mail().followLink((await openChain()).next.link, 50, signal);
    },
  ],
  [
    'the next link of a page that was followed',
    async (link) => {
      answerWith({ value: [], [NEXT]: link });
      const page = await mail().followLink(`${near.origin}/v1.0/genuine`, 50, signal);
      if (page !== 'expired') await mail().followLink(page.next.link, 50, signal);
    },
  ],
  [
    'the link of a chain that was read back from the table',
    async (link) => {
      storedLink = link;
      const connectionString = `DefaultEndpointsProtocol=http;AccountName=a;AccountKey=YQ==;TableEndpoint=${tables.url}/a;`;
      const account = openStorage(
        { kind: 'connection-string', connectionString },
        { getToken: () => Promise.resolve(null) },
        makeServerClock(() => START),
      );
      const [chain] = (await makeDeliveries(account).load(MAILBOX)).chains;
      answerWith({ value: [], [DELTA]: `${near.origin}/v1.0/end` });
      if (!chain) throw new Error('the chain was not read back');
      // An empty text stands for no link.
      if (chain.link) await mail().followLink(chain.link, 50, signal);
      else throw new PermanentError('graph:foreign-link');
    },
  ],
  [
    'the next link of an empty page of a gap',
    async (link) => {
      answerWith({ value: [], [NEXT]: link });
      await mail().listSince(MAILBOX, INBOX, gap, 50, signal);
    },
  ],
  [
    'the next link of a group',
    async (link) => {
      answerWith({ value: [], [NEXT]: link });
      await directory().listGroup(MAILBOX);
    },
  ],
  [
    'the next link of a list of folders',
    async (link) => {
      let asked = 0;
      near.reply((_, response) => {
        asked++;
        if (asked === 1) sendJson(response, { error: { code: 'ErrorInvalidIdMalformed' } }, 400);
        else sendJson(response, asked === 2 ? { value: [], [NEXT]: link } : { value: [] });
      });
      await directory().findFolder(MAILBOX, 'Sales');
    },
  ],
  [
    'the next link of the list of subscriptions',
    async (link) => {
      answerWith({ value: [], [NEXT]: link });
      await subscriptions().list();
    },
  ],
];

const outcome = (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => 'followed',
    (error: unknown) => error,
  );

/** No request of any kind to a stranger, with a token or without, and to Graph only below its root. */
function expectNothingStolen(name: string): void {
  expect(near.stolen(), name).toEqual([]);
  for (const { path, headers } of near.asked()) {
    expect(path, name).toMatch(/^\/v1\.0\//);
    expect(headers.host, name).toBe(`${near.host}:${near.graphPort}`);
  }
}

describe('the corpus of hostile links', () => {
  it('holds at least a thousand, no two of them alike', () => {
    expect(corpus.length).toBeGreaterThanOrEqual(1_000);
    expect(new Set(corpus.map(({ link }) => link)).size).toBe(corpus.length);
  });

  it('would be followed to the stranger if nobody looked: the trap works', async () => {
    for (const url of [`http://evil.example:${near.evilPort}/v1.0/x`, `http://127.1:${near.evilPort}/v1.0/x`])
      await fetch(url, { headers: { Authorization: 'Bearer token' } });
    expect(near.stolen().map(({ headers }) => headers.authorization)).toEqual(['Bearer token', 'Bearer token']);
    near.stolen().length = 0;
  });

  it.each(PLACES)(
    'carries no token away as %s [T11, T10]',
    async (_, follow) => {
      for (const { name, link, leads } of corpus) {
        near.forget();
        const result = await outcome(follow(link));
        if (leads === 'elsewhere' && (link !== '' || result !== 'followed')) {
          expect(result, name).toBeInstanceOf(Error);
          expect(['graph:foreign-link', 'graph:not-a-delta-page'], name).toContain(errorCode(result));
        }
        expectNothingStolen(name);
      }
    },
    120_000,
  );

  it.each(PLACES)('leaves a genuine link alone as %s', async (_, follow) => {
    near.forget();
    expect(await outcome(follow(`${near.origin}/v1.0/users/a/messages/delta?$deltatoken=b`))).toBe('followed');
    const followed = near.asked().find(({ path }) => path.includes('deltatoken=b'));
    expect(followed?.headers.authorization).toBe('Bearer token-1');
  });
});

const REQUESTS: [string, () => Promise<unknown>][] = [
  ['a chain that is opened', openChain],
  ['a link', () => mail().followLink(`${near.origin}/v1.0/x`, 50, signal)],
  ['a gap', () => mail().listSince(MAILBOX, INBOX, gap, 50, signal)],
  ['one mail', () => mail().getMail(MAILBOX, 'AAk=', signal)],
  ['raw mail', () => mail().openMime(MAILBOX, 'AAk=', signal)],
  ['an attachment', () => mail().openAttachment(MAILBOX, 'AAk=', 'att', signal)],
  ['a user', () => directory().findMailbox('sales@northwind.example')],
  ['a group', () => directory().listGroup(MAILBOX)],
  ['a folder', () => directory().findFolder(MAILBOX, 'inbox')],
  ['the subscriptions', () => subscriptions().list()],
  ['one subscription', () => subscriptions().get('s')],
  [
    'a new subscription',
    () => subscriptions().create({ mailbox: MAILBOX, folderId: INBOX, clientState: 'c', minutes: 9 }),
  ],
  ['a renewal', () => subscriptions().renew([{ id: 's', minutes: 9 }])],
  ['a removal', () => subscriptions().remove('s')],
];
const STATUSES = [300, 301, 302, 303, 305, 307, 308];

const redirect = (status: number, location: string) => (_: unknown, response: ServerResponse) => {
  // Only what a header can hold; the rest would be refused by this server.
  const sendable = /^[\t\x20-\x7e\x80-\xff]*$/.test(location) && location.length < 8_000;
  response.writeHead(status, { Location: sendable ? location : encodeURI(location.toWellFormed()).slice(0, 8_000) });
  response.end();
};

describe('a redirect of Graph', () => {
  it.each(REQUESTS)(
    'is followed nowhere when it answers the question for %s [T12]',
    async (_, ask) => {
      for (const status of STATUSES)
        for (const [place, location] of [
          `http://evil.example:${near.evilPort}/v1.0/x`,
          `http://127.0.0.1:${near.evilPort}/`,
          `//evil.example:${near.evilPort}/v1.0/x`,
          `${near.origin}/v1.0/elsewhere`,
          '/v1.0/elsewhere',
        ].entries()) {
          near.forget();
          near.reply(redirect(status, location));
          const result = await outcome(ask());
          expect(errorCode(result), `${status} ${place}`).toBe('graph:redirect');
          expect(near.asked()).toHaveLength(1);
          expect(near.stolen()).toEqual([]);
        }
    },
    120_000,
  );

  it('is followed to none of the hostile links [T12, T11]', async () => {
    for (const [number, { name, link }] of corpus.entries()) {
      near.forget();
      near.reply(redirect(STATUSES[number % STATUSES.length] ?? 302, link));
      const [kind, ask] = REQUESTS[number % REQUESTS.length] ?? ['a link', openChain];
      expect(errorCode(await outcome(ask())), `${kind}: ${name}`).toBe('graph:redirect');
      expect(near.asked(), name).toHaveLength(1);
      expect(near.stolen(), name).toEqual([]);
    }
  }, 120_000);
});
