import { describe, expect, it } from 'vitest';
import type { GraphAnswer, GraphClient } from '../../../shared/adapters/graph/graph-client.ts';
import { readFailure } from '../../../shared/adapters/graph/graph-failure.ts';
import { makeGraphSubscriptions } from '../../../shared/adapters/graph/graph-subscriptions.ts';
import { PermanentError, TransientError } from '../../../shared/errors.ts';
import { answeredPayload } from '../../support/payloads.ts';

const NOW = Date.parse('2026-11-21T09:30:00Z');
const REQUEST = {
  mailbox: '1e52b8d7-3a94-4c6f-8f20-d61b90e7a3c5',
  folderId: 'AAMk=',
  clientState: 's',
  minutes: 10_020,
};

const answerOf = (name: string): GraphAnswer => {
  const { status, headers, body } = answeredPayload(name);
  return status < 300
    ? { ok: true, body }
    : { ok: false, failure: readFailure(status, body, headers['Retry-After'], NOW), cause: undefined };
};

/** The adapter on answers given in advance, in order. */
function scripted(...answers: GraphAnswer[]) {
  const asked: { path: string; body?: unknown }[] = [];
  const reply = (path: string, body?: unknown): Promise<GraphAnswer> => {
    asked.push(body === undefined ? { path } : { path, body });
    const answer = answers.shift();
    return answer ? Promise.resolve(answer) : Promise.reject(new Error(`nobody expected ${path}`));
  };
  const graph: GraphClient = {
    clock: { now: () => NOW },
    get: (path) => reply(path),
    post: (path, body) => reply(path, body),
    remove: (path) => reply(path),
    stream: () => Promise.reject(new Error('no stream here')),
    pathOf: (link) => new URL(link).pathname.replace('/v1.0', '') + new URL(link).search,
  };
  const subscriptions = makeGraphSubscriptions(graph, { publicBaseUrl: 'https://ingest.test', mark: 'mark' });
  return { subscriptions, asked };
}

const ok = (body: unknown): GraphAnswer => ({ ok: true, body });
const renewed = (id: string) => ({
  id,
  status: 200,
  body: { id: `sub-${id}`, expirationDateTime: '2026-11-28T08:30:00.1184302Z' },
});
const THREE = ['sub-0', 'sub-1', 'sub-2'].map((id) => ({ id, minutes: 10_020 }));

describe('a create', () => {
  it('takes the granted end for the truth, also with seven digits of a second [F17]', async () => {
    const { subscriptions } = scripted(answerOf('subscription-create-201'));
    expect(await subscriptions.create(REQUEST)).toMatchObject({
      kind: 'created',
      minutes: 10_020,
      subscription: { id: 'a7d3e5c1-20f9-4b86-9d47-8c13f60ab2e4', expiresAt: new Date('2026-11-27T08:15:42.1184302Z') },
    });
  });

  it.each([
    ['error-409-duplicate-subscription', { kind: 'exists', id: 'a7d3e5c1-20f9-4b86-9d47-8c13f60ab2e4' }],
    ['error-400-validation-mismatch', { kind: 'endpoint-refused' }],
    ['error-400-validation-not-200', { kind: 'endpoint-refused' }],
    ['error-400-validation-timeout', { kind: 'endpoint-refused' }],
    ['error-403-subscription-quota', { kind: 'quota' }],
    ['error-403-subscription-forbidden', { kind: 'unavailable', trouble: 'no-access' }],
    ['error-403-access-denied-rbac', { kind: 'unavailable', trouble: 'no-access' }],
    ['error-404-subscription-create-mailbox', { kind: 'unavailable', trouble: 'not-found' }],
  ])('that is refused with %s says why [F29]', async (name, outcome) => {
    expect(await scripted(answerOf(name)).subscriptions.create(REQUEST)).toMatchObject(outcome);
  });

  it.each(['error-400-expiration-too-far', 'error-400-renew-invalid-parameter'])(
    'for too long a life (%s) asks once more for the short one',
    async (name) => {
      const { subscriptions, asked } = scripted(answerOf(name), answerOf('subscription-create-201'));
      expect(await subscriptions.create(REQUEST)).toMatchObject({ kind: 'created', minutes: 4_200 });
      expect(asked).toMatchObject([
        { body: { expirationDateTime: new Date(NOW + 10_020 * 60_000).toISOString() } },
        { body: { expirationDateTime: new Date(NOW + 4_200 * 60_000).toISOString() } },
      ]);
    },
  );

  it('whose short life is refused too is a failure, and does not ask for ever [F17]', async () => {
    const name = 'error-400-expiration-too-far';
    const { subscriptions, asked } = scripted(answerOf(name), answerOf(name));
    await expect(subscriptions.create(REQUEST)).rejects.toBeInstanceOf(PermanentError);
    expect(asked).toHaveLength(2);
  });

  it('that names no id in its 409 says that one exists [F23]', async () => {
    const failure = readFailure(409, { error: { code: 'Conflict', message: 'exists' } }, null, NOW);
    expect(await scripted({ ok: false, failure, cause: undefined }).subscriptions.create(REQUEST)).toEqual({
      kind: 'exists',
      id: undefined,
    });
  });

  it.each([
    ['error-429-generic-fractional', 3_417],
    ['error-503-backend-unknown', undefined],
  ])('rejects with TransientError for %s', async (name, retryAfterMs) => {
    const creating = scripted(answerOf(name)).subscriptions.create(REQUEST);
    await expect(creating).rejects.toMatchObject({ name: 'TransientError', retryAfterMs });
  });

  it.each([{}, { id: 'a' }, { id: 'a', expirationDateTime: 'tomorrow' }, null, 'ok'])(
    'with an unreadable answer passes: %o',
    async (body) => {
      await expect(scripted(ok(body)).subscriptions.create(REQUEST)).rejects.toBeInstanceOf(TransientError);
    },
  );
});

