import { setTimeout as delay } from 'node:timers/promises';
import type { ServerResponse } from 'node:http';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type GraphAnswer, makeGraphClient } from '../../../shared/adapters/graph/graph-client.ts';
import { toError } from '../../../shared/adapters/graph/graph-failure.ts';
import { parsePage } from '../../../shared/adapters/graph/graph-message.ts';
import { TokenSource } from '../../../shared/adapters/graph/token-source.ts';
import { PermanentError, TransientError } from '../../../shared/errors.ts';
import { type Asked, type LoopbackServer, sendJson, startLoopbackServer } from '../../support/loopback-server.ts';
import { aTokenAnswer } from '../../support/token-answers.ts';

const NOW = Date.parse('2026-10-12T08:00:00Z');
type Reply = (response: ServerResponse, asked: Asked) => void;

let graph: LoopbackServer;
/** Somebody else's server, which must never see a token. */
let stranger: LoopbackServer;
/** Answers in order; the last one stays. */
let replies: Reply[];
let challenges: (string | undefined)[];

beforeEach(async () => {
  replies = [];
  challenges = [];
  graph = await startLoopbackServer((asked, response) => {
    const reply = replies.length > 1 ? replies.shift() : replies[0];
    if (reply) reply(response, asked);
    else sendJson(response, { ok: true });
  });
  stranger = await startLoopbackServer((_, response) => sendJson(response, { value: [] }));
});

afterEach(async () => {
  await graph.close();
  await stranger.close();
});

function open() {
  const tokens = new TokenSource(
    (_scope, claims) => {
      challenges.push(claims);
      const accessToken = `token-${challenges.length}`;
      return Promise.resolve(aTokenAnswer({ accessToken, expiresOn: new Date(NOW + 3_600_000) }));
    },
    () => NOW,
  );
  return makeGraphClient({
    tokens,
    baseUrl: `${graph.url}/v1.0`,
    scope: 'https://graph.test/.default',
    now: () => NOW,
    random: () => 0,
  });
}

const refusal =
  (status: number, headers: Record<string, string> = {}): Reply =>
  (response) =>
    sendJson(response, { error: { code: 'Refused', message: 'quotes a mail' } }, status, headers);
const ok: Reply = (response) => sendJson(response, { ok: true });
const failureOf = (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    (value) => value,
    (cause: unknown) => cause,
  );
/** The failure of a request as the ports name it, whether it was thrown or came as data. */
async function errorOf(asking: Promise<GraphAnswer>): Promise<unknown> {
  try {
    const answer = await asking;
    return answer.ok ? answer.body : toError(answer.failure, 'service', answer.cause);
  } catch (cause) {
    return cause;
  }
}

const bearers = () => graph.asked.map(({ headers }) => headers.authorization);

describe('a request', () => {
  it('carries the token, and all preferences in one header', async () => {
    await open().get('/users/a', { prefer: ['IdType="ImmutableId"', 'odata.maxpagesize=10'] });
    expect(graph.asked).toMatchObject([
      {
        method: 'GET',
        path: '/v1.0/users/a',
        headers: { authorization: 'Bearer token-1', prefer: 'IdType="ImmutableId", odata.maxpagesize=10' },
      },
    ]);
  });

  it.each([
    '/users/a/messages/delta?$deltatoken=AbC-_0%2B%2F%3D%3D',
    '/users/a/messages/delta?$skiptoken=a==&$top=5&x=%26%23',
    "/users('a')/mailFolders('AAMk%3D')/messages/delta?$deltatoken=x%20y",
    '/users/%C3%BC/messages?$filter=receivedDateTime%20ge%202026-10-12T08%3A00%3A00Z',
  ])('reaches Graph with every character of its path as it was: %s [T13]', async (path) => {
    const client = open();
    await client.get(client.pathOf(`${graph.url}/v1.0${path}`));
    // The client may change the order of parameters, which means nothing.
    const inOrder = (text = '') => [text.split('?')[0], ...(text.split('?')[1] ?? '').split('&').toSorted()];
    expect(inOrder(graph.asked[0]?.path)).toEqual(inOrder(`/v1.0${path}`));
  });

  it('gives back the parsed answer, or the refusal as data', async () => {
    expect(await open().get('/users/a')).toEqual({ ok: true, body: { ok: true } });
    replies = [refusal(404)];
    expect(await open().get('/users/a')).toMatchObject({ ok: false, failure: { status: 404, code: 'Refused' } });
  });

  it('learns the time from the answers [F25]', async () => {
    replies = [(response) => sendJson(response, {}, 200, { Date: new Date(NOW + 90_000).toUTCString() })];
    const client = open();
    await client.get('/users/a');
    expect(client.clock.now()).toBe(NOW + 90_000);
  });

  it('fails for good without a token, and asks nobody', async () => {
    const tokens = new TokenSource(
      () => Promise.reject(new Error('no identity')),
      () => NOW,
    );
    const client = makeGraphClient({
      tokens,
      baseUrl: `${graph.url}/v1.0`,
      scope: 's',
      now: () => NOW,
      random: () => 0,
    });
    expect(await failureOf(client.get('/users/a'))).toMatchObject({ name: 'TransientError', code: 'token:Error' });
    expect(graph.asked).toEqual([]);
  });
});

