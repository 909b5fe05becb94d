import { inspect } from 'node:util';
import type { Timer } from '@azure/functions';
import { describe, expect, it } from 'vitest';
import { log } from '../../../shared/log.ts';
import { queueConsumer } from '../../../shared/triggers/queue-consumer.ts';
import { timer } from '../../../shared/triggers/timer.ts';
import { anInvocation } from '../../support/invocation.ts';

const aTimer: Timer = {
  isPastDue: false,
  schedule: { adjustForDST: false },
  scheduleStatus: { last: '', next: '', lastUpdated: '' },
};

describe('a timer', () => {
  it('runs its use case, whose lines belong to the invocation', async () => {
    const lines: string[] = [];
    await timer(() => Promise.resolve(log('info', 'ran')))(aTimer, anInvocation(lines));
    expect(lines).toEqual(['information {"event":"ran"}']);
  });

  it('that fails says so by code only, also to the host, which logs what is thrown [T17]', async () => {
    const lines: string[] = [];
    const failing = timer(() => Promise.reject(new TypeError('secret')));
    const thrown: unknown = await failing(aTimer, anInvocation(lines)).catch((error: unknown) => error);
    expect(thrown).toMatchObject({ name: 'InvocationError', message: 'TypeError' });
    expect(inspect(thrown)).not.toContain('secret');
    expect(lines).toEqual(['error {"event":"timer run failed","reason":"functionUnderTest","code":"TypeError"}']);
  });
});

describe('a queue consumer', () => {
  it('hands over the body and nothing else', async () => {
    const handed: unknown[][] = [];
    const context = anInvocation();
    context.triggerMetadata = { mailbox: 'of the metadata' };
    const consume = queueConsumer((...args: unknown[]) => {
      handed.push(args);
      return Promise.resolve();
    });
    await consume({ mailbox: 'of the body' }, context);
    expect(handed).toEqual([[{ mailbox: 'of the body' }]]);
  });

  it('rejects when its use case does, so that the message is delivered again [T17]', async () => {
    const failing = queueConsumer(() => Promise.reject(new Error('not kept')));
    const thrown: unknown = await failing({}, anInvocation()).catch((error: unknown) => error);
    expect(thrown).toMatchObject({ name: 'InvocationError', message: 'Error' });
    // The host logs what is thrown.
    expect(inspect(thrown)).not.toContain('not kept');
  });

  it.each(['debug', 'info', 'warn', 'error'] as const)('logs at the level of the line: %s', async (level) => {
    const lines: string[] = [];
    await queueConsumer(() => Promise.resolve(log(level, 'x')))({}, anInvocation(lines));
    const named = { debug: 'debug', info: 'information', warn: 'warning', error: 'error' }[level];
    expect(lines).toEqual([`${named} {"event":"x"}`]);
  });

  it('keeps the lines of two invocations apart', async () => {
    const [first, second]: [string[], string[]] = [[], []];
    let go: () => void = () => undefined;
    const wait = new Promise<void>((resolve) => {
      go = resolve;
    });
    const consume = queueConsumer(async (body) => {
      await wait;
      log('info', String(body));
    });
    const both = [consume('one', anInvocation(first)), consume('two', anInvocation(second))];
    go();
    await Promise.all(both);
    expect([first, second]).toEqual([['information {"event":"one"}'], ['information {"event":"two"}']]);
  });
});
