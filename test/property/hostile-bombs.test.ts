import { createServer, type Server, type ServerResponse } from 'node:http';
import { createGzip, gzipSync } from 'node:zlib';
import { HttpRequest } from '@azure/functions';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { makeGraphDirectory } from '../../shared/adapters/graph/graph-directory.ts';
import { makeGraphMail } from '../../shared/adapters/graph/graph-mail.ts';
import { makeGraphSubscriptions } from '../../shared/adapters/graph/graph-subscriptions.ts';
import { makeServerClock } from '../../shared/adapters/server-clock.ts';
import { makeClaimStore } from '../../shared/adapters/storage/claim-store.ts';
import { openStorage } from '../../shared/adapters/storage/connection.ts';
import { mailEventSchema, MAX_EVENT_BYTES } from '../../shared/domain/mail-event.ts';
import { errorCode, TransientError } from '../../shared/errors.ts';
import { notificationEndpoint } from '../../shared/triggers/notification-endpoint.ts';
import { lookRing, oneMailbox, ringUp } from '../support/app-under-test.ts';
import { aMail, INBOX, MAILBOX } from '../support/builders.ts';
import { graphMailOver, graphMessage, graphOver } from '../support/graph-over-http.ts';
import { START } from '../support/in-memory-ports.ts';
import { anInvocation } from '../support/invocation.ts';
import { sendJson } from '../support/loopback-server.ts';

const MIB = 1024 * 1024;
/** Graph takes up to 150 MB in; a smaller one shows the same in a fraction of the time. */
const LARGE_MAIL_MB = Number(process.env['LARGE_MAIL_MB'] ?? 64);
const { signal } = new AbortController();

/** Graph, answering as each test says; it reads nothing, so that streams go as fast as they are taken. */
let graph: Server;
let url: string;
let answer: (response: ServerResponse, path: string) => void;

beforeAll(async () => {
  graph = createServer((request, response) => {
    request.resume();
    answer(response, request.url ?? '');
  });
  await new Promise<void>((resolve) => void graph.listen(0, '127.0.0.1', resolve));
  url = addressOf(graph);
});
afterAll(() => close(graph));
afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

