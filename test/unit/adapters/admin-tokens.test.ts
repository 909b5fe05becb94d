import { exportJWK, generateKeyPair, type JWTPayload, SignJWT, UnsecuredJWT } from 'jose';
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { makeAuthorize } from '../../../shared/adapters/admin-tokens.ts';
import type { Config } from '../../../shared/config.ts';
import { aConfig, TENANT } from '../../support/builders.ts';

const LOGIN = 'https://login.test';
const AUDIENCE = 'api://graph-mail-ingest';
const KEYS_URL = `${LOGIN}/${TENANT}/discovery/v2.0/keys`;

type Pair = Awaited<ReturnType<typeof generateKeyPair>>;
let ours: Pair;
let strangers: Pair;
let asked: string[];
/** What the key endpoint answers; the address is https, so nothing on this machine can stand in for it. */
let keysAnswer: () => Promise<Response>;

beforeAll(async () => {
  ours = await generateKeyPair('RS256');
  strangers = await generateKeyPair('RS256');
});

beforeEach(async () => {
  const key = { ...(await exportJWK(ours.publicKey)), kid: 'k1', alg: 'RS256', use: 'sig' };
  asked = [];
  keysAnswer = () => Promise.resolve(Response.json({ keys: [key] }));
  vi.stubGlobal('fetch', (url: string | URL) => {
    asked.push(String(url));
    return keysAnswer();
  });
});

afterEach(() => {
  vi.unstubAllGlobals();
});

const settings = (admin: Config['admin']) => makeAuthorize(aConfig({ admin, loginRoot: LOGIN }));
const authorize = (header: string | null, role: string | undefined = 'Mail.Admin') =>
  settings({ audience: AUDIENCE, role })(header);

interface TokenParts {
  payload?: JWTPayload;
  audience?: string;
  issuer?: string;
  expires?: string | number;
  notBefore?: string | number;
  key?: Pair;
  kid?: string;
}

async function token(parts: TokenParts = {}): Promise<string> {
  const { payload = { roles: ['Mail.Admin'] }, audience = AUDIENCE, issuer = `${LOGIN}/${TENANT}/v2.0` } = parts;
  const { expires = '1h', notBefore = '0s', key = ours, kid = 'k1' } = parts;
  const signed = await new SignJWT(payload)
    .setProtectedHeader({ alg: 'RS256', kid })
    .setAudience(audience)
    .setIssuer(issuer)
    .setIssuedAt()
    .setNotBefore(notBefore)
    .setExpirationTime(expires)
    .sign(key.privateKey);
  return `Bearer ${signed}`;
}

describe('without ADMIN_AUDIENCE', () => {
  it('the function key alone decides, and nobody is asked', async () => {
    expect(await settings(undefined)(null)).toBeUndefined();
    expect(await settings(undefined)('Bearer rubbish')).toBeUndefined();
    expect(asked).toEqual([]);
  });
});

describe('a token', () => {
  it('of the tenant, for the audience and with the role is allowed', async () => {
    expect(await authorize(await token())).toBeUndefined();
    expect(asked).toEqual([KEYS_URL]);
  });

  it('of version 1 is allowed too', async () => {
    expect(await authorize(await token({ issuer: `https://sts.windows.net/${TENANT}/` }))).toBeUndefined();
  });

  it('needs no role where none is asked for', async () => {
    expect(await settings({ audience: AUDIENCE, role: undefined })(await token({ payload: {} }))).toBeUndefined();
  });

  it.each([
    {},
    { roles: [] },
    { roles: ['Other'] },
    { roles: 'Mail.Admin' },
    { roles: ['mail.admin'] },
    { role: 'Mail.Admin' },
  ])('without the role is forbidden: %o [T21]', async (payload) => {
    expect(await authorize(await token({ payload }))).toBe('forbidden');
  });

  it.each([
    ['another audience', { audience: 'api://other' }],
    ['another tenant', { issuer: `${LOGIN}/00000000-0000-4000-8000-000000000000/v2.0` }],
    ['an issuer that looks like ours', { issuer: `${LOGIN}.evil.example/${TENANT}/v2.0` }],
    ['an end in the past', { expires: '-2m' }],
    ['a beginning in the future', { notBefore: '5m' }],
    ['a key that is not listed', { kid: 'k2' }],
  ] satisfies [string, TokenParts][])('with %s is refused [T21]', async (_, parts) => {
    expect(await authorize(await token(parts))).toBe('unauthorized');
  });

  it('signed by a stranger under the name of our key is refused [T21]', async () => {
    expect(await authorize(await token({ key: strangers }))).toBe('unauthorized');
  });

  it('with one character changed is refused [T21]', async () => {
    const genuine = await token();
    const at = genuine.lastIndexOf('.') - 5;
    const other = genuine[at] === 'A' ? 'B' : 'A';
    expect(await authorize(genuine.slice(0, at) + other + genuine.slice(at + 1))).toBe('unauthorized');
  });

  it('without a signature is refused [T21]', async () => {
    const unsigned = new UnsecuredJWT({ roles: ['Mail.Admin'] })
      .setAudience(AUDIENCE)
      .setIssuer(`${LOGIN}/${TENANT}/v2.0`)
      .setExpirationTime('1h')
      .encode();
    expect(await authorize(`Bearer ${unsigned}`)).toBe('unauthorized');
  });

  it('signed with the public key as a shared secret is refused [T21]', async () => {
    const secret = new TextEncoder().encode(JSON.stringify(await exportJWK(ours.publicKey)));
    const forged = await new SignJWT({ roles: ['Mail.Admin'] })
      .setProtectedHeader({ alg: 'HS256', kid: 'k1' })
      .setAudience(AUDIENCE)
      .setIssuer(`${LOGIN}/${TENANT}/v2.0`)
      .setExpirationTime('1h')
      .sign(secret);
    expect(await authorize(`Bearer ${forged}`)).toBe('unauthorized');
  });

  it('that names its own keys is not listened to [T21]', async () => {
    const forged = await new SignJWT({ roles: ['Mail.Admin'] })
      .setProtectedHeader({ alg: 'RS256', jku: 'https://evil.example/keys', jwk: await exportJWK(strangers.publicKey) })
      .setAudience(AUDIENCE)
      .setIssuer(`${LOGIN}/${TENANT}/v2.0`)
      .setExpirationTime('1h')
      .sign(strangers.privateKey);
    expect(await authorize(`Bearer ${forged}`)).toBe('unauthorized');
    expect(asked.every((url) => url === KEYS_URL)).toBe(true);
  });

  it.each([
    null,
    '',
    'Bearer',
    'Bearer ',
    'Basic YTpi',
    'Bearer a b',
    'Bearer x',
    'Bearer a.b.c',
    'Bearer ..',
    'token',
  ])('that is none is refused: %o [T21]', async (header) => {
    expect(await authorize(header)).toBe('unauthorized');
  });
});

describe('the key endpoint', () => {
  it('is asked once for many tokens', async () => {
    const check = settings({ audience: AUDIENCE, role: undefined });
    for (let number = 0; number < 3; number++) expect(await check(await token())).toBeUndefined();
    expect(asked).toHaveLength(1);
  });

  it.each([
    ['does not answer', () => Promise.reject(new TypeError('fetch failed'))],
    ['answers 500', () => Promise.resolve(new Response('', { status: 500 }))],
    ['answers with HTML', () => Promise.resolve(new Response('<html>', { status: 200 }))],
  ])('that %s is not the fault of the caller', async (_, answer) => {
    keysAnswer = answer;
    await expect(authorize(await token())).rejects.toThrow();
  });
});
