import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import {
  amara,
  immutable,
  inMinutes,
  readList,
  startFixture,
  startHook,
  subscribe,
  tenantId,
  until,
  type GraphFixture,
  type Hook,
  like,
  anyText,
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

const messages = `/users/${amara.id}/messages`;
const control = (): GraphFixture['emulator']['control'] => fixture.emulator.control;
const arrived = (count: number): Promise<void> => until(() => hook.items().length >= count, `${count} items arrive`);
/** Real seconds between POSTs would only make tests slow: the emulator's clock brings the next one. */
const nextSecond = (): void => control().advanceClock(1_000);

test('tells of a new mail in the documented form, with the id format that the create asked for', async () => {
  const { id } = await subscribe(fixture, hook);
  const mail = fixture.deliver();
  await arrived(1);
  const resource = `Users/${amara.id}/Messages/${mail.immutableId}`;
  expect(hook.items()).toEqual([
    {
      subscriptionId: id,
      subscriptionExpirationDateTime: like(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{7}\+00:00$/),
      changeType: 'created',
      resource,
      resourceData: {
        '@odata.type': '#Microsoft.Graph.Message',
        '@odata.id': resource,
        '@odata.etag': like(/^W\/"/),
        id: mail.immutableId,
      },
      clientState: 'state-1',
      tenantId,
    },
  ]);
  const body = {
    changeType: 'updated',
    notificationUrl: hook.url,
    resource: `users/${amara.id}/messages`,
    expirationDateTime: inMinutes(60),
  };
  await fixture.call('POST', '/subscriptions', { body });
  await fixture.call('PATCH', `${messages}/${mail.id}`, { body: { isRead: true } });
  nextSecond();
  await arrived(2);
  expect(hook.items()[1]).toMatchObject({ changeType: 'updated', resourceData: { id: mail.id } });
  expect(hook.items()[1]).not.toHaveProperty('clientState');
});

test('a lone first notification goes out at once, a burst in POSTs of up to twenty, one a second', async () => {
  await subscribe(fixture, hook);
  fixture.deliver();
  await arrived(1);
  control().deliverBulk(amara.id, { count: 45 });
  for (const expected of [1, 2, 3, 4]) {
    await until(() => hook.posts.length === expected && control().notifications() !== undefined, `POST ${expected}`);
    nextSecond();
  }
  await until(() => control().notificationsIdle(), 'all is sent');
  expect(hook.posts.map((post) => post.items.length)).toEqual([1, 20, 20, 5]);
  expect(fixture.emulator.counters()).toMatchObject({
    notificationPosts: 4,
    notificationItemsSent: 46,
    mailsDelivered: 46,
  });
});

test('mixes the subscriptions of an endpoint in its POSTs, so that a busy one starves no other', async () => {
  const busy = await subscribe(fixture, hook);
  const quiet = await subscribe(fixture, hook, { resource: `users/${amara.id}/mailFolders('archive')/messages` });
  fixture.deliver();
  await arrived(1);
  control().deliverBulk(amara.id, { count: 60 });
  fixture.deliver({ folder: 'archive' });
  nextSecond();
  await arrived(21);
  const second = hook.posts[1]?.items.map((item) => item.subscriptionId) ?? [];
  expect(second).toContain(busy.id);
  expect(second).toContain(quiet.id);
});

test('tells folder subscriptions of their folder only, and mailbox-wide ones of a move as deleted and created', async () => {
  const inbox = await subscribe(fixture, hook, { changeType: 'created,updated,deleted' });
  const whole = await subscribe(fixture, hook, {
    changeType: 'created,deleted',
    resource: `users/${amara.id}/messages`,
  });
  const { id } = fixture.deliver();
  await fixture.call('PATCH', `${messages}/${id}`, { body: { isRead: true } });
  await fixture.call('POST', `${messages}/${id}/move`, { body: { destinationId: 'archive' } });
  nextSecond();
  await arrived(6);
  const seenBy = (subscription: string): unknown[] =>
    hook
      .items()
      .filter((item) => item.subscriptionId === subscription)
      .map((item) => item.changeType);
  expect(seenBy(inbox.id)).toEqual(['created', 'updated', 'deleted']);
  expect(seenBy(whole.id)).toEqual(['created', 'deleted', 'created']);
  expect(new Set(hook.items().map((item) => item.resourceData?.id)).size).toBe(1);
});

test('with the filter isRead eq false, being read counts as deleted and being unread as created', async () => {
  await subscribe(fixture, hook, {
    changeType: 'created,updated,deleted',
    resource: `users/${amara.id}/messages?$filter=isRead eq false`,
  });
  const { id } = fixture.deliver();
  const patch = (body: Record<string, unknown>): Promise<unknown> =>
    fixture.call('PATCH', `${messages}/${id}`, { body });
  await patch({ categories: ['x'] });
  await patch({ isRead: true });
  await patch({ categories: [] });
  await patch({ isRead: false });
  nextSecond();
  await arrived(4);
  expect(hook.items().map((item) => item.changeType)).toEqual(['created', 'updated', 'deleted', 'created']);
});

test('tells of drafts like of any message in the scope', async () => {
  await subscribe(fixture, hook, { resource: `users/${amara.id}/messages` });
  await fixture.call('POST', messages, { body: { subject: 'draft' } });
  await arrived(1);
  const { value } = readList(await fixture.call('GET', `${messages}?$filter=isDraft eq true`, { prefer: immutable }));
  expect(hook.items()[0]?.resourceData?.id).toBe(value[0]?.id);
});

test('retries a refused POST with back-off for four hours, with the same items, and then gives them up', async () => {
  await subscribe(fixture, hook, { lifecycleNotificationUrl: null });
  hook.answer = () => ({ status: 503 });
  fixture.deliver();
  let attempts = 0;
  while (!control().notificationsIdle()) {
    attempts += 1;
    await until(
      () =>
        control()
          .deliveries()
          .filter((each) => each.kind === 'notification').length >= attempts,
      `attempt ${attempts}`,
    );
    control().advanceClock(10_000 * 2 ** Math.min(attempts - 1, 9));
  }
  const log = control()
    .deliveries()
    .filter((each) => each.kind === 'notification');
  expect(log.map((each) => each.attempt)).toEqual(log.map((_, index) => index + 1));
  expect(log.length).toBeGreaterThan(8);
  expect(new Set(hook.posts.map((post) => JSON.stringify(post.items))).size).toBe(1);
  expect(fixture.emulator.counters()).toMatchObject({ notificationItemsFailed: 1, notificationItemsSent: 0 });
});

test('a retry that is taken ends the matter', async () => {
  await subscribe(fixture, hook);
  hook.answer = (post) => ({ status: post === 1 ? 500 : 202 });
  fixture.deliver();
  await until(() => fixture.emulator.counters().notificationPostsFailed === 1, 'the first POST is refused');
  control().advanceClock(10_000);
  await arrived(2);
  await until(() => control().notificationsIdle(), 'the retry is taken');
  expect(fixture.emulator.counters()).toMatchObject({
    notificationPosts: 2,
    notificationItemsSent: 1,
    notificationItemsFailed: 0,
  });
});

test('an answer after the budget of the first attempt counts as none, so the same items come again', async () => {
  control().setKnobs({ notificationFirstTimeoutMs: 40 });
  await subscribe(fixture, hook);
  hook.answer = (post) => ({ status: 202, delayMs: post === 1 ? 5_000 : 0 });
  fixture.deliver();
  await until(() => fixture.emulator.counters().notificationPostsFailed === 1, 'the first POST times out');
  control().advanceClock(10_000);
  await arrived(2);
  expect(hook.items()[0]).toEqual(hook.items()[1]);
});

test('delays what comes by ten minutes while more than a tenth of the answers are slow', async () => {
  control().setKnobs({ endpointMinimumSamples: 1, endpointSlowMs: 20 });
  await subscribe(fixture, hook);
  hook.answer = () => ({ status: 202, delayMs: 40 });
  fixture.deliver();
  await until(() => fixture.emulator.counters().notificationItemsSent === 1, 'the first is sent');
  hook.answer = () => ({ status: 202 });
  const held = fixture.deliver();
  control().advanceClock(599_000);
  expect(control().notificationsIdle()).toBe(true);
  control().advanceClock(1_000);
  await arrived(2);
  expect(hook.items()[1]?.resourceData?.id).toBe(held.immutableId);
  expect(fixture.emulator.counters().notificationItemsDropped).toBe(0);
});

test('drops what comes while too many answers are far too late, and says missed ten minutes later', async () => {
  control().setKnobs({ endpointMinimumSamples: 1, endpointDropMs: 20 });
  const { id } = await subscribe(fixture, hook);
  hook.answer = () => ({ status: 202, delayMs: 40 });
  fixture.deliver();
  await until(() => fixture.emulator.counters().notificationItemsSent === 1, 'the first is sent');
  hook.answer = () => ({ status: 202 });
  fixture.deliver();
  expect(fixture.emulator.counters().notificationItemsDropped).toBe(1);
  control().advanceClock(600_000);
  await arrived(2);
  expect(hook.items()[1]).toMatchObject({ subscriptionId: id, lifecycleEvent: 'missed' });
  fixture.deliver();
  await arrived(3);
  expect(hook.items()[2]).toMatchObject({ changeType: 'created' });
});

test('loses, repeats, shuffles and delays as the plan says, and can be off entirely', async () => {
  await subscribe(fixture, hook);
  control().setNotifications({ off: true });
  fixture.deliver();
  expect(fixture.emulator.counters().notificationItemsDropped).toBe(1);
  control().setNotifications({ off: false, dropShare: 1 });
  fixture.deliver();
  expect(fixture.emulator.counters().notificationItemsDropped).toBe(2);
  control().setNotifications({ dropShare: 0, duplicateShare: 1, duplicates: 2 });
  const repeated = fixture.deliver();
  await arrived(3);
  expect(hook.items().map((item) => item.resourceData?.id)).toEqual(Array(3).fill(repeated.immutableId));
  control().setNotifications({ duplicateShare: 0, delayMs: 180_000 });
  const late = fixture.deliver();
  nextSecond();
  expect(hook.items()).toHaveLength(3);
  control().advanceClock(180_000);
  await arrived(4);
  expect(hook.items()[3]?.resourceData?.id).toBe(late.immutableId);
  control().setNotifications({ delayMs: 0, shuffle: true });
  nextSecond();
  const mails = control().deliverBulk(amara.id, { count: 20 });
  nextSecond();
  await arrived(24);
  const order = hook
    .items()
    .slice(4)
    .map((item) => item.resourceData?.id);
  expect(order).not.toEqual(mails.map((mail) => mail.immutableId));
  expect(new Set(order)).toEqual(new Set(mails.map((mail) => mail.immutableId)));
});

test('sends lifecycle events on command, in the documented form, to the lifecycle URL', async () => {
  const { id } = await subscribe(fixture, hook);
  for (const event of ['reauthorizationRequired', 'missed', 'subscriptionRemoved'] as const) {
    expect(control().sendLifecycle(event, id)).toBe(1);
    nextSecond();
    await until(() => hook.items().at(-1)?.lifecycleEvent === event, event);
    expect(hook.items().at(-1)).toEqual({
      subscriptionId: id,
      subscriptionExpirationDateTime: anyText(),
      tenantId,
      clientState: 'state-1',
      lifecycleEvent: event,
    });
  }
  expect((await fixture.call('GET', `/subscriptions/${id}`)).status).toBe(404);
  expect(control().deliveries().at(-1)?.url).toContain('/api/lifecycle');
  expect(fixture.emulator.counters().lifecycleItemsSent).toBe(3);
});

test('asks for reauthorization before a subscription ends, and pauses delivery when that is ignored too long', async () => {
  const { id } = await subscribe(fixture, hook, { expirationDateTime: inMinutes(10_000) });
  control().setKnobs({ reauthorizationGraceMs: 1_800_000 });
  control().advanceClock((10_000 - 59) * 60_000);
  await until(() => hook.items().some((item) => item.lifecycleEvent === 'reauthorizationRequired'), 'the challenge');
  control().advanceClock(31 * 60_000);
  fixture.deliver();
  expect(fixture.emulator.counters().notificationItemsDropped).toBe(1);
  const now = Date.parse(control().clock().now);
  await fixture.call('PATCH', `/subscriptions/${id}`, { body: { expirationDateTime: inMinutes(5_000, now) } });
  fixture.deliver();
  nextSecond();
  await until(() => hook.items().some((item) => item.changeType === 'created'), 'delivery goes on');
});

test('sends nothing for subscriptions that have ended or were removed', async () => {
  const { id } = await subscribe(fixture, hook, { expirationDateTime: inMinutes(60) });
  control().advanceClock(61 * 60_000);
  fixture.deliver();
  await subscribe(fixture, hook, { expirationDateTime: inMinutes(300) });
  fixture.deliver();
  await arrived(1);
  expect(hook.items().every((item) => item.subscriptionId !== id || item.lifecycleEvent !== undefined)).toBe(true);
});

test('logs every POST with what was sent and answered', async () => {
  await subscribe(fixture, hook);
  fixture.deliver();
  await arrived(1);
  await until(() => control().notificationsIdle(), 'the answer has come');
  const log = await fixture.control('GET', 'deliveries');
  expect(log.body).toMatchObject([
    { kind: 'handshake', status: 200 },
    { kind: 'handshake', status: 200 },
    { kind: 'notification', attempt: 1, status: 202, url: hook.url, items: [{ changeType: 'created' }] },
  ]);
  expect((await fixture.control('DELETE', 'deliveries')).status).toBe(204);
  expect(control().deliveries()).toEqual([]);
});