describe('a redirect', () => {
  it.each([301, 302, 303, 307, 308])('is refused, and nobody else sees the token: %i [T12]', async (status) => {
    replies = [(response) => response.writeHead(status, { Location: `${stranger.url}/v1.0/users/a` }).end()];
    for (const work of [
      () => open().get('/users/a'),
      () => open().post('/$batch', {}),
      () => open().stream('/users/a/$value'),
    ])
      expect(await failureOf(work())).toMatchObject({ name: 'PermanentError', code: 'graph:redirect' });
    expect(stranger.asked).toEqual([]);
  });

  it('is refused on the same host too [T12]', async () => {
    replies = [(response) => response.writeHead(302, { Location: '/v1.0/other' }).end()];
    expect(await failureOf(open().get('/users/a'))).toBeInstanceOf(PermanentError);
    expect(graph.asked).toHaveLength(1);
  });
});

describe('an answer that is no answer', () => {
  it.each([
    [
      'truncated JSON',
      (response) => response.writeHead(200, { 'Content-Type': 'application/json' }).end('{"value":[{"id"'),
    ],
    [
      'a body shorter than announced',
      (response) => {
        response.writeHead(200, { 'Content-Type': 'application/json', 'Content-Length': '100' });
        response.write('{"value":[');
        setImmediate(() => response.destroy());
      },
    ],
    ['a closed connection', (response) => response.destroy()],
    ['500 with HTML', (response) => response.writeHead(500, { 'Content-Type': 'text/html' }).end('<h1>Oops</h1>')],
    ['502 with nothing', (response) => response.writeHead(502).end()],
  ] satisfies [string, Reply][])('is a failure that passes: %s [F38, F39]', async (_, reply) => {
    replies = [reply];
    expect(await errorOf(open().get('/users/a'))).toBeInstanceOf(TransientError);
  });

  it('is not taken for data: HTML with 200 [F39]', async () => {
    replies = [(response) => response.writeHead(200, { 'Content-Type': 'text/html' }).end('<h1>Sign in</h1>')];
    const answer = await open().get('/users/a');
    expect(parsePage(answer.ok ? answer.body : undefined)).toBeUndefined();
  });

  it('that hangs is given up when the signal aborts [F38]', async () => {
    const abort = new AbortController();
    replies = [
      (response) => {
        response.writeHead(200, { 'Content-Type': 'application/json' });
        response.write('{"value":[');
        abort.abort();
      },
    ];
    expect(await failureOf(open().get('/users/a', { signal: abort.signal }))).toBeInstanceOf(TransientError);
  });

  it('whose headers never come is given up when the signal aborts [F38]', async () => {
    const abort = new AbortController();
    replies = [() => abort.abort()];
    expect(await failureOf(open().get('/users/a', { signal: abort.signal }))).toBeInstanceOf(TransientError);
  });

  it('as a stream ends with an error when the signal aborts', async () => {
    const abort = new AbortController();
    replies = [
      (response) => {
        response.writeHead(200, { 'Content-Type': 'text/plain' });
        response.write('first part');
      },
    ];
    const stream = await open().stream('/users/a/messages/b/$value', { signal: abort.signal });
    const reader = stream.getReader();
    expect(Buffer.from((await reader.read()).value ?? []).toString()).toBe('first part');
    abort.abort();
    await expect(reader.read()).rejects.toThrow();
  });
});

