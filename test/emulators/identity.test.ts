import { generateKeyPairSync } from 'node:crypto';
import { ConfidentialClientApplication, ManagedIdentityApplication, ServerError } from '@azure/msal-node';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import * as z from 'zod';
import type { GraphEmulator } from '../../local/graph/graph-emulator.ts';
import { amara, appId, startFixture, tenantId, type GraphFixture } from './graph-fixture.ts';

const scope = 'https://graph.microsoft.com/.default';
const keys = generateKeyPairSync('rsa', { modulusLength: 2048 });
const publicKey = keys.publicKey.export({ type: 'spki', format: 'pem' }).toString();
const privateKey = keys.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();

let fixture: GraphFixture;
let emulator: GraphEmulator;

beforeAll(async () => {
  fixture = await startFixture({ clientSecret: 'right-secret', clientCertificate: publicKey });
  emulator = fixture.emulator;
  // MSAL picks its source once a process from these variables, as App Service sets them.
  process.env['IDENTITY_ENDPOINT'] = emulator.identityEndpoint;
  process.env['IDENTITY_HEADER'] = emulator.identityHeader;
});

afterAll(() => emulator.close());
beforeEach(() => {
  emulator.reset();
});

/** MSAL refuses http authorities but takes an http token endpoint from given metadata. */
function msal(
  credential:
    | { clientSecret: string }
    | { clientAssertion: () => Promise<string> }
    | { clientCertificate: { thumbprintSha256: string; privateKey: string } },
): ConfidentialClientApplication {
  const authority = `https://login.microsoftonline.com/${tenantId}`;
  const authorityMetadata = JSON.stringify({
    issuer: `${authority}/v2.0`,
    authorization_endpoint: `${authority}/oauth2/v2.0/authorize`,
    token_endpoint: emulator.tokenEndpoint,
  });
  return new ConfidentialClientApplication({
    auth: { clientId: appId, authority, authorityMetadata, clientCapabilities: ['CP1'], ...credential },
  });
}

function callGraph(token: string): Promise<Response> {
  return fetch(`${emulator.graphUrl}/users/${amara.id}`, { headers: { Authorization: `Bearer ${token}` } });
}

function askIdentity(query: Record<string, string>, header = emulator.identityHeader): Promise<Response> {
  const full = { 'api-version': '2019-08-01', resource: 'https://graph.microsoft.com', ...query };
  return fetch(`${emulator.identityEndpoint}?${new URLSearchParams(full).toString()}`, {
    headers: { 'X-IDENTITY-HEADER': header },
  });
}

const identityAnswer = z.strictObject({
  access_token: z.string(),
  expires_on: z.string().regex(/^\d+$/),
  resource: z.string(),
  token_type: z.literal('Bearer'),
  client_id: z.string(),
});

test('gives MSAL a managed identity token that Graph takes', async () => {
  const application = new ManagedIdentityApplication();
  const result = await application.acquireToken({ resource: 'https://graph.microsoft.com' });
  expect((await callGraph(result.accessToken)).status).toBe(200);
  expect(result.expiresOn?.getTime()).toBeGreaterThan(Date.now() + 23 * 3_600_000);
});

test('answers a managed identity request in the form of App Service, with the seconds of expiry as text', async () => {
  const answer = identityAnswer.parse(await (await askIdentity({})).json());
  expect(answer.client_id).toBe(appId);
  const user = '7f2f5f0e-26f8-4a26-a1f4-6a1d6bf10a11';
  expect(identityAnswer.parse(await (await askIdentity({ client_id: user })).json()).client_id).toBe(user);
});

test('refuses a managed identity request without the secret header, the version or the resource', async () => {
  expect((await askIdentity({}, 'wrong')).status).toBe(401);
  expect((await askIdentity({ 'api-version': '2018-02-01' })).status).toBe(400);
  expect((await askIdentity({ resource: '' })).status).toBe(400);
  expect((await askIdentity({ client_id: 'no-guid' })).status).toBe(400);
});

test('gives MSAL a token for the right client secret', async () => {
  const result = await msal({ clientSecret: 'right-secret' }).acquireTokenByClientCredential({ scopes: [scope] });
  expect((await callGraph(result?.accessToken ?? '')).status).toBe(200);
});

test('refuses a wrong client secret with AADSTS7000215', async () => {
  const failure = await msal({ clientSecret: 'wrong' })
    .acquireTokenByClientCredential({ scopes: [scope] })
    .catch((error: unknown) => error);
  expect(failure).toBeInstanceOf(ServerError);
  expect(failure).toMatchObject({ errorCode: 'invalid_client', errorNo: 7000215, status: 401 });
});

test('takes an assertion signed with the known key and refuses one of another key', async () => {
  const thumbprintSha256 = 'A'.repeat(64);
  const good = await msal({ clientCertificate: { thumbprintSha256, privateKey } }).acquireTokenByClientCredential({
    scopes: [scope],
  });
  expect((await callGraph(good?.accessToken ?? '')).status).toBe(200);
  const other = generateKeyPairSync('rsa', { modulusLength: 2048 })
    .privateKey.export({ type: 'pkcs8', format: 'pem' })
    .toString();
  await expect(
    msal({ clientCertificate: { thumbprintSha256, privateKey: other } }).acquireTokenByClientCredential({
      scopes: [scope],
    }),
  ).rejects.toMatchObject({ errorNo: 700027 });
});

