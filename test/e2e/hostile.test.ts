import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { eventually } from '../support/app/eventually.ts';
import { startWholeApp, until, type WholeApp } from '../support/app/whole-app.ts';

let app: WholeApp;
let genuine: { value: Record<string, unknown>[] };

beforeAll(async () => {
  app = await startWholeApp();
  const { graph } = app.environment;
  app.deliver(1);
  await until('the mail arrived', () => app.received().length === 1);
  await until('the work is done', isIdle);
  const [subscription] = graph.control.subscriptions();
  genuine = {
    value: [
      {
        subscriptionId: subscription?.id,
        subscriptionExpirationDateTime: '2026-11-27T08:15:42.1184302+05:30',
        changeType: 'created',
        resource: `Users/${subscription?.target.userId}/Messages/AAkALgAAAAAAHYQDEapm`,
        resourceData: { '@odata.type': '#Microsoft.Graph.Message', id: 'AAkALgAAAAAAHYQDEapm' },
        clientState: subscription?.clientState,
        tenantId: app.environment.settings.tenantId,
      },
    ],
  };
});
afterAll(() => app.close());

const isIdle = () => {
  const { active, locked } = app.environment.serviceBus.queueState('mailbox-work');
  return active === 0 && locked === 0;
};

const post = (body: string | Uint8Array<ArrayBuffer>, route = 'notifications') =>
  fetch(`${app.functionsUrl}/api/${route}`, { method: 'POST', headers: { 'content-type': 'application/json' }, body });

const changed = (changes: Record<string, unknown>) =>
  JSON.stringify({ value: genuine.value.map((item) => ({ ...item, ...changes })) });

/** What a request must not cause: calls to Graph, sends, table reads. */
const sideEffects = () => {
  const { graph, serviceBus, storage } = app.environment;
  return {
    graph: graph.counters().httpRequests,
    rings: serviceBus.counters().queues['mailbox-work']?.messagesSent,
    events: serviceBus.counters().queues['crm-mail']?.messagesSent,
    tables: storage.counters().tableCalls,
  };
};

describe('a POST that Graph did not send', () => {
  const state = () => String(genuine.value[0]?.['clientState']);
  const refusedQuietly: [string, () => string][] = [
    ['has a wrong clientState', () => changed({ clientState: `${state().slice(0, -2)}xx` })],
    ['has no clientState', () => changed({ clientState: undefined })],
    ['has a clientState that is no text', () => changed({ clientState: { $ne: null } })],
    ['names another tenant', () => changed({ tenantId: '6f1c2a9e-4b7d-4d0e-9a35-2c8e51b7d410' })],
    ['names another mailbox', () => changed({ resource: 'Users/1e52b8d7-3a94-4c6f-8f20-d61b90e7a3c5/Messages/A' })],
    [
      'knows an unknown subscription only',
      () => changed({ subscriptionId: 'e04f8a63-19bc-4d75-b0c2-6a7d5183f9ec', clientState: 'x' }),
    ],
    [
      'is a lifecycle event with a wrong clientState',
      () => changed({ lifecycleEvent: 'missed', clientState: '1.a.b.c.d' }),
    ],
    [
      'holds a thousand forged items',
      () =>
        JSON.stringify({ value: Array.from({ length: 1000 }, () => ({ ...genuine.value[0], clientState: 'guess' })) }),
    ],
  ];

  test.each(refusedQuietly)('is answered 202 and causes nothing when it %s', async (_, body) => {
    const before = sideEffects();
    for (const route of ['notifications', 'lifecycle-notifications'])
      expect((await post(body(), route)).status).toBe(202);
    expect(sideEffects()).toEqual(before);
  });

  const malformed: [string, string | Uint8Array<ArrayBuffer>, number][] = [
    ['no JSON', '{"value":[', 400],
    ['empty', '', 400],
    ['JSON without a collection', '{"value":"x"}', 400],
    ['an array', '[]', 400],
    ['invalid UTF-8', new Uint8Array([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x7d]), 400],
    ['over 4 MiB', `{"value":[],"pad":"${'x'.repeat(5_000_000)}"}`, 413],
    ['nested 100,000 deep', `${'['.repeat(100_000)}${']'.repeat(100_000)}`, 400],
  ];

  test.each(malformed)('is refused when it is %s', async (_, body, status) => {
    const before = sideEffects();
    expect((await post(body)).status).toBe(status);
    expect(sideEffects()).toEqual(before);
  });

  test('changes nothing for the genuine items beside it', async () => {
    const before = sideEffects();
    const mixed = { value: [{ ...genuine.value[0], clientState: 'guess' }, ...genuine.value, { junk: true }, null] };
    expect((await post(JSON.stringify(mixed))).status).toBe(202);
    expect(sideEffects().rings).toBe((before.rings ?? 0) + 1);
  });

  test('of a captured genuine notification only makes one more look', async () => {
    const events = sideEffects().events;
    for (let time = 0; time < 5; time++) expect((await post(JSON.stringify(genuine))).status).toBe(202);
    await eventually(() => app.environment.serviceBus.queueState('mailbox-work')).toMatchObject({
      active: 0,
      locked: 0,
    });
    expect(sideEffects().events).toBe(events);
  });
});

describe('the handshake', () => {
  test('echoes the decoded token as plain text and nothing that a browser would run', async () => {
    const token = 'Validation: Testing client application reachability for subscription Request-Id: 1+1 <b>&"';
    const answer = await fetch(
      `${app.functionsUrl}/api/notifications?app=x&validationToken=${encodeURIComponent(token)}`,
      { method: 'POST' },
    );
    expect(answer.status).toBe(200);
    expect(await answer.text()).toBe(token);
    expect(answer.headers.get('content-type')).toMatch(/^text\/plain/);
    expect(answer.headers.get('x-content-type-options')).toBe('nosniff');
  });

  test.each(['a%0d%0aSet-Cookie:%20x=1', '', 'x'.repeat(10_000)])('refuses the token %#', async (token) => {
    expect(
      (await fetch(`${app.functionsUrl}/api/notifications?validationToken=${token}`, { method: 'POST' })).status,
    ).toBe(400);
  });
});