describe('a refusal for a while', () => {
  it.each([429, 503, 504])('is tried again twice by itself: %i [F37]', async (status) => {
    replies = [refusal(status, { 'Retry-After': '0' }), refusal(status, { 'Retry-After': '0.02' }), ok];
    expect(await open().get('/users/a')).toMatchObject({ ok: true });
    expect(graph.asked).toHaveLength(3);
  });

  it('is passed on after the third [F37]', async () => {
    replies = [refusal(503, { 'Retry-After': '0' })];
    expect(await open().get('/users/a')).toMatchObject({ ok: false, failure: { status: 503, retryAfterMs: 0 } });
    expect(graph.asked).toHaveLength(3);
  });

  it('without a Retry-After is tried again after a short pause', async () => {
    replies = [refusal(503), ok];
    expect(await open().get('/users/a')).toMatchObject({ ok: true });
  });

  it('until a date that has come is tried again at once [F35]', async () => {
    replies = [refusal(429, { 'Retry-After': new Date(NOW).toUTCString() }), ok];
    expect(await open().get('/users/a')).toMatchObject({ ok: true });
  });

  it.each([
    ['37', 37_000],
    ['6.5', 6_500],
    ['99999999999', 3_600_000],
    [new Date(NOW + 90_000).toUTCString(), 90_000],
  ])('for long (%s) is passed on at once, with the time to wait', async (retryAfter, retryAfterMs) => {
    // The local clock is no witness here: both dates are Graph's.
    replies = [refusal(429, { 'Retry-After': retryAfter, Date: new Date(NOW).toUTCString() })];
    expect(await open().get('/users/a')).toMatchObject({ ok: false, failure: { status: 429, retryAfterMs } });
    expect(graph.asked).toHaveLength(1);
  });

  it('is waited out for as long as the request has patience, and no longer', async () => {
    replies = [refusal(429, { 'Retry-After': '0.02' }), ok];
    expect(await open().get('/users/a', { patienceMs: 10 })).toMatchObject({ ok: false });
    expect(graph.asked).toHaveLength(1);
    replies = [refusal(429, { 'Retry-After': '0.02' }), ok];
    expect(await open().get('/users/a', { patienceMs: 20 })).toMatchObject({ ok: true });
  });

  it('of a write that timed out is not repeated: it may have been done [F23]', async () => {
    replies = [refusal(504, { 'Retry-After': '0' })];
    expect(await open().post('/subscriptions', {})).toMatchObject({ ok: false, failure: { status: 504 } });
    expect(graph.asked).toHaveLength(1);
  });

  it('of a write is repeated with the same body', async () => {
    replies = [refusal(503, { 'Retry-After': '0' }), ok];
    expect(await open().post('/subscriptions', { changeType: 'created' })).toMatchObject({ ok: true });
    expect(graph.asked.map(({ body }) => body)).toEqual(['{"changeType":"created"}', '{"changeType":"created"}']);
  });

  it('ends when the signal aborts during the pause', async () => {
    const abort = new AbortController();
    replies = [
      (response, asked) => {
        refusal(429, { 'Retry-After': '4.9' })(response, asked);
        // After the answer has gone out.
        void delay(0).then(() => setImmediate(() => abort.abort()));
      },
    ];
    expect(await failureOf(open().get('/users/a', { signal: abort.signal }))).toBeInstanceOf(TransientError);
    expect(graph.asked).toHaveLength(1);
  });
});

