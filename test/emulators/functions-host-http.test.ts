import { request as httpRequest } from 'node:http';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type FunctionsHost, startFunctionsHost } from '../../local/functions-host/functions-host.ts';
import { type AppFolder, buildAppFolder, logRecorder } from './functions-host-fixture.ts';

const id = '00000003-0000-0000-c000-000000000000';

let folder: AppFolder;
let host: FunctionsHost;
const log = logRecorder();

beforeAll(async () => {
  process.env['TICK_SCHEDULE'] = '0 0 0 1 1 *';
  folder = await buildAppFolder();
  host = await startFunctionsHost({ appDirectory: folder.directory, log: log.log });
});

afterAll(async () => {
  await host.close();
  await folder.remove();
  delete process.env['TICK_SCHEDULE'];
});

const api = (path: string, init?: RequestInit) => fetch(`${host.url}/api/${path}`, init);

describe('requests', () => {
  test('a handler sees route parameters, joined query keys, headers and the body', async () => {
    const response = await api(`echo/${id}/a%20b%2Fc?x=1&X=2&y=%C3%BC`, {
      method: 'POST',
      body: '{"n":1}',
      headers: { 'X-Sample': 'yes' },
    });
    expect(response.status).toBe(201);
    expect(response.headers.get('x-method')).toBe('POST');
    expect(response.headers.get('content-type')).toBe('application/json');
    expect(await response.json()).toMatchObject({
      url: `${host.url}/api/echo/${id}/a%20b%2Fc?x=1&X=2&y=%C3%BC`,
      params: { id, part: 'a b%2Fc' },
      query: { x: '1,2', y: 'ü' },
      header: 'yes',
      body: '{"n":1}',
      triggerMetadata: null,
    });
  });

  test('an optional route parameter may be absent, and paths ignore case and a last slash', async () => {
    const response = await fetch(`${host.url}/API/Echo/${id}/`);
    expect(response.status).toBe(201);
    expect(await response.json()).toMatchObject({ params: { id }, body: '' });
  });

  test('a trace goes on from the caller', async () => {
    const traceId = '0af7651916cd43dd8448eb211c80319c';
    const response = await api(`echo/${id}`, { headers: { traceparent: `00-${traceId}-b7ad6b7169203331-01` } });
    const continued: unknown = expect.stringMatching(new RegExp(`^00-${traceId}-(?!b7ad6b7169203331)[0-9a-f]{16}-01$`));
    expect(await response.json()).toMatchObject({ traceParent: continued });
  });

  test('binary bodies go through unchanged both ways', async () => {
    const bytes = Buffer.from([0, 255, 128, 10, 13, 0]);
    const response = await api('bytes', { method: 'POST', body: bytes });
    expect(response.headers.get('content-type')).toBe('a/b');
    expect(Buffer.from(await response.arrayBuffer())).toEqual(bytes);
  });

  test('a chunked body arrives empty, as in the real host, and the log says so', async () => {
    const response = await new Promise<string>((resolve, reject) => {
      const outgoing = httpRequest(`${host.url}/api/echo/${id}`, { method: 'POST' }, (incoming) => {
        incoming.setEncoding('utf8');
        let text = '';
        incoming.on('data', (chunk: string) => (text += chunk)).on('end', () => resolve(text));
      });
      outgoing.on('error', reject);
      outgoing.write('{"first":1,');
      outgoing.end('"second":2}');
    });
    expect(JSON.parse(response)).toMatchObject({ body: '' });
    expect(log.text()).toContain('warning: the request has a chunked body');
  });

  test('the body of a GET is dropped, and HEAD gets no body back', async () => {
    const status = await new Promise<string>((resolve, reject) => {
      const outgoing = httpRequest(`${host.url}/api/echo/${id}`, { method: 'GET' }, (incoming) => {
        incoming.setEncoding('utf8');
        let text = '';
        incoming.on('data', (chunk: string) => (text += chunk)).on('end', () => resolve(text));
      });
      outgoing.on('error', reject);
      outgoing.setHeader('content-length', 4);
      outgoing.end('body');
    });
    expect(JSON.parse(status)).toMatchObject({ body: '' });
    const head = await api(`echo/${id}`, { method: 'HEAD' });
    expect([head.status, head.headers.get('x-method'), await head.text()]).toEqual([201, 'HEAD', '']);
  });

  test('a body beyond 100 MB is refused before it is sent', async () => {
    const status = await new Promise<number | undefined>((resolve, reject) => {
      const outgoing = httpRequest(`${host.url}/api/bytes`, { method: 'POST' }, (incoming) => {
        resolve(incoming.statusCode);
        outgoing.destroy();
      });
      outgoing.on('error', reject);
      outgoing.setHeader('content-length', 104_857_601);
      outgoing.flushHeaders();
    });
    expect(status).toBe(413);
  });
});

