import type { HttpMethod, HttpRequestInit } from '@azure/functions';
import { beforeEach, describe, expect, it } from 'vitest';
import { adminEndpoint, type Authorize } from '../../../shared/triggers/admin-endpoint.ts';
import { type App, oneMailbox } from '../../support/app-under-test.ts';
import { MAILBOX } from '../../support/builders.ts';
import type { World } from '../../support/in-memory-ports.ts';
import { anInvocation, aRequest } from '../../support/invocation.ts';

const ADDED = { id: '99999999-2222-4333-8444-555555555555', address: 'support@northwind.example' };

let world: World;
let app: App;
let lines: string[];

beforeEach(async () => {
  ({ world, app } = oneMailbox());
  world.tenant.addUser(ADDED.id, ADDED.address);
  await app.ports.keys.refresh();
  app.gate.calls.length = 0;
  lines = [];
});

const allow: Authorize = () => Promise.resolve(undefined);

const ask = (
  method: HttpMethod,
  params: { id?: string; action?: string } = {},
  init: HttpRequestInit = {},
  authorize = allow,
) => {
  const path = [params.id, params.action].filter((part) => part !== undefined).join('/');
  const url = `https://ingest.test/api/mailboxes/${path}`;
  return adminEndpoint(app.manageMailboxes, authorize)(
    aRequest({ method, url, params: { ...params }, ...init }),
    anInvocation(lines),
  );
};
const json = (body: unknown) => ({ body: { string: JSON.stringify(body) } });

describe('GET /api/mailboxes', () => {
  it('lists every mailbox with its folders, whose state says whose move it is', async () => {
    expect(await ask('GET')).toMatchObject({
      status: 200,
      jsonBody: {
        mailboxes: [{ id: MAILBOX, source: 'settings', folders: [{ folder: 'inbox', state: 'active', move: 'none' }] }],
      },
    });
  });

  it('of one shows its unfinished mails', async () => {
    expect(await ask('GET', { id: MAILBOX })).toMatchObject({ status: 200, jsonBody: { id: MAILBOX, unfinished: [] } });
    expect((await ask('GET', { id: 'SALES@northwind.example' })).status).toBe(200);
  });

  it('of one that is not watched is 404', async () => {
    expect((await ask('GET', { id: 'nobody@northwind.example' })).status).toBe(404);
  });
});

describe('POST /api/mailboxes', () => {
  it('watches a mailbox', async () => {
    expect(await ask('POST', {}, json({ mailbox: ADDED.address }))).toMatchObject({
      status: 200,
      jsonBody: { id: ADDED.id, source: 'admin', folders: [{ state: 'active' }] },
    });
  });

  it.each([
    ['nothing', {}],
    ['no JSON', { body: { string: 'mailbox=a' } }],
    ['no mailbox', json({})],
    ['an empty one', json({ mailbox: '' })],
    ['one that is no text', json({ mailbox: ['a@b.example'] })],
    ['one that is too long', json({ mailbox: `${'a'.repeat(320)}@b.example` })],
    ['null', json(null)],
  ])('with %s is 400 and asks nobody', async (_, init) => {
    expect((await ask('POST', {}, init)).status).toBe(400);
    expect(app.gate.calls).toEqual([]);
  });

  it('for nobody is 404, for one out of reach 403', async () => {
    expect((await ask('POST', {}, json({ mailbox: 'nobody@northwind.example' }))).status).toBe(404);
    world.tenant.troubles.set('hidden@northwind.example', 'no-access');
    expect((await ask('POST', {}, json({ mailbox: 'hidden@northwind.example' }))).status).toBe(403);
  });
});