describe('a renewal of several', () => {
  it('sorts the answers, which come in any order [F27]', async () => {
    const responses = [renewed('2'), { id: '1', status: 404, body: {} }, renewed('0')];
    const outcomes = await scripted(ok({ responses })).subscriptions.renew(THREE);
    expect(outcomes).toMatchObject([
      { kind: 'renewed', subscription: { id: 'sub-0' } },
      { kind: 'gone' },
      { kind: 'renewed', subscription: { id: 'sub-2' } },
    ]);
  });

  it('counts a part without an answer as failed [F27]', async () => {
    const outcomes = await scripted(ok({ responses: [renewed('0'), renewed('2')] })).subscriptions.renew(THREE);
    expect(outcomes.map(({ kind }) => kind)).toEqual(['renewed', 'failed', 'renewed']);
  });

  it('counts an unreadable part as failed, and believes the others [F27]', async () => {
    const responses = [{ id: '0', status: 200, body: '<html>' }, renewed('1'), { id: '2', status: 200 }];
    const outcomes = await scripted(ok({ responses })).subscriptions.renew(THREE);
    expect(outcomes.map(({ kind }) => kind)).toEqual(['failed', 'renewed', 'failed']);
  });

  it.each([
    ['error-404-subscription-not-found', { kind: 'gone' }],
    ['error-403-subscription-forbidden', { kind: 'unavailable', trouble: 'no-access' }],
    ['error-429-mailbox-concurrency', { kind: 'failed', code: 'ApplicationThrottled' }],
    ['error-400-renew-invalid-parameter', { kind: 'failed', code: 'ErrorInvalidParameter' }],
    ['error-400-validation-timeout', { kind: 'failed' }],
  ])('knows what %s means [F22, F27]', async (name, outcome) => {
    const { status, body } = answeredPayload(name);
    const renewing = scripted(ok({ responses: [{ id: '0', status, body }] })).subscriptions.renew(THREE.slice(0, 1));
    expect(await renewing).toMatchObject([outcome]);
  });

  it.each(['error-503-backend-unknown', 'error-429-generic-fractional'])(
    'rejects with TransientError when all of it is refused: %s',
    async (name) => {
      await expect(scripted(answerOf(name)).subscriptions.renew(THREE)).rejects.toBeInstanceOf(TransientError);
    },
  );

  it.each([null, {}, { responses: 'x' }, { responses: [{ status: 200 }] }])(
    'rejects an answer that is none: %o',
    async (body) => {
      await expect(scripted(ok(body)).subscriptions.renew(THREE)).rejects.toBeInstanceOf(TransientError);
    },
  );

  it('cannot be led elsewhere by an id [T13]', async () => {
    const { subscriptions, asked } = scripted(ok({ responses: [] }));
    await subscriptions.renew([{ id: '../users/x?y#z', minutes: 1 }]);
    expect(asked).toMatchObject([{ body: { requests: [{ url: '/subscriptions/..%2Fusers%2Fx%3Fy%23z' }] } }]);
  });
});

describe('a list', () => {
  it('follows its next links and tells ours by the mark [F24]', async () => {
    const page = (notificationUrl: string | null, next?: string) =>
      ok({
        value: [{ id: notificationUrl ?? 'none', resource: 'r', notificationUrl }],
        ...(next && { '@odata.nextLink': next }),
      });
    const { subscriptions, asked } = scripted(
      answerOf('subscription-list-200'),
      page(
        'https://old-name.test/api/notifications?app=mark',
        'https://graph.microsoft.com/v1.0/subscriptions?$skiptoken=2',
      ),
      page('https://evil.test/?x=app=mark', 'https://graph.microsoft.com/v1.0/subscriptions?$skiptoken=3'),
      page(null),
    );
    const listed = await subscriptions.list();
    expect(listed.filter(({ ours }) => ours).map(({ id }) => id)).toEqual([
      'https://old-name.test/api/notifications?app=mark',
    ]);
    expect(asked.map(({ path }) => path)).toEqual([
      '/subscriptions',
      '/subscriptions?$skiptoken=Q29udG9zb1BhZ2Uy',
      '/subscriptions?$skiptoken=2',
      '/subscriptions?$skiptoken=3',
    ]);
  });

  it('is whole or an error [F24]', async () => {
    const { subscriptions } = scripted(answerOf('subscription-list-200'), answerOf('error-503-backend-unknown'));
    await expect(subscriptions.list()).rejects.toBeInstanceOf(TransientError);
  });
});

describe('a single subscription', () => {
  it('that is not there is gone, and its removal has succeeded', async () => {
    const { subscriptions } = scripted(
      answerOf('error-404-subscription-not-found'),
      answerOf('error-404-subscription-not-found'),
    );
    expect(await subscriptions.get('x')).toBe('gone');
    await expect(subscriptions.remove('x')).resolves.toBeUndefined();
  });

  it('whose removal fails is an error', async () => {
    const { subscriptions } = scripted(answerOf('error-503-backend-unknown'));
    await expect(subscriptions.remove('x')).rejects.toBeInstanceOf(TransientError);
  });

  it('that cannot be read is a failure that passes', async () => {
    await expect(scripted(ok({ nothing: true })).subscriptions.get('x')).rejects.toBeInstanceOf(TransientError);
  });
});
