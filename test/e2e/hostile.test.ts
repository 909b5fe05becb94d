import { ServiceBusClient } from '@azure/service-bus';
import { BlobServiceClient } from '@azure/storage-blob';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { eventually } from '../support/app/eventually.ts';
import { startWholeApp, until, type WholeApp } from '../support/app/whole-app.ts';
import { aCanary, makeScanner } from '../support/hostile/canaries.ts';

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

  test.each(refusedQuietly)('is answered 202 and causes nothing when it %s [T01]', async (_, body) => {
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

  test.each(malformed)('is refused when it is %s [F08, T06]', async (_, body, status) => {
    const before = sideEffects();
    expect((await post(body)).status).toBe(status);
    expect(sideEffects()).toEqual(before);
  });

  test('changes nothing for the genuine items beside it [F06]', async () => {
    const before = sideEffects();
    const mixed = { value: [{ ...genuine.value[0], clientState: 'guess' }, ...genuine.value, { junk: true }, null] };
    expect((await post(JSON.stringify(mixed))).status).toBe(202);
    expect(sideEffects().rings).toBe((before.rings ?? 0) + 1);
  });

  test('of a captured genuine notification only makes one more look [T03]', async () => {
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
  test('echoes the decoded token as plain text and nothing that a browser would run [F11, T05]', async () => {
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

  test.each(['a%0d%0aSet-Cookie:%20x=1', '', 'x'.repeat(10_000)])('refuses the token %# [T05]', async (token) => {
    expect(
      (await fetch(`${app.functionsUrl}/api/notifications?validationToken=${token}`, { method: 'POST' })).status,
    ).toBe(400);
  });
});

describe('a browser that is led here by somebody else', () => {
  const ROUTES = [
    'notifications',
    'lifecycle-notifications',
    'health',
    'mailboxes',
    'mailboxes/x',
    'mailboxes/x/sync',
    'mailboxes/%3Cscript%3Ealert(1)%3C%2Fscript%3E',
    'notifications?validationToken=%3Cscript%3Ealert(1)%3C%2Fscript%3E',
    'nothing',
  ];
  const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'PROPFIND'];

  test.each(ROUTES)('gets no leave to read, no page and no cookie from /api/%s [T18, T22, T05]', async (route) => {
    for (const method of METHODS) {
      const answer = await fetch(`${app.functionsUrl}/api/${route}`, {
        method,
        headers: {
          origin: 'https://evil.example',
          'access-control-request-method': 'POST',
          'access-control-request-headers': 'authorization, x-functions-key',
        },
        ...(['POST', 'PUT', 'PATCH'].includes(method) && { body: '{}' }),
      });
      const headers = [...answer.headers.keys()];
      expect(headers.filter((name) => name.startsWith('access-control-'))).toEqual([]);
      expect(headers).not.toContain('set-cookie');
      expect(answer.headers.get('content-type') ?? '').not.toMatch(/html|xml|svg|javascript/);
      expect(answer.status).not.toBe(500);
    }
  });

  test.each(['GET', 'HEAD', 'PUT', 'PATCH', 'DELETE', 'PROPFIND', 'TRACE-ME'])(
    'or anybody who asks by %s reaches no notification route, and causes nothing [T07]',
    async (method) => {
      const before = sideEffects();
      for (const route of [
        'notifications',
        'lifecycle-notifications',
        'notifications/',
        'notifications/x',
        'Notifications%2f',
      ]) {
        const { status } = await fetch(`${app.functionsUrl}/api/${route}`, { method });
        expect(status).toBeGreaterThanOrEqual(400);
        expect(status).toBeLessThan(500);
      }
      expect(sideEffects()).toEqual(before);
    },
  );
});

describe('what the host and the queues keep', () => {
  const mail = {
    subject: aCanary('subject'),
    sender: `${aCanary('sender')}@sender.example`,
    name: aCanary('name'),
    body: aCanary('body'),
    file: `${aCanary('file')}.txt`,
    content: aCanary('content'),
    header: aCanary('header'),
    quoted: aCanary('quoted'),
    poison: aCanary('poison'),
    token: aCanary('token'),
  };
  const eml = [
    `From: "${mail.name}" <${mail.sender}>`,
    'To: sales@northwind.example',
    `Subject: ${mail.subject}`,
    `X-Secret: ${mail.header}`,
    `Message-ID: <${mail.header}@sender.example>`,
    'MIME-Version: 1.0',
    'Content-Type: multipart/mixed; boundary=b',
    '',
    '--b',
    'Content-Type: text/plain',
    '',
    mail.body,
    '--b',
    `Content-Type: text/plain; name="${mail.file}"`,
    `Content-Disposition: attachment; filename="${mail.file}"`,
    '',
    mail.content,
    '--b--',
    '',
  ].join('\r\n');

  /** Everything that this installation holds and should tell nobody. */
  async function secrets(): Promise<Record<string, string>> {
    const { settings, graph, mailboxes } = app.environment;
    const valueOf = (text: string, name: string) => new RegExp(`${name}=([^;]+)`).exec(text)?.[1] ?? 'missing';
    const blob = BlobServiceClient.fromConnectionString(settings.storageConnectionString)
      .getContainerClient('key-ring')
      .getBlobClient('client-state-keys.json');
    const ring = (await blob.downloadToBuffer()).toString();
    return {
      ...mail,
      busKey: valueOf(settings.serviceBusConnectionString, 'SharedAccessKey'),
      accountKey: valueOf(settings.storageConnectionString, 'AccountKey'),
      identityHeader: settings.env['IDENTITY_HEADER'] ?? 'missing',
      signingKey: /"secret":"([^"]+)"/.exec(ring)?.[1] ?? 'missing',
      ...Object.fromEntries(graph.control.subscriptions().map(({ id, clientState }) => [id, clientState ?? 'missing'])),
      ...Object.fromEntries(mailboxes.map(({ address }) => [address, address])),
    };
  }

  test('tells nothing of a mail, a secret or an address, through success and failure [T17]', async () => {
    const { graph, serviceBus, settings, mailboxes } = app.environment;
    const mailbox = mailboxes[0]?.id ?? '';
    const refusal = { message: `${mail.quoted} ${mail.sender}`, code: `Error of ${mail.quoted}` };
    const before = app.received().length;
    for (const status of [400, 401, 500]) {
      graph.control.addFault({ ...refusal, status, count: 1, path: 'messages', retryAfter: 0 });
      graph.control.deliverEml(mailbox, Buffer.from(eml));
    }
    await eventually(() => app.received().length).toBeGreaterThanOrEqual(before + 3);
    graph.control.clearFaults();
    await fetch(`${app.functionsUrl}/api/notifications?validationToken=${mail.token}`, { method: 'POST' });
    await post(changed({ clientState: mail.token, resource: mail.token }));
    await post(`{"${mail.token}`);
    await fetch(`${app.functionsUrl}/api/mailboxes/${mail.sender}?code=${mail.token}`);

    const client = new ServiceBusClient(settings.serviceBusConnectionString);
    await client.createSender('mailbox-work').sendMessages({ body: Buffer.from(`{"poison":"${mail.poison}"}`) });
    await eventually(() => serviceBus.queueState('mailbox-work').deadLettered).toBe(1);
    await client.close();

    const known = await secrets();
    expect(Object.values(known)).not.toContain('missing');
    const scan = makeScanner(known);
    const dead = serviceBus.peekAll('mailbox-work', 'dead-letters');
    // The body is the poison itself; what the host and the broker add to it is not.
    const added = dead.map(({ applicationProperties, subject, correlationId }) =>
      JSON.stringify({ applicationProperties, subject, correlationId }),
    );
    expect(added).toHaveLength(1);
    const lines = [...app.log(), ...added];
    expect(lines.join('\n')).toMatch(/mail published/);
    expect(lines.join('\n')).toMatch(/work item unreadable/);
    expect(lines.filter((line) => scan(line).length > 0)).toEqual([]);
    expect(lines.filter((line) => /eyJ[\w-]{10,}\.[\w-]{10,}|Bearer |SharedAccess|AccountKey/.test(line))).toEqual([]);
  });
});