describe('routing', () => {
  test('functions are tried by name, so a parameter can shadow a literal', async () => {
    expect(await (await api('messages/search')).text()).toBe('item search');
  });

  test('one path can belong to two functions with different methods', async () => {
    expect((await api('messages/1')).status).toBe(200);
    expect((await api('messages/1', { method: 'POST' })).status).toBe(202);
  });

  test.each([
    ['an unknown path', 'nowhere', 'GET'],
    ['a wrong method', 'seen', 'POST'],
    ['a value that its constraint refuses', 'echo/not-a-guid', 'GET'],
    ['a path that is too long', `echo/${id}/a/b`, 'GET'],
  ])('%s is 404', async (_case, path, method) => {
    expect((await api(path, { method })).status).toBe(404);
  });

  test('a path without the prefix is 404', async () => {
    expect((await fetch(`${host.url}/seen`)).status).toBe(404);
  });
});

describe('answers', () => {
  test('nothing is 204, an empty object 200, a throw and a string 500 without a word', async () => {
    expect((await api('nothing')).status).toBe(204);
    expect((await api('empty')).status).toBe(200);
    for (const path of ['throws', 'wrong-answer']) {
      const response = await api(path);
      expect([response.status, await response.text()]).toEqual([500, '']);
    }
    expect(log.text()).toContain('the handler of this fixture fails');
    expect(log.text()).toContain('The HTTP response must be an object');
  });

  test('text is sent as UTF-8', async () => {
    const response = await api('text');
    expect(response.headers.get('content-type')).toBe('text/plain;charset=UTF-8');
    expect(await response.text()).toBe('grüße');
  });

  test('each cookie gets its own header', async () => {
    expect((await api('cookies')).headers.getSetCookie()).toEqual([
      'a=1%202; path=/; samesite=strict; httponly',
      'b=x; max-age=60; path=/api; secure',
    ]);
  });

  test('hooks run around the handler and can change its result', async () => {
    expect((await api('empty')).headers.get('x-hook')).toBe('postInvocation');
  });

  test('context.log passes the log hooks, and debug lines stay out by default', async () => {
    await api('log');
    expect(log.lines).toContainEqual(
      expect.objectContaining({ level: 'information', message: 'an hooked line { count: 1 }', functionName: 'log' }),
    );
    expect(log.text()).toContain('warning: a warning line');
    expect(log.text()).not.toContain('a debug line');
  });
});

describe('keys', () => {
  test('are not checked unless the host is told to', async () => {
    expect(await (await api('guarded')).text()).toBe('open');
    expect(host.keys).toBeUndefined();
  });

  test('open what their level allows, by header or by ?code=', async () => {
    const guarded = await startFunctionsHost({ appDirectory: folder.directory, enableAuth: true, log: log.log });
    try {
      const { keys } = guarded;
      if (keys === undefined) throw new Error('no keys');
      const status = async (path: string, headers: Record<string, string> = {}) =>
        (await fetch(`${guarded.url}/api/${path}`, { headers })).status;
      const own = keys.functions['guarded'] ?? '';
      expect(await status('guarded')).toBe(401);
      expect(await status('guarded?code=wrong')).toBe(401);
      expect(await status(`guarded?code=${own}`)).toBe(200);
      expect(await status(`guarded?code=${own}`, { 'x-functions-key': 'wrong' })).toBe(401);
      expect(await status('guarded', { 'x-functions-key': keys.host })).toBe(200);
      expect(await status('guarded', { 'x-functions-key': keys.functions['text'] ?? '' })).toBe(401);
      expect(await status('guarded-more', { 'x-functions-key': keys.host })).toBe(401);
      expect(await status('guarded-more', { 'x-functions-key': keys.master })).toBe(200);
      expect(await status('text')).toBe(200);
      const tick = { method: 'POST', body: '{}', headers: { 'content-type': 'application/json' } };
      expect((await fetch(`${guarded.url}/admin/functions/tick`, tick)).status).toBe(401);
    } finally {
      await guarded.close();
    }
  });
});
