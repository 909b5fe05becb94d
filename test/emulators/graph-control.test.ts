import { request } from 'node:http';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { startGraphEmulator } from '../../local/graph/graph-emulator.ts';
import {
  amara,
  appId,
  immutable,
  readError,
  readList,
  sales,
  startFixture,
  tenantId,
  type GraphFixture,
  like,
  including,
} from './graph-fixture.ts';

let fixture: GraphFixture;

beforeAll(async () => {
  fixture = await startFixture();
});
afterAll(() => fixture.emulator.close());
beforeEach(() => {
  fixture.emulator.reset();
});

const messages = `/users/${amara.id}/messages`;

test('takes raw RFC 822 bytes for a user, by id or address, into any folder, received at any time', async () => {
  const raw = Buffer.from('From: a@b.example\r\nSubject: raw \xe9\r\nMessage-ID: <raw@b>\r\n\r\n\xff\xfe', 'latin1');
  const url = `${fixture.emulator.url}/control/users/${amara.address}/eml?received=2026-11-01T10:00:00Z&folder=junkemail`;
  const answer = await fetch(url, { method: 'POST', body: raw });
  const delivered: unknown = await answer.json();
  expect(delivered).toEqual({
    id: like(/^AAMk/),
    immutableId: like(/^AAkA/),
    internetMessageId: '<raw@b>',
  });
  const { value } = readList(await fixture.call('GET', `/users/${amara.id}/mailFolders/junkemail/messages`));
  expect(value).toMatchObject([{ subject: 'raw é', receivedDateTime: '2026-11-01T10:00:00Z' }]);
  const mime = await fetch(`${fixture.emulator.graphUrl}${messages}/${value[0]?.id}/$value`, {
    headers: { Authorization: `Bearer ${fixture.token}` },
  });
  expect(Buffer.from(await mime.arrayBuffer()).equals(raw)).toBe(true);
});

test('says what is wrong with a control request and whose it is', async () => {
  const post = (path: string, body: unknown): ReturnType<GraphFixture['control']> =>
    fixture.control('POST', path, body);
  expect((await fixture.control('POST', 'users/nobody@x.example/eml')).text).toContain('has no user');
  expect((await fixture.control('POST', `users/${amara.id}/eml?folder=nowhere`)).text).toContain('has no folder');
  expect((await fixture.control('POST', `users/${amara.id}/eml?received=soon`)).status).toBe(400);
  expect((await post('knobs', { nonsense: 1 })).status).toBe(400);
  expect((await post('faults', { kind: 'nonsense' })).status).toBe(400);
  expect((await fixture.control('GET', 'nonsense')).body).toMatchObject({
    routes: including('GET counters'),
  });
});

test('advances the clock that receipt times, the Date header and expiries go by', async () => {
  const before = Date.parse((await fixture.call('GET', '/users')).headers.get('date') ?? '');
  expect((await fixture.control('POST', 'clock', { advanceMs: 86_400_000 })).body).toMatchObject({
    offsetMs: 86_400_000,
  });
  const after = Date.parse((await fixture.call('GET', '/users')).headers.get('date') ?? '');
  expect(after - before).toBeGreaterThanOrEqual(86_400_000);
  const { id } = fixture.deliver();
  const message = await fixture.call('GET', `${messages}/${id}?$select=receivedDateTime`);
  expect(message.text).toContain(new Date(after).toISOString().slice(0, 10));
});

test('counts requests by kind, and mail requests apart from set-up', async () => {
  const { id } = fixture.deliver();
  for (const path of [
    messages,
    `${messages}/${id}`,
    `${messages}/${id}/attachments`,
    `${messages}/${id}/$value`,
    `/users/${amara.id}/mailFolders/inbox/messages/delta`,
    '/users',
    `/users/${amara.id}`,
    '/subscriptions',
    '/nowhere',
  ]) {
    await fixture.call('GET', path);
  }
  const counted = await fixture.control('GET', 'counters');
  expect(counted.body).toMatchObject({
    requests: {
      messageList: 1,
      message: 1,
      attachment: 1,
      mime: 1,
      delta: 1,
      userList: 1,
      user: 1,
      subscriptionList: 1,
      other: 1,
    },
    mailRequests: 5,
    httpRequests: 9,
    mailsDelivered: 1,
  });
  expect((await fixture.control('POST', 'reset')).status).toBe(204);
  expect(fixture.emulator.counters().mailRequests).toBe(0);
});