const addressOf = (server: Server) => {
  const address = server.address();
  return `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`;
};
const close = (server: Server) =>
  new Promise<void>((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
const failureOf = (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    (value) => ({ worked: value }),
    (error: unknown) => error,
  );
const openChain = () => graphMailOver(url).openChain(MAILBOX, INBOX, new Date(START), 50, signal);

/** Writes `bytes` bytes of spaces into `into`, no faster than they are taken. */
function pour(into: NodeJS.WritableStream, bytes: number, noted: (count: number) => void = () => undefined): void {
  const chunk = Buffer.alloc(MIB, 0x20);
  let left = bytes;
  const more = () => {
    while (left > 0) {
      left -= chunk.length;
      noted(chunk.length);
      if (!into.write(chunk)) {
        into.once('drain', more);
        return;
      }
    }
    into.end();
  };
  into.on('error', () => undefined);
  more();
}

describe('an answer of Graph', () => {
  it('that unpacks to much more than it came as is given up at a bound [F39, F38]', async () => {
    answer = (response) => {
      response.writeHead(200, { 'Content-Type': 'application/json', 'Content-Encoding': 'gzip' });
      const packed = createGzip({ level: 1 });
      response.on('close', () => packed.destroy());
      packed.pipe(response);
      pour(packed, 64 * MIB);
    };
    const bounded = makeGraphMail(graphOver(url, { maxAnswerBytes: 8 * MIB }), true);
    const failure = await failureOf(bounded.openChain(MAILBOX, INBOX, new Date(START), 50, signal));
    expect(failure).toBeInstanceOf(TransientError);
    expect(errorCode(failure)).toBe('graph:answer-too-large');
  }, 60_000);

  it('that is packed and no larger than it should be is read as ever', async () => {
    answer = (response) => {
      const page = { value: [graphMessage('AAk=', new Date(START))], '@odata.deltaLink': `${url}/v1.0/x` };
      response.writeHead(200, { 'Content-Type': 'application/json', 'Content-Encoding': 'gzip' });
      response.end(gzipSync(JSON.stringify(page)));
    };
    expect((await openChain()).entries).toHaveLength(1);
  });

  const broken: [string, (response: ServerResponse) => void][] = [
    [
      'truncated',
      (response) => response.writeHead(200, { 'Content-Type': 'application/json' }).end('{"value":[{"id":"A'),
    ],
    [
      'cut off in the middle',
      (response) => {
        response.writeHead(200, { 'Content-Type': 'application/json', 'Content-Length': '1000' });
        response.write('{"value":[');
        setImmediate(() => response.destroy());
      },
    ],
    [
      'a page of HTML',
      (response) => response.writeHead(200, { 'Content-Type': 'text/html' }).end('<html>sign in</html>'),
    ],
    [
      'HTML under the name of JSON',
      (response) => response.writeHead(200, { 'Content-Type': 'application/json' }).end('<html>'),
    ],
    [
      'no UTF-8',
      (response) =>
        response.writeHead(200, { 'Content-Type': 'application/json' }).end(Buffer.from([0x7b, 0xff, 0xfe, 0x7d])),
    ],
    [
      'broken gzip',
      (response) =>
        response.writeHead(200, { 'Content-Type': 'application/json', 'Content-Encoding': 'gzip' }).end('no gzip'),
    ],
    ['empty', (response) => response.writeHead(200, { 'Content-Type': 'application/json' }).end()],
    ['of no type', (response) => response.writeHead(200).end('{"value":[]}')],
    ['null', (response) => sendJson(response, null)],
    [
      'nested 100,000 deep',
      (response) =>
        response
          .writeHead(200, { 'Content-Type': 'application/json' })
          .end(`{"value":${'['.repeat(100_000)}${']'.repeat(100_000)}}`),
    ],
  ];
  it.each(broken)('that is %s passes as a failure that does not last [F39]', async (_, reply) => {
    answer = reply;
    const failure = await failureOf(openChain());
    expect(failure).toBeInstanceOf(TransientError);
    expect(errorCode(failure)).toMatch(/^graph:/);
  });

  it('that repeats its own next link ends as a failure instead of half a list [F47]', async () => {
    let asked = 0;
    answer = (response) => {
      asked++;
      sendJson(response, { value: [{ id: MAILBOX }], '@odata.nextLink': `${url}/v1.0/again?$skiptoken=${asked % 3}` });
    };
    const lists = [
      () => makeGraphDirectory(graphOver(url)).listGroup(MAILBOX),
      () => makeGraphSubscriptions(graphOver(url), { publicBaseUrl: 'https://i.test', mark: 'm' }).list(),
    ];
    for (const list of lists) {
      asked = 0;
      const failure = await failureOf(list().catch((error: unknown) => Promise.reject(error)));
      expect(failure).toBeInstanceOf(TransientError);
      expect(asked).toBeLessThan(10);
    }
  });

  it('of page after page without end is not read for ever [F47]', async () => {
    let asked = 0;
    answer = (response) =>
      sendJson(response, { value: [], '@odata.nextLink': `${url}/v1.0/more?$skiptoken=${++asked}` });
    const gap = { by: 'receivedDateTime' as const, from: new Date(START), skip: 0, start: new Date(START) };
    await failureOf(graphMailOver(url).listSince(MAILBOX, INBOX, gap, 50, signal));
    expect(asked).toBeLessThan(200);
  });
});

describe('a page with too many bytes', () => {
  it('is asked for smaller, and its mail arrives [F39, F82]', async () => {
    const { world, app } = oneMailbox();
    for (let mail = 0; mail < 30; mail++) world.mailboxes.add(MAILBOX, aMail());
    const sizes: number[] = [];
    const { openChain: open, followLink: follow } = app.ports.mail;
    const tooLargeOver = <T>(size: number, ask: () => Promise<T>) => {
      sizes.push(size);
      return size > 10 ? Promise.reject(new TransientError('graph:answer-too-large')) : ask();
    };
    vi.spyOn(app.ports.mail, 'openChain').mockImplementation((...args) => tooLargeOver(args[3], () => open(...args)));
    vi.spyOn(app.ports.mail, 'followLink').mockImplementation((...args) =>
      tooLargeOver(args[1], () => follow(...args)),
    );
    await world.clock.runUntilDone(ringUp(app, lookRing()));
    expect(sizes[0]).toBe(50);
    expect(world.crmQueue.events).toHaveLength(30);
  });
});

describe('a large mail', () => {
  it(`of ${LARGE_MAIL_MB} MB goes through to its blob without being held in memory [F82, T20]`, async () => {
    const size = LARGE_MAIL_MB * MIB;
    let poured = 0;
    let stored = 0;
    let held = 0;
    answer = (response) => {
      response.writeHead(200, { 'Content-Type': 'message/rfc822' });
      pour(response, size, (count) => {
        poured += count;
        held = Math.max(held, poured - stored);
      });
    };
    const blobs = createServer((request, response) => {
      request.on('data', (chunk: Buffer) => {
        stored += chunk.length;
      });
      request.on('end', () => response.writeHead(201, { etag: '"1"' }).end());
    });
    await new Promise<void>((resolve) => void blobs.listen(0, '127.0.0.1', resolve));
    try {
      const connectionString = `DefaultEndpointsProtocol=http;AccountName=a;AccountKey=YQ==;BlobEndpoint=${addressOf(blobs)}/a;TableEndpoint=${addressOf(blobs)}/a;`;
      const account = openStorage(
        { kind: 'connection-string', connectionString },
        { getToken: () => Promise.resolve(null) },
        makeServerClock(() => START),
      );
      const content = await graphMailOver(url).openMime(MAILBOX, 'AAk=', signal);
      const claimCheck = await makeClaimStore(account).copy('blob', 'message/rfc822', content);
      expect(claimCheck.size).toBe(size);
      expect(stored).toBeGreaterThanOrEqual(size);
      expect(held).toBeLessThanOrEqual(32 * MIB);
    } finally {
      await close(blobs);
    }
  }, 120_000);

  it('whose content comes byte by byte, for ever, ends in minutes [F38]', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    let begun: ServerResponse | undefined;
    answer = (response) => {
      begun = response;
      response.writeHead(200, { 'Content-Type': 'application/octet-stream' });
      response.write('x');
    };
    const stream = await graphMailOver(url).openMime(MAILBOX, 'AAk=', signal);
    const reader = stream.getReader();
    let seconds = 0;
    const readOn = async (): Promise<unknown> => {
      for (; seconds < 3_600; seconds += 10) {
        const reading = reader.read().then(
          () => undefined,
          (error: unknown) => error,
        );
        if (seconds > 0) await vi.advanceTimersByTimeAsync(10_000);
        begun?.write('x');
        const failed = await reading;
        if (failed !== undefined) return failed;
      }
      return 'read for an hour';
    };
    const failure = await readOn();
    expect(errorCode(failure)).toBe('graph:no-answer');
    // The host ends a function after ten minutes, with everything else that its process is at.
    expect(seconds).toBeLessThanOrEqual(590);
  }, 60_000);

  it('with 10,000 recipients and 500 attachments becomes an event that fits a queue message, and loses none [F82, F84, T20]', async () => {
    const people = (kind: string) =>
      Array.from({ length: 10_000 }, (_, n) => ({ name: `${kind} ${n}`, address: `${kind}-${n}@northwind.example` }));
    const { world, app } = oneMailbox({ includeAttachments: true });
    const attachments = Array.from({ length: 500 }, (_, n) => ({
      id: `attachment-${n}`,
      kind: 'file' as const,
      name: `${n}.bin`,
      contentType: 'application/octet-stream',
      size: 3,
      isInline: false,
    }));
    world.mailboxes.add(MAILBOX, aMail({ to: people('to'), cc: people('cc'), attachments }));
    await world.clock.runUntilDone(ringUp(app, lookRing()));
    const [sent] = world.crmQueue.events;
    expect(Buffer.byteLength(sent?.body ?? '')).toBeLessThanOrEqual(MAX_EVENT_BYTES);
    const { messageClaimCheck } = mailEventSchema.parse(JSON.parse(sent?.body ?? '')).data;
    const blob = world.blobs.blobs.get(messageClaimCheck?.blob ?? '');
    const message = mailEventSchema.shape.data.shape.message.parse(JSON.parse(blob?.content.toString() ?? ''));
    expect(message?.to).toHaveLength(10_000);
    expect(message?.cc).toHaveLength(10_000);
    expect(message?.attachments.map(({ claimCheck }) => world.blobs.blobs.has(claimCheck?.blob ?? ''))).toEqual(
      attachments.map(() => true),
    );
  });

  it.each([
    ['a bomb of nested elements', '<div>'.repeat(500_000)],
    ['a bomb of entities', '&lt;'.repeat(1_000_000)],
    ['a bomb of styles', `<style>${'a{b:c}'.repeat(500_000)}</style>`],
    ['an XML bomb', `<!DOCTYPE x [${'<!ENTITY a "&b;&b;">'.repeat(50_000)}]>&a;`],
    ['a picture in its text', `<img src="data:image/png;base64,${'A'.repeat(5_000_000)}">`],
    ['NULs', '\0'.repeat(1_000_000)],
    ['lone surrogates', '\ud800'.repeat(500_000)],
  ])('with %s in its body is passed on unopened [T20, T19, F84]', async (_, content) => {
    const { world, app } = oneMailbox();
    world.mailboxes.add(MAILBOX, aMail({ body: { contentType: 'html', content } }));
    await world.clock.runUntilDone(ringUp(app, lookRing()));
    const { message } = mailEventSchema.parse(JSON.parse(world.crmQueue.events[0]?.body ?? '')).data;
    const claimCheck = message && 'claimCheck' in message.body ? message.body.claimCheck : undefined;
    expect(world.blobs.blobs.get(claimCheck?.blob ?? '')?.content.toString()).toBe(content.toWellFormed());
  });
});

describe('a sender that never ends', () => {
  it('is answered in time all the same, and nothing was done for it [T07, F13]', async () => {
    const deadline = new AbortController();
    vi.spyOn(AbortSignal, 'timeout').mockReturnValue(deadline.signal);
    const request = new HttpRequest({
      method: 'POST',
      url: 'https://ingest.test/api/notifications',
      body: { string: '{}' },
    });
    vi.spyOn(request, 'arrayBuffer').mockReturnValue(new Promise(() => undefined));
    const received = vi.fn();
    const answering = notificationEndpoint(received)(request, anInvocation());
    deadline.abort();
    expect(await answering).toEqual({ status: 503 });
    expect(received).not.toHaveBeenCalled();
  });

  it('that goes away in the middle is answered without a word of what it sent [T07]', async () => {
    const request = new HttpRequest({
      method: 'POST',
      url: 'https://ingest.test/api/notifications',
      body: { string: '{}' },
    });
    vi.spyOn(request, 'arrayBuffer').mockRejectedValue(new TypeError('terminated: secret'));
    const lines: string[] = [];
    expect(await notificationEndpoint(vi.fn())(request, anInvocation(lines))).toEqual({ status: 503 });
    expect(lines.join()).not.toContain('secret');
  });
});
