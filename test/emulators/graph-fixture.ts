// What the tests of the Graph emulator share: an emulator with one app, the official SDK on it, an endpoint that Graph
// can call, and bounded waiting.
import { createServer, type Server } from 'node:http';
import { Client, HTTPMessageHandler, type Context, type Middleware } from '@microsoft/microsoft-graph-client';
import { expect } from 'vitest';
import * as z from 'zod';
import { startGraphEmulator, type GraphEmulator, type GraphEmulatorOptions } from '../../local/graph/graph-emulator.ts';

export const tenantId = '6f1c2a9e-4b7d-4d0e-9a35-2c8e51b7d410';
export const appId = '3d9a7f10-5c2e-4e81-b6d4-90ab1c7e2f55';
export const amara = {
  id: '1e52b8d7-3a94-4c6f-8f20-d61b90e7a3c5',
  address: 'amara@contoso.example',
  displayName: 'Amara Okafor',
};
export const sales = { id: '94c0f3e6-7d18-4b52-a8ee-05f3c1b7d92a', address: 'sales@contoso.example' };
export const immutable = 'IdType="ImmutableId"';

export type Answer = { status: number; headers: Headers; body: unknown; text: string };

export type GraphFixture = {
  emulator: GraphEmulator;
  token: string;
  client: Client;
  /** Calls Graph by path or by a link it gave, with a token. */
  call: (
    method: string,
    pathOrLink: string,
    options?: { body?: unknown; prefer?: string; headers?: Record<string, string> },
  ) => Promise<Answer>;
  /** Calls a control route. */
  control: (method: string, path: string, body?: unknown) => Promise<Answer>;
  deliver: (options?: MailOptions) => { id: string; immutableId: string; internetMessageId: string | null };
};

export type MailOptions = { user?: string; subject?: string; receivedAt?: Date; folder?: string; raw?: string };

const tokenAnswer = z.object({ access_token: z.string() });

/** A token of the managed identity for Graph. */
export async function fetchToken(emulator: GraphEmulator, clientId?: string): Promise<string> {
  const query = new URLSearchParams({ 'api-version': '2019-08-01', resource: 'https://graph.microsoft.com' });
  if (clientId !== undefined) query.set('client_id', clientId);
  const answer = await fetch(`${emulator.identityEndpoint}?${query.toString()}`, {
    headers: { 'X-IDENTITY-HEADER': emulator.identityHeader },
  });
  return tokenAnswer.parse(await answer.json()).access_token;
}

async function readAnswer(response: Response): Promise<Answer> {
  const text = await response.text();
  const isJson = (response.headers.get('content-type') ?? '').includes('json') && text !== '';
  const body: unknown = isJson ? JSON.parse(text) : undefined;
  return { status: response.status, headers: response.headers, body, text };
}

/** The SDK attaches tokens to https hosts only, so the token comes from a middleware of our own. */
function sdkClient(emulator: GraphEmulator, token: string): Client {
  const last = new HTTPMessageHandler();
  const first: Middleware = {
    execute: async (context: Context) => {
      const headers = new Headers(context.options?.headers);
      headers.set('Authorization', `Bearer ${token}`);
      context.options = { ...context.options, headers };
      await last.execute(context);
    },
    setNext: () => {},
  };
  return Client.initWithMiddleware({ middleware: first, baseUrl: `${emulator.url}/`, defaultVersion: 'v1.0' });
}

/** Starts an emulator with two users and a token. */
export async function startFixture(options: Partial<GraphEmulatorOptions> = {}): Promise<GraphFixture> {
  const emulator = await startGraphEmulator({ tenantId, appId, users: [amara, sales], ...options });
  const token = await fetchToken(emulator);
  return {
    emulator,
    token,
    client: sdkClient(emulator, token),
    call: async (method, pathOrLink, { body, prefer, headers } = {}) => {
      const url = pathOrLink.startsWith('http') ? pathOrLink : `${emulator.graphUrl}${pathOrLink}`;
      const isText = typeof body === 'string';
      const response = await fetch(url, {
        method,
        headers: {
          Authorization: `Bearer ${token}`,
          ...(body === undefined || isText ? {} : { 'Content-Type': 'application/json' }),
          ...(prefer === undefined ? {} : { Prefer: prefer }),
          ...headers,
        },
        ...(body === undefined ? {} : { body: isText ? body : JSON.stringify(body) }),
      });
      return readAnswer(response);
    },
    control: async (method, path, body) => {
      const init = body === undefined ? { method } : { method, body: JSON.stringify(body) };
      return readAnswer(await fetch(`${emulator.url}/control/${path}`, init));
    },
    deliver: ({ user = amara.id, subject = 'Quote request', receivedAt, folder, raw } = {}) => {
      const mail = raw ?? rawMail({ subject, number: emulator.counters().mailsDelivered + 1 });
      return emulator.control.deliverEml(user, Buffer.from(mail), { receivedAt, folder });
    },
  };
}

export function rawMail({ subject, number }: { subject: string; number: number }): string {
  return [
    'From: Tomas Lindqvist <tomas@northwind.example>',
    `To: Amara Okafor <${amara.address}>`,
    `Subject: ${subject}`,
    `Message-ID: <mail-${number}@northwind.example>`,
    'Date: Sat, 21 Nov 2026 09:12:01 +0000',
    '',
    `This is mail ${number}.`,
    '',
  ].join('\r\n');
}