describe('DELETE /api/mailboxes/{id}', () => {
  it('refuses what is named in the settings', async () => {
    expect((await ask('DELETE', { id: MAILBOX })).status).toBe(409);
    expect(world.subscriptions.live()).toHaveLength(1);
  });

  it('stops what an administrator added', async () => {
    await ask('POST', {}, json({ mailbox: ADDED.address }));
    expect(await ask('DELETE', { id: ADDED.id })).toMatchObject({ status: 200, jsonBody: { erased: [] } });
    expect(await ask('GET', { id: ADDED.id })).toMatchObject({ jsonBody: { folders: [{ state: 'stopped' }] } });
  });

  it('is answered 503 with what was erased so far where an erasure breaks off [T29]', async () => {
    await ask('POST', {}, json({ mailbox: ADDED.address }));
    app.gate.inject({ call: 'folders.remove', nth: 1, kind: 'error' });
    expect(await ask('DELETE', { id: ADDED.id }, { query: { erase: 'true' } })).toMatchObject({
      status: 503,
      jsonBody: { erased: [] },
    });
  });

  it.each([
    ['true', 404],
    ['', 200],
    ['1', 200],
  ])('erases only when asked to in so many words: erase=%s [T29]', async (erase, after) => {
    await ask('POST', {}, json({ mailbox: ADDED.address }));
    await ask('DELETE', { id: ADDED.id }, { query: { erase } });
    expect((await ask('GET', { id: ADDED.id })).status).toBe(after);
  });

  it('of one that is not watched is 404', async () => {
    expect((await ask('DELETE', { id: ADDED.id })).status).toBe(404);
  });
});

describe('POST /api/mailboxes/{id}/sync', () => {
  it.each([{}, json({}), json({ retryParked: false }), json({ replayFrom: '2026-10-12T00:00:00Z' })])(
    'rings the mailbox: %o',
    async (init) => {
      expect(await ask('POST', { id: MAILBOX, action: 'sync' }, init)).toEqual({
        status: 200,
        jsonBody: { rung: true, retried: 0 },
      });
      expect(world.workQueue.sent.map(({ ring }) => ring)).toEqual([
        { mailbox: MAILBOX, folders: [], ids: [], look: 'operator' },
      ]);
    },
  );

  it.each([
    json({ retryParked: 'yes' }),
    json({ retry: true }),
    json({ replayFrom: 'monday' }),
    json({ replayFrom: 5 }),
    json([]),
  ])('refuses a body it does not know: %o', async (init) => {
    expect((await ask('POST', { id: MAILBOX, action: 'sync' }, init)).status).toBe(400);
    expect(world.workQueue.sent).toEqual([]);
  });

  it('refuses a body that is no JSON: a typing error must not pass for an order', async () => {
    const init = { body: { string: '{"retryParked": tru' } };
    expect((await ask('POST', { id: MAILBOX, action: 'sync' }, init)).status).toBe(400);
  });

  it('of one that is not watched is 404', async () => {
    expect((await ask('POST', { id: ADDED.id, action: 'sync' })).status).toBe(404);
  });
});

describe('a request that is none of these', () => {
  it.each([
    ['POST', { id: MAILBOX }, 405],
    ['DELETE', {}, 405],
    ['PUT', {}, 405],
    ['GET', { id: MAILBOX, action: 'sync' }, 404],
    ['DELETE', { id: MAILBOX, action: 'sync' }, 404],
    ['POST', { id: MAILBOX, action: 'erase' }, 404],
    ['POST', { id: '', action: 'sync' }, 404],
  ] as const)('changes nothing: %s %o', async (method, params, status) => {
    const before = JSON.stringify([world.folders.all(), world.subscriptions.live()]);
    expect((await ask(method, params, json({ mailbox: ADDED.address }))).status).toBe(status);
    expect(JSON.stringify([world.folders.all(), world.subscriptions.live()])).toBe(before);
    expect(world.workQueue.sent).toEqual([]);
  });
});

describe('whoever may not', () => {
  it.each([
    ['unauthorized', 401],
    ['forbidden', 403],
  ] as const)('gets no further: %s [T21]', async (verdict, status) => {
    const seen: (string | null)[] = [];
    const deny: Authorize = (authorization) => {
      seen.push(authorization);
      return Promise.resolve(verdict);
    };
    const init = { headers: { Authorization: 'Bearer x.y.z' }, ...json({ mailbox: ADDED.address }) };
    expect(await ask('POST', {}, init, deny)).toEqual({ status });
    expect(seen).toEqual(['Bearer x.y.z']);
    expect(app.gate.calls).toEqual([]);
  });

  it('is told to come back when the keys to judge by cannot be had [T21]', async () => {
    const broken: Authorize = () => Promise.reject(new Error('no network'));
    expect((await ask('GET', {}, {}, broken)).status).toBe(503);
  });
});

it('an outage is 503, with no word of what went wrong inside', async () => {
  app.gate.inject({ call: 'folders.list', kind: 'error', error: () => new Error('AccountKey=secret') });
  const response = await ask('GET');
  expect(response.status).toBe(503);
  expect(JSON.stringify(response) + lines.join('')).not.toContain('secret');
});
