import { beforeEach, describe, expect, it } from 'vitest';
import { type Acquire, TokenSource } from '../../../shared/adapters/graph/token-source.ts';
import { TransientError } from '../../../shared/errors.ts';
import { quietly } from '../../support/quiet-log.ts';
import { aTokenAnswer } from '../../support/token-answers.ts';

const MINUTE = 60_000;
const START = Date.parse('2026-10-12T08:00:00Z');
const SCOPE = 'https://graph.test/.default';

let now: number;
let asked: { scope: string; claims: string | undefined }[];
let answer: Acquire;
let tokens: TokenSource;

beforeEach(() => {
  now = START;
  asked = [];
  answer = () =>
    Promise.resolve(aTokenAnswer({ accessToken: `token-${asked.length}`, expiresOn: new Date(now + 60 * MINUTE) }));
  tokens = new TokenSource(
    (scope, claims) => {
      asked.push({ scope, claims });
      return answer(scope, claims);
    },
    () => now,
  );
});

const get = async (claims?: string) => (await tokens.getToken(SCOPE, claims ? { claims } : {})).token;

describe('a token', () => {
  it('is asked for once by many callers at the same time', async () => {
    const got = await Promise.all(Array.from({ length: 50 }, () => get()));
    expect(new Set(got)).toEqual(new Set(['token-1']));
    expect(asked).toHaveLength(1);
  });

  it('is used until five minutes before its end', async () => {
    await get();
    now += 55 * MINUTE - 1;
    expect(await get()).toBe('token-1');
    now += 1;
    expect(await get()).toBe('token-2');
  });

  it('is refreshed when the identity provider says so', async () => {
    answer = () =>
      Promise.resolve(
        aTokenAnswer({
          accessToken: `token-${asked.length}`,
          expiresOn: new Date(now + 24 * 60 * MINUTE),
          refreshOn: new Date(now + 12 * 60 * MINUTE),
        }),
      );
    await get();
    now += 12 * 60 * MINUTE;
    expect(await get()).toBe('token-2');
  });

  it('is kept apart from that of another scope', async () => {
    await get();
    expect((await tokens.getToken(['https://bus.test/.default'])).token).toBe('token-2');
    expect(asked.map(({ scope }) => scope)).toEqual([SCOPE, 'https://bus.test/.default']);
  });

  it('says when it ends and when it should be refreshed, as the Azure clients want it', async () => {
    expect(await tokens.getToken(SCOPE)).toEqual({
      token: 'token-1',
      expiresOnTimestamp: START + 60 * MINUTE,
      refreshAfterTimestamp: START + 55 * MINUTE,
      tokenType: 'Bearer',
    });
  });
});

describe('a failed refresh', () => {
  it('leaves the good token in use until a minute before its end, and says so in the log [F31]', async () => {
    await get();
    answer = () => Promise.reject(new Error('secret-of-the-provider'));
    const lines: string[] = [];
    now += 58 * MINUTE;
    expect(await quietly(lines, () => get())).toBe('token-1');
    expect(lines.join()).toContain('token not refreshed early');
    expect(lines.join()).not.toContain('secret-of-the-provider');
    now += 1 * MINUTE + 1;
    await expect(get()).rejects.toBeInstanceOf(TransientError);
  });

  it('is tried again by the next caller', async () => {
    await get();
    const good = answer;
    answer = () => Promise.reject(new Error('no network'));
    now += 56 * MINUTE;
    await quietly([], () => get());
    answer = good;
    expect(await get()).toBe('token-3');
  });

  it('is one failure for all who waited, and does not stick [F31]', async () => {
    const good = answer;
    answer = () => Promise.reject(new Error('no network'));
    const results = await Promise.allSettled([get(), get(), get()]);
    expect(results.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected']);
    expect(asked).toHaveLength(1);
    answer = good;
    expect(await get()).toBe('token-2');
  });
});

describe('an answer without a usable token', () => {
  it.each([
    ['nothing', null],
    ['an empty token', aTokenAnswer({ accessToken: '', expiresOn: new Date(START + 60 * MINUTE) })],
    ['no end', aTokenAnswer({ expiresOn: null })],
    ['an end in the past', aTokenAnswer({ expiresOn: new Date(START - 1) })],
  ])('is a failure: %s [F31]', async (_, result) => {
    answer = () => Promise.resolve(result);
    await expect(get()).rejects.toMatchObject({ name: 'TransientError', code: 'token:empty-answer' });
  });

  it('never names the message of the provider, which may quote secrets [T17]', async () => {
    answer = () => Promise.reject(new Error('AADSTS7000215: Invalid client secret: s3cr3t~value'));
    const error: unknown = await get().catch((cause: unknown) => cause);
    expect(error).toMatchObject({ code: 'token:Error' });
    expect(error instanceof Error ? error.message : '').not.toContain('s3cr3t');
  });
});

describe('a claims challenge', () => {
  it('goes to the provider past the token that is held, and its token is used from then on [F30]', async () => {
    await get();
    expect(await get('{"access_token":{}}')).toBe('token-2');
    expect(asked.at(-1)?.claims).toBe('{"access_token":{}}');
    expect(await get()).toBe('token-2');
    expect(asked).toHaveLength(2);
  });

  it('is never answered with the token that was challenged [F30]', async () => {
    await get();
    answer = () => Promise.reject(new Error('no network'));
    await expect(get('{"access_token":{}}')).rejects.toBeInstanceOf(TransientError);
  });
});