const list = z.looseObject({
  value: z.array(z.looseObject({ id: z.string(), subject: z.string().nullish() })),
  '@odata.nextLink': z.string().optional(),
  '@odata.deltaLink': z.string().optional(),
});

export type ListBody = z.infer<typeof list>;
export type Item = ListBody['value'][number];

/** A list answer, checked to be one. */
export function readList(answer: Answer): ListBody {
  if (answer.status !== 200) throw new Error(`Expected a list, got ${answer.status}: ${answer.text}`);
  return list.parse(answer.body);
}

const failure = z.object({
  error: z.object({ code: z.string(), message: z.string(), innerError: z.record(z.string(), z.unknown()) }),
});

/** The error of an answer, checked to have the form of all of Graph's errors. */
export function readError(answer: Answer): { code: string; message: string; innerError: Record<string, unknown> } {
  return failure.parse(answer.body).error;
}

export const subscriptionBody = z.looseObject({
  id: z.string(),
  clientState: z.string().nullable(),
  expirationDateTime: z.string(),
});

/** Waits until a condition holds; fails after ten seconds. */
export async function until(condition: () => boolean | Promise<boolean>, what: string): Promise<void> {
  const end = Date.now() + 10_000;
  while (!(await condition())) {
    if (Date.now() > end) throw new Error(`Waited ten seconds in vain: ${what}.`);
    await new Promise((resolve) => {
      setTimeout(resolve, 5);
    });
  }
}

const notification = z.object({
  value: z.array(
    z.looseObject({
      subscriptionId: z.string(),
      clientState: z.string().optional(),
      changeType: z.string().optional(),
      lifecycleEvent: z.string().optional(),
      resource: z.string().optional(),
      resourceData: z.looseObject({ id: z.string() }).optional(),
    }),
  ),
});

export type NotifiedItem = z.infer<typeof notification>['value'][number];
export type HookAnswer = { status: number; delayMs?: number };

export type Hook = {
  url: string;
  server: Server;
  handshakes: { url: string; contentType: string | undefined }[];
  /** Items of each POST, in order of arrival, the refused ones included. */
  posts: { at: number; items: NotifiedItem[] }[];
  items: () => NotifiedItem[];
  /** Decides the answers to notifications. */
  answer: (post: number) => HookAnswer;
  /** Decides what a handshake gets back. */
  echo: (token: string) => { status: number; body: string; contentType: string };
  close: () => Promise<void>;
};

/** An endpoint as the app under test has one, which notes what it is sent. */
export async function startHook(): Promise<Hook> {
  const server = createServer((incoming, outgoing) => {
    const chunks: Buffer[] = [];
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
    incoming.on('end', () => {
      const url = new URL(incoming.url ?? '/', 'http://127.0.0.1');
      const token = url.searchParams.get('validationToken');
      if (token !== null) {
        hook.handshakes.push({ url: incoming.url ?? '', contentType: incoming.headers['content-type'] });
        const { status, body, contentType } = hook.echo(token);
        outgoing.writeHead(status, { 'Content-Type': contentType }).end(body);
        return;
      }
      hook.posts.push({
        at: Date.now(),
        items: notification.parse(JSON.parse(Buffer.concat(chunks).toString())).value,
      });
      const { status, delayMs = 0 } = hook.answer(hook.posts.length);
      setTimeout(() => outgoing.writeHead(status).end(), delayMs).unref();
    });
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('The hook has no port.');
  const hook: Hook = {
    url: `http://127.0.0.1:${address.port}/api/notifications?app=1234`,
    server,
    handshakes: [],
    posts: [],
    items: () => hook.posts.flatMap((post) => post.items),
    answer: () => ({ status: 202 }),
    echo: (token) => ({ status: 200, body: token, contentType: 'text/plain' }),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
  return hook;
}

export const inMinutes = (minutes: number, from = Date.now()): string =>
  new Date(from + minutes * 60_000).toISOString();

/** Creates a subscription on the inbox and answers it. */
export async function subscribe(
  fixture: GraphFixture,
  hook: Hook,
  more: Record<string, unknown> = {},
): Promise<z.infer<typeof subscriptionBody>> {
  const body = {
    changeType: 'created',
    notificationUrl: hook.url,
    lifecycleNotificationUrl: hook.url.replace('notifications', 'lifecycle'),
    resource: `users/${amara.id}/mailFolders('inbox')/messages`,
    expirationDateTime: inMinutes(10_000),
    clientState: 'state-1',
    ...more,
  };
  const answer = await fixture.call('POST', '/subscriptions', { body, prefer: immutable });
  if (answer.status !== 201) throw new Error(`The subscription was refused: ${answer.text}`);
  return subscriptionBody.parse(answer.body);
}

/** The asymmetric matchers of vitest without their `any`. */
export const like = (pattern: RegExp): unknown => expect.stringMatching(pattern);
export const including = (...items: unknown[]): unknown => expect.arrayContaining(items);
export const anyText = (): unknown => expect.any(String);
