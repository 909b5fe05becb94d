import type { HttpRequestInit } from '@azure/functions';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { signClientState } from '../../../shared/domain/client-state.ts';
import { notificationEndpoint } from '../../../shared/triggers/notification-endpoint.ts';
import { type App, startApp } from '../../support/app-under-test.ts';
import { aNotification, INBOX_KEY, MAILBOX, TENANT } from '../../support/builders.ts';
import { aSigningKey } from '../../support/fakes/key-ring-fake.ts';
import { makeWorld, START, type World } from '../../support/in-memory-ports.ts';
import { anInvocation, aRequest } from '../../support/invocation.ts';

const key = aSigningKey('first', new Date(START - 86_400_000));
const clientState = signClientState(key, { tenant: TENANT, mailbox: MAILBOX, folder: INBOX_KEY });
const FOUR_MIB = 4 * 1024 * 1024;

let world: World;
let app: App;
let lines: string[];

beforeEach(async () => {
  world = makeWorld();
  world.keys.keys = [key];
  app = startApp(world);
  await app.ports.keys.refresh();
  app.gate.calls.length = 0;
  lines = [];
});

afterEach(() => {
  vi.restoreAllMocks();
});

const send = (init: HttpRequestInit, receive: App['receiveNotifications'] | undefined = app.receiveNotifications) =>
  notificationEndpoint(receive)(aRequest(init), anInvocation(lines));
const post = (body: unknown) => send({ body: { string: typeof body === 'string' ? body : JSON.stringify(body) } });
const handshake = (query: string) => send({ url: `https://ingest.test/api/notifications${query}` });

describe('the handshake', () => {
  it.each([
    ['?validationToken=abc', 'abc'],
    ['?app=mark&validationToken=abc', 'abc'],
    ['?validationToken=Validation%3A+Testing+client', 'Validation: Testing client'],
    ['?validationToken=a%2Bb%20c%26d%3De%25', 'a+b c&d=e%'],
    ['?validationToken=%C3%BC%E2%9C%93', 'ü✓'],
    ['?validationToken=%3Cscript%3Ealert(1)%3C%2Fscript%3E', '<script>alert(1)</script>'],
    [`?validationToken=${'x'.repeat(4096)}`, 'x'.repeat(4096)],
  ])('echoes the decoded token: %s [F11, T05]', async (query, token) => {
    const response = await handshake(query);
    expect(response).toMatchObject({ status: 200, body: token });
    expect(new Headers(response.headers).get('content-type')).toMatch(/^text\/plain\b/);
  });

  it('gives nothing that a browser would run [T05]', async () => {
    const { headers } = await handshake('?validationToken=%3Cscript%3E');
    const sent = new Headers(headers);
    expect(sent.get('x-content-type-options')).toBe('nosniff');
    expect(sent.get('content-security-policy')).toBe("default-src 'none'");
    expect(sent.get('cache-control')).toBe('no-store');
  });

  it.each([
    '?validationToken=',
    '?validationToken=a%0D%0ASet-Cookie%3A%20x',
    '?validationToken=a%00b',
    '?validationToken=a%1B%5B31m',
    '?validationToken=a%C2%85b',
    `?validationToken=${'x'.repeat(4097)}`,
  ])('refuses a token that is no token: %s [T05]', async (query) => {
    const response = await handshake(query);
    expect(response.status).toBe(400);
    expect(response.body).toBeUndefined();
  });

  it('works without any settings, so that subscriptions survive [F11, F78]', async () => {
    const url = 'https://ingest.test/api/notifications?validationToken=abc';
    expect(await notificationEndpoint(undefined)(aRequest({ url }), anInvocation())).toMatchObject({ status: 200 });
  });

  it('asks nobody [F11]', async () => {
    await handshake('?validationToken=abc');
    expect(app.gate.calls).toEqual([]);
  });
});

