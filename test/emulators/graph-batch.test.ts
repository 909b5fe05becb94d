import { BatchRequestContent, BatchResponseContent } from '@microsoft/microsoft-graph-client';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import * as z from 'zod';
import {
  amara,
  immutable,
  inMinutes,
  readError,
  sales,
  startFixture,
  startHook,
  subscribe,
  type Answer,
  type GraphFixture,
  like,
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

type Part = {
  id: string;
  method?: string;
  url: string;
  headers?: Record<string, string>;
  body?: unknown;
  dependsOn?: string[];
};

const batchAnswer = z.object({
  responses: z.array(
    z.object({
      id: z.string(),
      status: z.number(),
      headers: z.record(z.string(), z.string()),
      body: z.unknown().optional(),
    }),
  ),
});

function send(requests: Part[]): Promise<Answer> {
  return fixture.call('POST', '/$batch', { body: { requests: requests.map((part) => ({ method: 'GET', ...part })) } });
}

async function run(requests: Part[]): Promise<Map<string, z.infer<typeof batchAnswer>['responses'][number]>> {
  const answer = await send(requests);
  expect(answer.status).toBe(200);
  return new Map(batchAnswer.parse(answer.body).responses.map((part) => [part.id, part]));
}

test('answers every part by its id, with its own Prefer header, whatever becomes of the others', async () => {
  const mail = fixture.deliver();
  const parts = await run([
    { id: '1', url: `${messages}/${mail.id}?$select=subject`, headers: { Prefer: immutable } },
    { id: '2', url: `${messages}/${mail.id}?$select=subject` },
    { id: '3', url: `${messages}/AAMkAGone=` },
    {
      id: '4',
      method: 'PATCH',
      url: `${messages}/${mail.id}`,
      body: { isRead: true },
      headers: { 'Content-Type': 'application/json' },
    },
    { id: '5', url: `${messages}/${mail.id}/$value` },
  ]);
  expect(parts.get('1')).toMatchObject({
    status: 200,
    body: { id: mail.immutableId },
    headers: { 'Preference-Applied': immutable },
  });
  expect(parts.get('2')).toMatchObject({ status: 200, body: { id: mail.id } });
  expect(parts.get('3')).toMatchObject({ status: 404, body: { error: { code: 'ErrorItemNotFound' } } });
  expect(parts.get('4')).toMatchObject({ status: 200, body: { isRead: true } });
  expect(Buffer.from(z.string().parse(parts.get('5')?.body), 'base64').toString()).toContain('Subject: Quote request');
});

test('works with the batch classes of the SDK, apart from their version segment', async () => {
  const { id } = fixture.deliver();
  const content = new BatchRequestContent([
    { id: '1', request: new Request(`${fixture.emulator.url}${messages}/${id}`) },
  ]);
  const body: unknown = await fixture.client.api('/$batch').post(await content.getContent());
  const response = new BatchResponseContent(batchAnswerOf(body)).getResponseById('1');
  expect(response.status).toBe(200);
  expect(await response.json()).toMatchObject({ id });
});

/** The SDK's own type of a batch answer. */
function batchAnswerOf(body: unknown): ConstructorParameters<typeof BatchResponseContent>[0] {
  const { responses } = batchAnswer.parse(body);
  return { responses, '@odata.nextLink': '' };
}

test('refuses more than twenty parts, the same id twice in whatever case, a batch inside, and what is no JSON', async () => {
  const part = (id: string): Part => ({ id, url: `/users/${amara.id}` });
  expect((await send(Array.from({ length: 21 }, (_, index) => part(String(index))))).status).toBe(400);
  expect((await send(Array.from({ length: 20 }, (_, index) => part(String(index))))).status).toBe(200);
  const twice = await send([part('a'), part('A')]);
  expect([twice.status, readError(twice).message]).toEqual([400, like(/not unique/)]);
  expect((await send([{ id: '1', url: '/$batch', method: 'POST' }])).status).toBe(400);
  expect((await fixture.call('POST', '/$batch', { body: 'no json' })).status).toBe(400);
});

test('a part with the version in its url finds nothing', async () => {
  const parts = await run([{ id: '1', url: `/v1.0/users/${amara.id}` }]);
  expect(parts.get('1')?.status).toBe(400);
});

test('runs dependent parts in order and answers 424 to the child of a failed one', async () => {
  const { id } = fixture.deliver();
  const parts = await run([
    { id: 'move', method: 'POST', url: `${messages}/${id}/move`, body: { destinationId: 'archive' } },
    { id: 'old', url: `${messages}/${id}`, dependsOn: ['move'] },
    { id: 'child', url: `/users/${amara.id}`, dependsOn: ['OLD'] },
    { id: 'grandchild', url: `/users/${amara.id}`, dependsOn: ['child'] },
  ]);
  const statusOf = (part: string): number | undefined => parts.get(part)?.status;
  expect(['move', 'old', 'child', 'grandchild'].map(statusOf)).toEqual([201, 404, 424, 424]);
  expect(
    (
      await send([
        { id: '1', url: '/users', dependsOn: ['2'] },
        { id: '2', url: '/users' },
      ])
    ).status,
  ).toBe(400);
});

test('counts each part by its own kind, and the batch once', async () => {
  const { id } = fixture.deliver();
  await run([
    { id: '1', url: `${messages}/${id}` },
    { id: '2', url: `${messages}/${id}/attachments` },
    { id: '3', url: `/users/${amara.id}` },
  ]);
  const { requests, mailRequests, httpRequests } = fixture.emulator.counters();
  expect(requests).toMatchObject({ batch: 1, message: 1, attachment: 1, user: 1 });
  expect([mailRequests, httpRequests]).toEqual([2, 1]);
});

test('runs at most four parts at a time, whatever mailboxes they are for', async () => {
  fixture.emulator.control.setKnobs({ latencyMs: { messageList: 20 }, mailboxConcurrency: 3 });
  const one = (id: number): Part => ({ id: String(id), url: id % 2 === 0 ? messages : `/users/${sales.id}/messages` });
  const parts = await run(Array.from({ length: 12 }, (_, index) => one(index)));
  expect([...parts.values()].every((part) => part.status === 200)).toBe(true);
  expect(Math.max(...Object.values(fixture.emulator.counters().highestConcurrencyByMailbox))).toBe(2);
});

test('throttles parts alone: some are 429 with a decimal Retry-After of their own, the others 200', async () => {
  fixture.emulator.control.setKnobs({ latencyMs: { messageList: 20 }, mailboxConcurrency: 2 });
  const parts = await run(Array.from({ length: 4 }, (_, index) => ({ id: String(index), url: messages })));
  const statuses = [...parts.values()].map((part) => part.status).toSorted((a, b) => a - b);
  expect(statuses).toEqual([200, 200, 429, 429]);
  const refused = [...parts.values()].find((part) => part.status === 429);
  expect(refused?.headers['Retry-After']).toMatch(/^\d+\.\d+$/);
  expect(refused?.body).toMatchObject({
    error: { code: 'ApplicationThrottled', message: 'Application is over its MailboxConcurrency limit.' },
  });
});

test('renews twenty subscriptions in one request', async () => {
  const hook = await startHook();
  try {
    const ids: string[] = [];
    for (let index = 0; index < 20; index += 1) {
      const folder = await fixture.call('POST', `/users/${amara.id}/mailFolders`, {
        body: { displayName: `folder ${index}` },
      });
      const folderId = z.object({ id: z.string() }).parse(folder.body).id;
      const { id } = await subscribe(fixture, hook, {
        resource: `users/${amara.id}/mailFolders/${folderId}/messages`,
        lifecycleNotificationUrl: null,
      });
      ids.push(id);
    }
    const expirationDateTime = inMinutes(8_000);
    const parts = await run(
      ids.map((id, index) => ({
        id: String(index),
        method: 'PATCH',
        url: `/subscriptions/${id}`,
        body: { expirationDateTime },
      })),
    );
    expect([...parts.values()].map((part) => part.status)).toEqual(Array(20).fill(200));
    expect(fixture.emulator.counters().requests).toMatchObject({ subscriptionRenew: 20, batch: 1 });
  } finally {
    await hook.close();
  }
});