test('takes a managed identity token for the token exchange as a federated credential, and for nothing else', async () => {
  const assertionFor = (resource: string) => async (): Promise<string> =>
    identityAnswer.parse(await (await askIdentity({ resource })).json()).access_token;
  const federated = msal({ clientAssertion: assertionFor('api://AzureADTokenExchange') });
  const result = await federated.acquireTokenByClientCredential({ scopes: [scope] });
  expect((await callGraph(result?.accessToken ?? '')).status).toBe(200);
  const wrong = msal({ clientAssertion: assertionFor('https://graph.microsoft.com') });
  await expect(wrong.acquireTokenByClientCredential({ scopes: [scope] })).rejects.toMatchObject({ errorNo: 700027 });
});

test('refuses an unknown tenant, grant and scope in the form of Entra', async () => {
  const ask = (path: string, form: Record<string, string>): Promise<Response> =>
    fetch(`${emulator.url}${path}`, { method: 'POST', body: new URLSearchParams(form) });
  const good = { grant_type: 'client_credentials', client_id: appId, client_secret: 'right-secret', scope };
  const path = `/${tenantId}/oauth2/v2.0/token`;
  expect((await ask(path, good)).status).toBe(200);
  const body = await (await ask('/other/oauth2/v2.0/token', good)).json();
  expect(body).toMatchObject({ error: 'invalid_request', error_codes: [90002] });
  expect(await (await ask(path, { ...good, grant_type: 'password' })).json()).toMatchObject({ error_codes: [70003] });
  expect(await (await ask(path, { ...good, scope: 'Mail.Read' })).json()).toMatchObject({ error_codes: [1002012] });
});

test('Graph answers 401 InvalidAuthenticationToken without a token, with a forged one, and for another audience', async () => {
  const forged = `${fixture.token.slice(0, -4)}AAAA`;
  const audience = identityAnswer.parse(
    await (await askIdentity({ resource: 'https://storage.azure.com/' })).json(),
  ).access_token;
  for (const token of ['', 'nonsense', forged, audience]) {
    const answer = await callGraph(token);
    expect(answer.status).toBe(401);
    expect(await answer.json()).toMatchObject({ error: { code: 'InvalidAuthenticationToken' } });
    expect(answer.headers.get('www-authenticate')).toContain('Bearer');
  }
  expect(emulator.counters().unauthorized).toBe(4);
});

test('Graph takes tokens for the roots of the national clouds', async () => {
  for (const resource of [
    'https://graph.microsoft.us',
    'https://microsoftgraph.chinacloudapi.cn/',
    'https://dod-graph.microsoft.us',
  ]) {
    const token = identityAnswer.parse(await (await askIdentity({ resource })).json()).access_token;
    expect((await callGraph(token)).status).toBe(200);
  }
});

test('a token ends when its lifetime is over by the clock that clients share', async () => {
  let ahead = 0;
  const { emulator: timed, token, call } = await startFixture({ now: () => Date.now() + ahead });
  try {
    expect((await call('GET', `/users/${amara.id}`)).status).toBe(200);
    ahead = 86_401_000;
    const answer = await call('GET', `/users/${amara.id}`);
    expect(answer.status).toBe(401);
    expect(answer.text).toContain('the token is expired');
    expect(token).not.toBe('');
  } finally {
    await timed.close();
  }
});

test('a revocation brings a claims challenge that MSAL answers with a fresh token', async () => {
  const application = msal({ clientSecret: 'right-secret' });
  const before = await application.acquireTokenByClientCredential({ scopes: [scope] });
  emulator.control.revokeTokens();
  const refused = await callGraph(before?.accessToken ?? '');
  expect(refused.status).toBe(401);
  const encoded = /claims="([^"]+)"/.exec(refused.headers.get('www-authenticate') ?? '')?.[1] ?? '';
  const claims = Buffer.from(encoded, 'base64').toString();
  expect(JSON.parse(claims)).toHaveProperty('access_token.nbf.value');
  const after = await application.acquireTokenByClientCredential({ scopes: [scope], claims });
  expect((await callGraph(after?.accessToken ?? '')).status).toBe(200);
});

test('faults strike the token endpoints: refusal with Retry-After, reset, HTML, delay', async () => {
  const ask = (): Promise<Response> => askIdentity({});
  emulator.control.addFault({ kind: 'token', status: 503, retryAfter: 7, count: 1 });
  const refused = await ask();
  expect([refused.status, refused.headers.get('retry-after')]).toEqual([503, '7']);
  emulator.control.addFault({ kind: 'token', reset: true, count: 1 });
  await expect(ask()).rejects.toThrow();
  emulator.control.addFault({ kind: 'token', html: true, count: 1 });
  const html = await ask();
  expect([html.status, html.headers.get('content-type')]).toEqual([200, 'text/html; charset=utf-8']);
  emulator.control.addFault({ kind: 'token', delayMs: 60_000, count: 1 });
  await expect(fetch(emulator.identityEndpoint, { signal: AbortSignal.timeout(50) })).rejects.toThrow();
  expect((await ask()).status).toBe(200);
  expect(emulator.counters().requests.token).toBe(5);
});