describe('a notification', () => {
  it('that is genuine is answered with 202 once its ring is stored [F09, F71]', async () => {
    expect(await post({ value: [aNotification({ clientState })] })).toEqual({ status: 202 });
    expect(world.workQueue.sent).toHaveLength(1);
    expect(app.gate.calls).toEqual(['workQueue.send']);
  });

  it('that is forged is answered with 202 too, rings nobody, and is counted [T01]', async () => {
    const forged = aNotification({ clientState: `${clientState.slice(0, -4)}AAAA` });
    expect(await post({ value: [forged, { ...forged, clientState: null }] })).toEqual({ status: 202 });
    expect(app.gate.calls).toEqual([]);
    expect(lines.join('\n')).toContain('"count":2');
  });

  it('that is forged does not spoil the genuine ones beside it [F06]', async () => {
    const forged = aNotification({ clientState: 'forged' });
    await post({ value: [forged, aNotification({ clientState })] });
    expect(world.workQueue.sent).toHaveLength(1);
  });

  it.each(['', '{', 'null', '5', '"text"', '[]', '{}', '{"value":null}', '{"value":{}}', '<xml/>'])(
    'that is none is answered with 400: %s',
    async (body) => {
      expect(await post(body)).toEqual({ status: 400 });
      expect(app.gate.calls).toEqual([]);
    },
  );

  it('in bytes that are no UTF-8 is answered with 400 [F08]', async () => {
    expect(await send({ body: { bytes: Uint8Array.from([0x7b, 0xff, 0xfe, 0x7d]) } })).toEqual({ status: 400 });
  });

  it('without items is answered with 202', async () => {
    expect(await post({ value: [] })).toEqual({ status: 202 });
    expect(app.gate.calls).toEqual([]);
  });

  it('nested as deep as JSON goes breaks nothing [T06]', async () => {
    const deep = `${'['.repeat(100_000)}${']'.repeat(100_000)}`;
    expect((await post(`{"value":${deep}}`)).status).toBeLessThan(500);
  });
});

describe('a body that is too large', () => {
  it('is answered with 413, whatever it holds [T06]', async () => {
    expect(await post(' '.repeat(FOUR_MIB + 1))).toEqual({ status: 413 });
  });

  it('is not even read where its length is announced [T06]', async () => {
    const response = await send({ headers: { 'content-length': String(FOUR_MIB + 1) }, body: { string: '{}' } });
    expect(response).toEqual({ status: 413 });
  });

  it('is counted in bytes, not characters [T06]', async () => {
    expect(await post('€'.repeat(FOUR_MIB / 2))).toEqual({ status: 413 });
  });

  it('is taken up to the limit', async () => {
    const body = JSON.stringify({ value: [aNotification({ clientState })] });
    expect(await post(body + ' '.repeat(FOUR_MIB - Buffer.byteLength(body)))).toEqual({ status: 202 });
  });

  it('lies about its length in vain [T06]', async () => {
    const init = { headers: { 'content-length': '10' }, body: { string: ' '.repeat(FOUR_MIB + 1) } };
    expect(await send(init)).toEqual({ status: 413 });
  });
});

describe('an endpoint that cannot store', () => {
  it('answers 503 without settings [F78]', async () => {
    const request = aRequest({ body: { string: '{"value":[]}' } });
    expect(await notificationEndpoint(undefined)(request, anInvocation())).toEqual({ status: 503 });
  });

  it('answers 503 while the keys are not loaded [F09]', async () => {
    app = startApp(world);
    expect(await post({ value: [aNotification({ clientState })] })).toEqual({ status: 503 });
    expect(world.workQueue.sent).toEqual([]);
  });

  it('answers 503 when the queue refuses [F09]', async () => {
    app.gate.inject({ call: 'workQueue.send', kind: 'error' });
    expect(await post({ value: [aNotification({ clientState })] })).toEqual({ status: 503 });
  });

  it('answers 503 when the queue does not answer in time, before Graph gives up [F09, F13]', async () => {
    const deadline = new AbortController();
    const timeout = vi.spyOn(AbortSignal, 'timeout').mockReturnValue(deadline.signal);
    app.gate.inject({ call: 'workQueue.send', kind: 'crash' });
    const answering = post({ value: [aNotification({ clientState })] });
    await vi.waitFor(() => expect(app.gate.calls).toContain('workQueue.send'));
    deadline.abort();
    expect(await answering).toEqual({ status: 503 });
    expect(timeout.mock.calls[0]?.[0]).toBeLessThan(3_000);
  });

  it('answers 503 in time even where the send ignores its signal [F09, F13]', async () => {
    const deadline = new AbortController();
    vi.spyOn(AbortSignal, 'timeout').mockReturnValue(deadline.signal);
    const answering = send({ body: { string: '{"value":[]}' } }, () => new Promise(() => undefined));
    deadline.abort();
    expect(await answering).toEqual({ status: 503 });
  }, 2_000);

  it('answers 503 when the time was over before the keys were asked for [F13]', async () => {
    vi.spyOn(AbortSignal, 'timeout').mockReturnValue(AbortSignal.abort());
    expect(await post({ value: [aNotification({ clientState })] })).toEqual({ status: 503 });
  });
});
