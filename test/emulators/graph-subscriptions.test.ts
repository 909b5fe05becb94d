import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import {
  amara,
  appId,
  fetchToken,
  inMinutes,
  readError,
  readList,
  startFixture,
  startHook,
  subscribe,
  subscriptionBody,
  until,
  type Answer,
  type GraphFixture,
  type Hook,
  like,
} from './graph-fixture.ts';

let fixture: GraphFixture;
let hook: Hook;

beforeAll(async () => {
  fixture = await startFixture();
});
afterAll(() => fixture.emulator.close());
beforeEach(async () => {
  fixture.emulator.reset();
  hook = await startHook();
});
afterEach(() => hook.close());

const inbox = `users/${amara.id}/mailFolders('inbox')/messages`;

function create(more: Record<string, unknown> = {}): Promise<Answer> {
  const body = {
    changeType: 'created',
    notificationUrl: hook.url,
    resource: inbox,
    expirationDateTime: inMinutes(10_000),
    ...more,
  };
  return fixture.call('POST', '/subscriptions', { body });
}

async function refusal(more: Record<string, unknown>): Promise<[status: number, code: string, message: string]> {
  const answer = await create(more);
  const { code, message } = readError(answer);
  return [answer.status, code, message];
}

test('creates through the SDK after a handshake with both URLs, and answers the documented object', async () => {
  const expirationDateTime = '2026-11-27T08:15:42.1184302Z';
  fixture.emulator.control.advanceClock(Date.UTC(2026, 10, 21, 9) - Date.now());
  const lifecycle = hook.url.replace('notifications', 'lifecycle');
  const body = {
    changeType: 'created',
    notificationUrl: hook.url,
    lifecycleNotificationUrl: lifecycle,
    resource: inbox,
    expirationDateTime,
    clientState: 's',
    latestSupportedTlsVersion: 'v1_2',
  };
  const created: unknown = await fixture.client.api('/subscriptions').post(body);
  expect(created).toEqual({
    '@odata.context': like(/\$metadata#subscriptions\/\$entity/),
    id: like(/^[0-9a-f-]{36}$/),
    resource: inbox,
    applicationId: appId,
    changeType: 'created',
    clientState: 's',
    notificationUrl: hook.url,
    notificationQueryOptions: null,
    notificationContentType: null,
    lifecycleNotificationUrl: lifecycle,
    expirationDateTime,
    creatorId: like(/^[0-9a-f-]{36}$/),
    includeResourceData: null,
    latestSupportedTlsVersion: 'v1_2',
    encryptionCertificate: null,
    encryptionCertificateId: null,
    notificationUrlAppId: null,
  });
  expect(hook.handshakes.map(({ contentType }) => contentType)).toEqual(Array(2).fill('text/plain; charset=utf-8'));
  expect(hook.handshakes[0]?.url).toMatch(/^\/api\/notifications\?app=1234&validationToken=[^&]+$/);
  expect(hook.handshakes[1]?.url).toContain('/api/lifecycle?app=1234&validationToken=');
  expect(fixture.emulator.counters().handshakes).toBe(2);
});

test('asks the same URL twice when it serves for both', async () => {
  await subscribe(fixture, hook, { lifecycleNotificationUrl: hook.url });
  expect(hook.handshakes).toHaveLength(2);
});

test('refuses with ValidationError when the endpoint does not answer 200 or not the decoded token as text', async () => {
  const reasons: [Hook['echo'], string][] = [
    [(token) => ({ status: 202, body: token, contentType: 'text/plain' }), 'must respond with 200 OK'],
    [(token) => ({ status: 200, body: encodeURIComponent(token), contentType: 'text/plain' }), 'must exactly match'],
    [(token) => ({ status: 200, body: JSON.stringify(token), contentType: 'text/plain' }), 'must exactly match'],
    [(token) => ({ status: 200, body: token, contentType: 'application/json' }), 'must exactly match'],
  ];
  for (const [echo, reason] of reasons) {
    hook.echo = echo;
    const [status, code, message] = await refusal({});
    expect([status, code]).toEqual([400, 'ValidationError']);
    expect(message).toContain(reason);
  }
  expect(fixture.emulator.control.subscriptions()).toEqual([]);
  expect(fixture.emulator.counters().handshakesFailed).toBe(4);
});

test('refuses when the handshake takes too long or nobody listens', async () => {
  fixture.emulator.control.setKnobs({ handshakeTimeoutMs: 50 });
  const silent = hook.server.listeners('request');
  hook.server.removeAllListeners('request').on('request', () => {});
  expect(await refusal({})).toEqual([400, 'InvalidRequest', 'Subscription validation request timed out.']);
  for (const listener of silent)
    hook.server.on('request', (incoming, outgoing) => void Reflect.apply(listener, hook.server, [incoming, outgoing]));
  const [status, code] = await refusal({ notificationUrl: 'http://127.0.0.1:1/nobody' });
  expect([status, code]).toEqual([400, 'ValidationError']);
});

test('refuses URLs that are not https or loopback, so that no traffic leaves the machine', async () => {
  for (const notificationUrl of [
    'http://hooks.contoso.example/api',
    'https://hooks.contoso.example/api',
    'ftp://127.0.0.1/',
    'nonsense',
  ]) {
    const [status, code] = await refusal({ notificationUrl });
    expect([status, code]).toEqual([400, 'InvalidRequest']);
  }
  expect(hook.handshakes).toEqual([]);
});

test('raises a short lifetime to 45 minutes in silence and refuses one of over 10,080 minutes', async () => {
  const short = subscriptionBody.parse((await create({ expirationDateTime: inMinutes(1) })).body);
  expect(Date.parse(short.expirationDateTime)).toBeGreaterThan(Date.now() + 44 * 60_000);
  const [status, code, message] = await refusal({ changeType: 'deleted', expirationDateTime: inMinutes(10_085) });
  expect([status, code, message]).toEqual([
    400,
    'ExtensionError',
    'Subscription expiration can only be 10080 minutes in the future.',
  ]);
  fixture.emulator.control.setKnobs({ subscriptionMaximumMinutes: 4_230 });
  expect((await refusal({ changeType: 'deleted' }))[2]).toContain('4230 minutes');
});

test('refuses a second subscription on the same change types and resource with 409 and its id, however it is spelled', async () => {
  const { id } = await subscribe(fixture, hook, { changeType: 'created,updated' });
  const again = { changeType: 'updated,created', resource: `/Users/${amara.address}/mailFolders/Inbox/messages` };
  expect(await refusal(again)).toEqual([
    409,
    'Conflict',
    `Subscription Id ${id} already exists for the requested combination`,
  ]);
  expect((await create({ changeType: 'created' })).status).toBe(201);
  expect((await create({ changeType: 'created,updated', resource: `users/${amara.id}/messages` })).status).toBe(201);
});

test('two creates at once cannot both win', async () => {
  const answers = await Promise.all([create(), create()]);
  expect(answers.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([201, 409]);
});

test('says clearly what is wrong with a request', async () => {
  expect((await refusal({ resource: undefined }))[2]).toBe('resource is a required property for subscription creation');
  expect((await refusal({ expirationDateTime: '2026-11-27T08:15:42' }))[0]).toBe(400);
  expect((await refusal({ changeType: 'moved' }))[0]).toBe(400);
  expect((await refusal({ clientState: 'x'.repeat(129) }))[0]).toBe(400);
  expect((await refusal({ includeResourceData: true }))[2]).toContain('not supported by this emulator');
  expect((await refusal({ resource: 'users' }))[0]).toBe(400);
  expect((await refusal({ resource: 'me/messages' }))[2]).toContain('delegated');
});

test('refuses mailboxes that are absent, closed or without REST API in the words of the service', async () => {
  const absent = await refusal({ resource: 'users/nobody@contoso.example/messages' });
  expect(absent).toEqual([
    404,
    'ResourceNotFound',
    'Operation: Create; Exception: [Status Code: NotFound; Reason: The requested user was not found.]',
  ]);
  fixture.emulator.control.setMailboxState(amara.id, 'accessDenied');
  expect(await refusal({})).toEqual([
    403,
    'ExtensionError',
    'Operation: Create; Exception: [Status Code: Forbidden; Reason: Access is denied. Check credentials and try again.]',
  ]);
  fixture.emulator.control.setMailboxState(amara.id, 'notEnabled');
  expect((await refusal({})).slice(0, 2)).toEqual([404, 'ResourceNotFound']);
  fixture.emulator.control.setMailboxState(amara.id, 'active');
  fixture.emulator.control.setKnobs({ subscriptionsPerMailbox: 1 });
  await create();
  expect((await refusal({ changeType: 'deleted' })).slice(0, 2)).toEqual([403, 'Forbidden']);
});

test('lists in pages with links and hides the client state there', async () => {
  for (const changeType of ['created', 'updated', 'deleted']) await subscribe(fixture, hook, { changeType });
  fixture.emulator.control.setKnobs({ subscriptionPageSize: 2 });
  const first = readList(await fixture.call('GET', '/subscriptions'));
  const rest = readList(await fixture.call('GET', first['@odata.nextLink'] ?? ''));
  expect([first.value.length, rest.value.length, rest['@odata.nextLink']]).toEqual([2, 1, undefined]);
  expect([...first.value, ...rest.value].map((each) => each['clientState'])).toEqual([null, null, null]);
});

test('belongs to the app that made it: another one neither sees nor renews it', async () => {
  const { id } = await subscribe(fixture, hook);
  const other = await fetchToken(fixture.emulator, '7f2f5f0e-26f8-4a26-a1f4-6a1d6bf10a11');
  const headers = { Authorization: `Bearer ${other}` };
  expect(readList(await fixture.call('GET', '/subscriptions', { headers })).value).toEqual([]);
  const renewal = { body: { expirationDateTime: inMinutes(9_000) }, headers };
  expect((await fixture.call('PATCH', `/subscriptions/${id}`, renewal)).status).toBe(404);
  expect((await fixture.call('GET', `/subscriptions/${id}`)).body).toMatchObject({ id, clientState: 'state-1' });
});

test('renews with PATCH, and answers 404 ResourceNotFound once it is gone', async () => {
  const { id } = await subscribe(fixture, hook, { expirationDateTime: inMinutes(60) });
  const expirationDateTime = inMinutes(5_000);
  const renewed: unknown = await fixture.client.api(`/subscriptions/${id}`).patch({ expirationDateTime });
  expect(renewed).toMatchObject({ id, expirationDateTime });
  expect((await fixture.call('PATCH', `/subscriptions/${id}`, { body: {} })).status).toBe(400);
  expect((await fixture.call('DELETE', `/subscriptions/${id}`)).status).toBe(204);
  const gone = await fixture.call('PATCH', `/subscriptions/${id}`, { body: { expirationDateTime } });
  expect([gone.status, readError(gone).code]).toEqual([404, 'ResourceNotFound']);
});

test('ends by the clock of the emulator', async () => {
  const { id } = await subscribe(fixture, hook, { expirationDateTime: inMinutes(60) });
  fixture.emulator.control.advanceClock(61 * 60_000);
  expect((await fixture.call('GET', `/subscriptions/${id}`)).status).toBe(404);
  expect((await create({ expirationDateTime: inMinutes(200) })).status).toBe(201);
});

test('reauthorizes without moving the expiry, and counts PATCH and reauthorize within ten minutes', async () => {
  const { id, expirationDateTime } = await subscribe(fixture, hook, { expirationDateTime: inMinutes(600) });
  const reauthorize = (): Promise<Answer> => fixture.call('POST', `/subscriptions/${id}/reauthorize`);
  const answer = await reauthorize();
  expect([answer.status, answer.text]).toEqual([204, '']);
  expect((await fixture.call('GET', `/subscriptions/${id}`)).body).toMatchObject({ expirationDateTime });
  fixture.emulator.control.advanceClock(11 * 60_000);
  await fixture.call('PATCH', `/subscriptions/${id}`, { body: { expirationDateTime: inMinutes(700) } });
  expect(fixture.emulator.counters().patchReauthorizeConflicts).toBe(0);
  fixture.emulator.control.advanceClock(9 * 60_000);
  await reauthorize();
  expect(fixture.emulator.counters().patchReauthorizeConflicts).toBe(1);
});

test('shakes hands again when the URL changes, and on every renewal if the knob says so', async () => {
  const { id } = await subscribe(fixture, hook, { lifecycleNotificationUrl: null });
  await fixture.call('PATCH', `/subscriptions/${id}`, { body: { expirationDateTime: inMinutes(900) } });
  expect(hook.handshakes).toHaveLength(1);
  const moved = await fixture.call('PATCH', `/subscriptions/${id}`, {
    body: { notificationUrl: `${hook.url}&moved=1` },
  });
  expect([moved.status, hook.handshakes.length]).toEqual([200, 2]);
  fixture.emulator.control.setKnobs({ validateOnRenew: true });
  hook.echo = () => ({ status: 500, body: '', contentType: 'text/plain' });
  const refused = await fixture.call('PATCH', `/subscriptions/${id}`, { body: { expirationDateTime: inMinutes(999) } });
  expect([refused.status, readError(refused).code]).toEqual([400, 'ValidationError']);
});

test('control sees everything about subscriptions and can remove one behind the back', async () => {
  const { id } = await subscribe(fixture, hook);
  const listed = await fixture.control('GET', 'subscriptions');
  expect(listed.body).toMatchObject([{ id, clientState: 'state-1', immutableIds: true, changeTypes: ['created'] }]);
  expect((await fixture.control('DELETE', `subscriptions/${id}`)).status).toBe(204);
  expect((await fixture.call('GET', `/subscriptions/${id}`)).status).toBe(404);
  await until(() => fixture.emulator.control.notificationsIdle(), 'nothing is sent');
  expect(hook.posts).toEqual([]);
});
