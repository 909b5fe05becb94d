import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { amara, fetchToken, readError, sales, startFixture, type Answer, type GraphFixture } from './graph-fixture.ts';

let fixture: GraphFixture;

beforeAll(async () => {
  fixture = await startFixture();
});
afterAll(() => fixture.emulator.close());
beforeEach(() => {
  fixture.emulator.reset();
});

const list = (user: string, headers: Record<string, string> = {}): Promise<Answer> =>
  fixture.call('GET', `/users/${user}/messages`, { headers });
const statuses = (answers: Answer[]): number[] => answers.map((answer) => answer.status).toSorted((a, b) => a - b);

test('answers 429 MailboxConcurrency with a decimal Retry-After to the fifth request at once to one mailbox', async () => {
  fixture.emulator.control.setKnobs({ latencyMs: { all: 50 } });
  const answers = await Promise.all(Array.from({ length: 6 }, () => list(amara.id)));
  expect(statuses(answers)).toEqual([200, 200, 200, 200, 429, 429]);
  const refused = answers.find((answer) => answer.status === 429);
  expect(refused?.headers.get('retry-after')).toMatch(/^\d+\.\d+$/);
  expect(refused === undefined ? {} : readError(refused)).toMatchObject({
    code: 'ApplicationThrottled',
    message: 'Application is over its MailboxConcurrency limit.',
  });
  expect(fixture.emulator.counters()).toMatchObject({
    throttled: 2,
    highestConcurrency: 4,
    highestConcurrencyByMailbox: { [amara.id]: 4 },
  });
});

test('counts by app and mailbox: another mailbox or another app is not refused', async () => {
  fixture.emulator.control.setKnobs({ latencyMs: { all: 50 }, mailboxConcurrency: 1 });
  const other = await fetchToken(fixture.emulator, '7f2f5f0e-26f8-4a26-a1f4-6a1d6bf10a11');
  const answers = await Promise.all([
    list(amara.id),
    list(sales.id),
    list(amara.address),
    list(amara.id, { Authorization: `Bearer ${other}` }),
  ]);
  expect(statuses(answers)).toEqual([200, 200, 200, 429]);
});

test('allows so many requests in ten minutes, counts early retries, and opens again when the window has moved on', async () => {
  fixture.emulator.control.setKnobs({ mailboxRequestsPer10Minutes: 3 });
  const answers: Answer[] = [];
  for (let index = 0; index < 5; index += 1) answers.push(await list(amara.id));
  expect(answers.map((answer) => answer.status)).toEqual([200, 200, 200, 429, 429]);
  expect(Number(answers[4]?.headers.get('retry-after'))).toBeGreaterThan(500);
  fixture.emulator.control.advanceClock(600_000);
  expect((await list(amara.id)).status).toBe(200);
  fixture.emulator.reset();
  expect(fixture.emulator.control.knobs().mailboxRequestsPer10Minutes).toBe(10_000);
});

test('lets 25 subscription lists pass in twenty seconds, and no more', async () => {
  const answers: Answer[] = [];
  for (let index = 0; index < 26; index += 1) answers.push(await fixture.call('GET', '/subscriptions'));
  expect(answers.slice(0, 25).every((answer) => answer.status === 200)).toBe(true);
  const last = answers[25];
  expect(last?.status).toBe(429);
  expect(last === undefined ? {} : readError(last)).toMatchObject({
    code: 'TooManyRequests',
    message: 'Please retry again later.',
  });
  fixture.emulator.control.advanceClock(20_000);
  expect((await fixture.call('GET', '/subscriptions')).status).toBe(200);
});

test('limits reads, writes and reauthorizations of subscriptions apart from each other', async () => {
  fixture.emulator.control.setKnobs({
    subscriptionReadsPer20Seconds: 1,
    subscriptionWritesPer20Seconds: 1,
    reauthorizationsPer20Seconds: 1,
  });
  const calls: [string, string][] = [
    ['GET', '/subscriptions/x'],
    ['DELETE', '/subscriptions/x'],
    ['POST', '/subscriptions/x/reauthorize'],
  ];
  for (const [method, path] of calls) {
    expect((await fixture.call(method, path)).status, method).toBe(404);
    expect((await fixture.call(method, path)).status, method).toBe(429);
  }
});

test('throttling can be switched off, and the highest concurrency is seen all the same', async () => {
  fixture.emulator.control.setKnobs({ throttling: false, latencyMs: { messageList: 50 } });
  const answers = await Promise.all(Array.from({ length: 9 }, () => list(amara.id)));
  expect(new Set(statuses(answers))).toEqual(new Set([200]));
  expect(fixture.emulator.counters().highestConcurrency).toBe(9);
});
