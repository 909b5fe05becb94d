import { afterAll, beforeAll } from 'vitest';
import * as z from 'zod';
import type { FaultRule } from '../../local/graph/faults.ts';
import { type GraphEmulator, startGraphEmulator } from '../../local/graph/graph-emulator.ts';
import { managedIdentity } from '../../shared/adapters/graph/app-identity.ts';
import { type GraphClient, makeGraphClient } from '../../shared/adapters/graph/graph-client.ts';
import { makeGraphMail } from '../../shared/adapters/graph/graph-mail.ts';
import { appMark, makeGraphSubscriptions } from '../../shared/adapters/graph/graph-subscriptions.ts';
import { TokenSource } from '../../shared/adapters/graph/token-source.ts';
import { type LoopbackServer, startLoopbackServer } from '../support/loopback-server.ts';
import type { MailContent } from './graph-mail.contract.ts';

export const TENANT = '6f1c2a9e-4b7d-4d0e-9a35-2c8e51b7d410';
export const APP = '3d9a7f10-5c2e-4e81-b6d4-90ab1c7e2f55';
export const USER = { id: '1e52b8d7-3a94-4c6f-8f20-d61b90e7a3c5', address: 'amara@contoso.example' };
export const MARK = appMark(TENANT, APP, 'bus.contoso.example');
const SCOPE = 'https://graph.microsoft.com/.default';
export const never = new AbortController().signal;

export let emulator: GraphEmulator;
/** Where Graph reaches the app. */
export let endpoint: LoopbackServer;
let handshake: 'echo' | 'refuse' | 'twist' = 'echo';

/** An emulator and the endpoint of the app, for all tests of a file. MSAL takes one identity endpoint for a process. */
export function useGraph(): void {
  beforeAll(async () => {
    emulator = await startGraphEmulator({ tenantId: TENANT, appId: APP, users: [USER] });
    // MSAL reads them itself, once: one identity endpoint for each process.
    process.env.IDENTITY_ENDPOINT = emulator.identityEndpoint;
    process.env.IDENTITY_HEADER = emulator.identityHeader;
    endpoint = await startLoopbackServer(({ path }, response) => {
      const token = new URL(path, 'http://localhost').searchParams.get('validationToken') ?? '';
      const body = handshake === 'twist' ? `${token}!` : token;
      response.writeHead(handshake === 'refuse' ? 500 : 200, { 'Content-Type': 'text/plain' }).end(body);
    });
  });

  afterAll(async () => {
    await endpoint.close();
    await emulator.close();
  });
}

export function shakeHands(how: typeof handshake): void {
  handshake = how;
}

export const openGraph = (): GraphClient =>
  makeGraphClient({
    tokens: new TokenSource(managedIdentity(undefined), Date.now),
    baseUrl: emulator.graphUrl,
    scope: SCOPE,
    now: Date.now,
    random: () => 0.5,
  });

export const openMail = () => makeGraphMail(openGraph(), true);
export const openSubscriptions = (mark = MARK) =>
  makeGraphSubscriptions(openGraph(), { publicBaseUrl: endpoint.url, mark });

export function reset(): void {
  emulator.reset();
  emulator.control.setKnobs({ throttling: false });
  handshake = 'echo';
}

/** Calls Graph from outside the adapters. */
export async function outside(method: string, path: string, body?: unknown): Promise<Record<string, unknown>> {
  const query = new URLSearchParams({ 'api-version': '2019-08-01', resource: 'https://graph.microsoft.com' });
  const issued = await fetch(`${emulator.identityEndpoint}?${query.toString()}`, {
    headers: { 'X-IDENTITY-HEADER': emulator.identityHeader },
  });
  const { access_token: token } = z.object({ access_token: z.string() }).parse(await issued.json());
  const response = await fetch(`${emulator.graphUrl}${path}`, {
    method,
    headers: {
      Authorization: `Bearer ${token}`,
      Prefer: 'IdType="ImmutableId"',
      'Content-Type': 'application/json',
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
  const text = await response.text();
  return z.record(z.string(), z.unknown()).parse(text === '' ? {} : JSON.parse(text));
}

export const createdId = async (path: string, body: unknown) =>
  z.string().parse((await outside('POST', path, body)).id);
export const folderOf = async (name: string) =>
  z.string().parse((await outside('GET', `/users/${USER.id}/mailFolders/${name}`)).id);
export const addFolder = (mailbox: string, displayName: string) =>
  createdId(`/users/${mailbox}/mailFolders`, { displayName });

const toRecipient = ({ name, address }: { name?: string | undefined; address?: string | undefined }) => ({
  emailAddress: { ...(name && { name }), ...(address && { address }) },
});

const toJson = ({ subject = 'Order', from, to, cc, headers, body, attachments, receivedAt }: MailContent) => ({
  subject,
  body: body ?? { contentType: 'text', content: 'Please send it.' },
  ...(from && { from: toRecipient(from), sender: toRecipient(from) }),
  toRecipients: (to ?? []).map(toRecipient),
  ccRecipients: (cc ?? []).map(toRecipient),
  ...(headers && { internetMessageHeaders: headers }),
  ...(receivedAt && { receivedDateTime: receivedAt.toISOString() }),
  attachments: (attachments ?? []).map(({ content, ...rest }) => ({
    '@odata.type': '#microsoft.graph.fileAttachment',
    contentBytes: Buffer.from(content).toString('base64'),
    ...rest,
  })),
});

export async function realMail() {
  reset();
  const [inbox, archive] = [await folderOf('inbox'), await folderOf('archive')];
  return {
    mail: openMail(),
    mailbox: USER.id,
    inbox,
    archive,
    deliver: ({ folderId = inbox, ...content }: MailContent = {}) =>
      createdId(`/users/${USER.id}/mailFolders/${folderId}/messages`, toJson(content)),
    move: async (id: string, destinationId: string) => {
      await outside('POST', `/users/${USER.id}/messages/${encodeURIComponent(id)}/move`, { destinationId });
    },
    remove: async (id: string) => {
      await outside('DELETE', `/users/${USER.id}/messages/${encodeURIComponent(id)}`);
    },
    expireLinks: () => {
      emulator.control.expireDeltaTokens();
    },
    refuse: (trouble: 'no-access' | 'not-found') =>
      emulator.control.setMailboxState(USER.id, trouble === 'no-access' ? 'accessDenied' : 'notEnabled'),
    leaveFieldsOut: () => emulator.control.setKnobs({ deltaOmittedProperties: ['internetMessageHeaders'] }),
  };
}

export const strike = (rule: FaultRule) => void emulator.control.addFault(rule);
export const failureOf = (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => undefined,
    (cause: unknown) => cause,
  );