test('faults strike by kind, method, path, share and count, and can be listed and taken away', async () => {
  const { control } = fixture.emulator;
  const id = control.addFault({
    kind: ['messageList', 'delta'],
    path: 'inbox',
    status: 503,
    code: 'ServiceUnavailable',
    retryAfter: 2.128,
    count: 1,
    skip: 1,
  });
  const inbox = (): ReturnType<GraphFixture['call']> =>
    fixture.call('GET', `/users/${amara.id}/mailFolders/inbox/messages`);
  expect((await inbox()).status).toBe(200);
  const struck = await inbox();
  expect([struck.status, struck.headers.get('retry-after'), readError(struck).code]).toEqual([
    503,
    '2.128',
    'ServiceUnavailable',
  ]);
  expect((await inbox()).status).toBe(200);
  expect(control.faults()).toMatchObject([{ id, struck: 1 }]);
  expect(control.removeFault(id)).toBe(true);
  control.addFault({ method: 'PATCH', status: 500 });
  expect((await inbox()).status).toBe(200);
  control.clearFaults();
  control.addFault({ status: 500, share: 0.5 });
  const statuses = new Set<number>();
  for (let index = 0; index < 40; index += 1) statuses.add((await fixture.call('GET', '/users')).status);
  expect(statuses).toEqual(new Set([200, 500]));
});

test('faults may cut the body short, answer HTML with 200, reset the connection or come late', async () => {
  const { control } = fixture.emulator;
  control.addFault({ kind: 'userList', truncateBody: 20, count: 1 });
  await expect(fixture.call('GET', '/users')).rejects.toThrow();
  control.addFault({ kind: 'userList', html: true, count: 1 });
  const html = await fixture.call('GET', '/users');
  expect([html.status, html.headers.get('content-type'), html.text.startsWith('<!DOCTYPE html>')]).toEqual([
    200,
    'text/html; charset=utf-8',
    true,
  ]);
  control.addFault({ kind: 'userList', reset: true, count: 1 });
  await expect(fixture.call('GET', '/users')).rejects.toThrow();
  control.addFault({ kind: 'userList', delayMs: 30_000, count: 1 });
  const impatient = fetch(`${fixture.emulator.graphUrl}/users`, {
    headers: { Authorization: `Bearer ${fixture.token}` },
    signal: AbortSignal.timeout(40),
  });
  await expect(impatient).rejects.toThrow();
  expect((await fixture.call('GET', '/users')).status).toBe(200);
  expect(fixture.emulator.counters().faultsInjected).toBe(4);
});

test('a fault after the work loses only the answer', async () => {
  fixture.emulator.control.addFault({ kind: 'messageWrite', reset: true, when: 'after', count: 1 });
  await expect(fixture.call('POST', messages, { body: { subject: 'done' } })).rejects.toThrow();
  expect(readList(await fixture.call('GET', messages)).value).toMatchObject([{ subject: 'done' }]);
});

test('a fault may be a claims challenge', async () => {
  fixture.emulator.control.addFault({ kind: 'userList', claimsChallenge: true, count: 1 });
  const answer = await fixture.call('GET', '/users');
  expect(answer.status).toBe(401);
  expect(answer.headers.get('www-authenticate')).toMatch(/error="insufficient_claims", claims="[A-Za-z0-9+/=]+"/);
});

test('adds and removes users, groups and members, and changes the state of mailboxes', async () => {
  const newcomer = { id: 'c8e1f4b2-07d6-49a3-8b5f-1e6d2c3a4b90', address: 'new@contoso.example' };
  expect((await fixture.control('POST', 'users', newcomer)).status).toBe(204);
  expect((await fixture.call('GET', `/users/${newcomer.address}/messages`)).status).toBe(200);
  expect((await fixture.control('POST', `users/${newcomer.id}/state`, { state: 'notEnabled' })).status).toBe(204);
  expect((await fixture.call('GET', `/users/${newcomer.id}/messages`)).status).toBe(404);
  expect((await fixture.control('DELETE', `users/${newcomer.id}`)).status).toBe(204);
  expect((await fixture.control('DELETE', `users/${newcomer.id}`)).status).toBe(404);
  const group = '0a0a0a0a-1111-4222-8333-444444444444';
  expect((await fixture.control('PUT', `groups/${group}`, { members: [sales.id] })).status).toBe(204);
  expect(readList(await fixture.call('GET', `/groups/${group}/members`)).value).toMatchObject([{ id: sales.id }]);
  expect((await fixture.control('DELETE', `groups/${group}`)).status).toBe(204);
  expect((await fixture.call('GET', `/groups/${group}/members`)).status).toBe(404);
});