describe('a 401', () => {
  const claims = '{"access_token":{"nbf":{"essential":true,"value":"1792137600"}}}';
  const challenge = {
    'WWW-Authenticate': `Bearer realm="", error="insufficient_claims", claims="${Buffer.from(claims).toString('base64')}"`,
  };

  it('with a claims challenge leads to one new token with these claims, and one more try [F30]', async () => {
    replies = [refusal(401, challenge), ok];
    expect(await open().get('/users/a')).toMatchObject({ ok: true });
    expect(challenges).toEqual([undefined, claims]);
    expect(bearers()).toEqual(['Bearer token-1', 'Bearer token-2']);
  });

  it('that stays is passed on after one more try [F30]', async () => {
    replies = [refusal(401, challenge)];
    expect(await open().get('/users/a')).toMatchObject({ ok: false, failure: { status: 401 } });
    expect(graph.asked).toHaveLength(2);
  });

  it('without a challenge leads to one new token too, and no more [F30]', async () => {
    replies = [refusal(401)];
    expect(await open().get('/users/a')).toMatchObject({ ok: false, failure: { status: 401 } });
    expect(bearers()).toEqual(['Bearer token-1', 'Bearer token-2']);
  });

  it('with a challenge that is no base64 of JSON is answered like one without [F30]', async () => {
    replies = [refusal(401, { 'WWW-Authenticate': 'Bearer claims="\\"><script>"' }), ok];
    expect(await open().get('/users/a')).toMatchObject({ ok: true });
    expect(challenges).toEqual([undefined, '{}']);
  });

  it('on a stream is answered in the same way', async () => {
    replies = [refusal(401, challenge), (response) => response.writeHead(200).end('bytes')];
    expect(await new Response(await open().stream('/users/a/messages/b/$value')).text()).toBe('bytes');
  });
});

describe('a stream that is refused', () => {
  it.each([
    [404, PermanentError],
    [403, PermanentError],
    [500, TransientError],
    [429, TransientError],
    [401, TransientError],
    [408, TransientError],
  ])('with %i is told from one that passes', async (status, kind) => {
    replies = [refusal(status, { 'Retry-After': '60' })];
    expect(await failureOf(open().stream('/users/a/messages/b/$value'))).toBeInstanceOf(kind);
  });

  it('keeps the time that Graph asked to wait [F35]', async () => {
    replies = [refusal(429, { 'Retry-After': '37' })];
    expect(await failureOf(open().stream('/users/a/$value'))).toMatchObject({ retryAfterMs: 37_000 });
  });
});

describe('a link', () => {
  it.each([
    (url: string) => `${url.replace('127.0.0.1', 'localhost')}/v1.0/x`,
    (url: string) => `${url}.evil.example/v1.0/x`,
    (url: string) => `${url}@evil.example/v1.0/x`,
    (url: string) => `${url.replace('http://', 'http://user@')}/v1.0/x`,
    (url: string) => `${url.replace('http://', 'http://user:pass@')}/v1.0/x`,
    (url: string) => `${url.replace('http:', 'https:')}/v1.0/x`,
    (url: string) => `${url}1/v1.0/x`,
    (url: string) => `${url.replace(/:\d+$/, '')}/v1.0/x`,
    (url: string) => `${url}/v1.0`,
    (url: string) => `${url}/v1.0evil/x`,
    (url: string) => `${url}/beta/x`,
    (url: string) => `${url}/v1.0/../beta/x`,
    (url: string) => `${url}/v1.0/%2e%2e/beta/x`,
    () => '/v1.0/x',
    () => '//127.0.0.1/v1.0/x',
    () => 'javascript:alert(1)',
    () => 'file:///etc/passwd',
    () => '',
  ])('that leads elsewhere is refused: %o [T11]', (link) => {
    expect(() => open().pathOf(link(graph.url))).toThrow(PermanentError);
  });

  it('to our Graph is a path below its root', () => {
    expect(open().pathOf(`${graph.url}/v1.0/users/a/messages/delta?$skiptoken=1#part`)).toBe(
      '/users/a/messages/delta?$skiptoken=1',
    );
  });

  it('asked for as it stands, without a check, still gets no token elsewhere [T11]', async () => {
    for (const link of [`${stranger.url}/v1.0/x`, `${stranger.url.replace('http:', 'https:')}/v1.0/x`])
      await failureOf(open().get(link));
    expect(stranger.asked).toEqual([]);
  });
});