test('lifecycle, notification plan, delta eviction, bulk mail and token revocation have routes', async () => {
  expect((await fixture.control('POST', 'lifecycle', { event: 'missed' })).body).toEqual({ announced: 0 });
  expect((await fixture.control('POST', 'notifications', { dropShare: 0.2 })).body).toMatchObject({ dropShare: 0.2 });
  expect((await fixture.control('GET', 'notifications')).body).toMatchObject({ dropShare: 0.2, idle: true });
  expect((await fixture.control('POST', 'delta/expire', { user: amara.id, folder: 'inbox' })).body).toEqual({
    folders: 1,
  });
  expect((await fixture.control('POST', `users/${amara.id}/bulk`, { count: 30, spacingMs: 1_000 })).body).toEqual({
    delivered: 30,
  });
  const listed = await fixture.control('GET', `users/${amara.id}/messages`);
  expect(listed.body).toHaveLength(30);
  expect((await fixture.control('POST', 'knobs', { seed: 7, defaultPageSize: 3 })).body).toMatchObject({
    seed: 7,
    defaultPageSize: 3,
  });
  expect(readList(await fixture.call('GET', messages)).value).toHaveLength(3);
  expect((await fixture.control('POST', 'tokens/revoke')).status).toBe(204);
  expect((await fixture.call('GET', messages)).status).toBe(401);
  fixture.emulator.reset();
  expect((await fixture.call('GET', messages)).status).toBe(200);
});

test('a reset brings back the users and groups of the start and leaves no mail', async () => {
  const group = { id: '0a0a0a0a-1111-4222-8333-444444444444', members: [amara.id] };
  const own = await startFixture({ groups: [group] });
  try {
    own.deliver();
    own.emulator.control.setGroup({ ...group, members: [] });
    own.emulator.control.removeUser(sales.id);
    own.emulator.reset();
    expect(readList(await own.call('GET', '/users')).value).toHaveLength(2);
    expect(readList(await own.call('GET', `/groups/${group.id}/members`)).value).toMatchObject([{ id: amara.id }]);
    expect(readList(await own.call('GET', messages, { prefer: immutable })).value).toEqual([]);
  } finally {
    await own.emulator.close();
  }
});

test('rejects when the port is taken, listens on loopback only, and frees the port when closed', async () => {
  const port = Number(new URL(fixture.emulator.url).port);
  await expect(startGraphEmulator({ port, tenantId, appId, users: [] })).rejects.toThrow('EADDRINUSE');
  const own = await startFixture();
  const freed = Number(new URL(own.emulator.url).port);
  await own.emulator.close();
  const again = await startGraphEmulator({ port: freed, tenantId, appId, users: [] });
  await again.close();
  await expect(fetch(again.url)).rejects.toThrow();
});

test('links in answers name the host that was called', async () => {
  for (let index = 0; index < 11; index += 1) fixture.deliver();
  const port = new URL(fixture.emulator.url).port;
  const text = await new Promise<string>((resolve, reject) => {
    const headers = { Authorization: `Bearer ${fixture.token}`, Host: `localhost:${port}` };
    const outgoing = request(`${fixture.emulator.graphUrl}${messages}?$select=id`, { headers }, (incoming) => {
      let body = '';
      incoming.on('data', (chunk: Buffer) => {
        body += chunk.toString();
      });
      incoming.on('end', () => resolve(body));
    });
    outgoing.on('error', reject);
    outgoing.end();
  });
  expect(text).toContain(`"@odata.nextLink":"http://localhost:${port}/v1.0${messages}?`);
});
