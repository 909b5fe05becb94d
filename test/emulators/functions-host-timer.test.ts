import { afterEach, describe, expect, test } from 'vitest';
import type { RetryOptions } from '../../local/functions-host/app-registry.ts';
import type { Clock } from '../../local/functions-host/clock.ts';
import type { RetryContext, TypedData } from '../../local/functions-host/core-types.ts';
import { startFunctionsHost } from '../../local/functions-host/functions-host.ts';
import { parseSchedule } from '../../local/functions-host/ncrontab.ts';
import { startTimer } from '../../local/functions-host/timer-trigger.ts';
import { buildAppFolder, logRecorder, until } from './functions-host-fixture.ts';

const aString: unknown = expect.any(String);
const aNewYear: unknown = expect.stringMatching(/^\d{4}-01-01T00:00:00.000Z$/);
const start = new Date('2026-01-01T00:00:30Z');
const slots = (schedule: string, count: number, from = start): string[] => {
  const parsed = parseSchedule(schedule, 'test');
  const found: Date[] = [];
  for (let at = from; found.length < count; ) found.push((at = parsed.nextAfter(at)));
  return found.map((at) => at.toISOString().replace('.000Z', ''));
};

describe('NCRONTAB', () => {
  test.each([
    ['0 * * * * *', ['2026-01-01T00:01:00', '2026-01-01T00:02:00']],
    ['0 */30 * * * *', ['2026-01-01T00:30:00', '2026-01-01T01:00:00']],
    ['5/15 * * * * *', ['2026-01-01T00:00:35', '2026-01-01T00:00:50', '2026-01-01T00:01:05']],
    ['*/5 * * * *', ['2026-01-01T00:05:00', '2026-01-01T00:10:00']],
    [
      '0 0 9-17/4 * * MON-FRI',
      ['2026-01-01T09:00:00', '2026-01-01T13:00:00', '2026-01-01T17:00:00', '2026-01-02T09:00:00'],
    ],
    ['0 0 1 1 Jan,jul *', ['2026-01-01T01:00:00', '2026-07-01T01:00:00']],
  ])('"%s" fires at %j', (schedule, expected) => {
    expect(slots(schedule, expected.length)).toEqual(expected);
  });

  test('day of month and day of week must both fit', () => {
    expect(slots('0 0 0 13 * FRI', 2)).toEqual(['2026-02-13T00:00:00', '2026-03-13T00:00:00']);
  });

  test.each([
    '0 0 0 ? * *',
    '0 0 0 L * *',
    '0 0 0 15W * *',
    '0 0 0 * * FRI#2',
    '0 0 0 * * 7',
    '0 0 0 * * 5-7',
    '@daily',
    '0 0 0 1 1 * 2027',
    '* *',
    '00:05:00',
    '61 * * * * *',
    '0 0 0 30 2 *',
    '',
  ])('refuses "%s", which Azure does not take', (schedule) => {
    expect(() => parseSchedule(schedule, 'Function "x"').nextAfter(start)).toThrow(/Function "x": the schedule/);
  });
});

/** A clock that stands still until it is told to go on. */
class ManualClock implements Clock {
  #now = start.getTime();
  #waiting: { at: number; run: () => void }[] = [];

  now(): Date {
    return new Date(this.#now);
  }

  after(ms: number, run: () => void): () => void {
    const entry = { at: this.#now + ms, run };
    this.#waiting.push(entry);
    return () => {
      this.#waiting = this.#waiting.filter((other) => other !== entry);
    };
  }

  get waiting(): number {
    return this.#waiting.length;
  }

  /** Goes on by so many seconds, running what falls due on the way. */
  async advance(seconds: number): Promise<void> {
    const end = this.#now + seconds * 1000;
    for (;;) {
      // Whatever a run set off must get its turn before the next wait is looked at.
      await new Promise(setImmediate);
      const due = this.#waiting.filter(({ at }) => at <= end).toSorted((a, b) => a.at - b.at)[0];
      if (due === undefined) break;
      this.#waiting = this.#waiting.filter((entry) => entry !== due);
      this.#now = Math.max(this.#now, due.at);
      due.run();
    }
    this.#now = end;
  }
}

describe('a timer', () => {
  const started: { stop(): void }[] = [];
  afterEach(() => {
    for (const trigger of started.splice(0)) trigger.stop();
  });

  function timer(options: {
    schedule?: string;
    retry?: RetryOptions;
    runOnStartup?: boolean;
    run?: () => Promise<void>;
  }) {
    const clock = new ManualClock();
    const runs: { at: string; data: TypedData; retry: RetryContext | undefined }[] = [];
    const trigger = startTimer({
      schedule: parseSchedule(options.schedule ?? '0 * * * * *', 'test'),
      useMonitor: true,
      runOnStartup: options.runOnStartup ?? false,
      retry: options.retry,
      clock,
      run: (data, retry) => {
        runs.push({ at: clock.now().toISOString().slice(11, 19), data, retry });
        return options.run?.() ?? Promise.resolve();
      },
    });
    started.push(trigger);
    return { clock, runs, trigger, times: () => runs.map(({ at }) => at) };
  }

  test('fires in each slot and not before', async () => {
    const { clock, times } = timer({});
    await clock.advance(29);
    expect(times()).toEqual([]);
    await clock.advance(91);
    expect(times()).toEqual(['00:01:00', '00:02:00']);
  });

  test('never overlaps: a run that overran a slot fires once more at once, other missed slots are lost', async () => {
    let finish: (() => void) | undefined;
    const { clock, times } = timer({ run: () => new Promise((resolve) => (finish = resolve)) });
    await clock.advance(30 + 200);
    expect(times()).toEqual(['00:01:00']);
    finish?.();
    await clock.advance(1);
    expect(times()).toEqual(['00:01:00', '00:04:20']);
    finish?.();
    await clock.advance(60);
    expect(times()).toEqual(['00:01:00', '00:04:20', '00:05:00']);
  });

  test('waits longer than setTimeout can hold', async () => {
    const { clock, times } = timer({ schedule: '0 0 0 1 7 *' });
    await clock.advance(180 * 24 * 3600);
    expect(times()).toEqual([]);
    await clock.advance(2 * 24 * 3600);
    expect(times()).toEqual(['00:00:00']);
  });

  test('tells the schedule status with its last run', async () => {
    const { clock, runs } = timer({});
    await clock.advance(90);
    expect(runs.map(({ data }): unknown => JSON.parse(data.json ?? ''))).toEqual([
      {
        Schedule: { AdjustForDST: true },
        ScheduleStatus: {
          Last: '0001-01-01T00:00:00',
          LastUpdated: '2026-01-01T00:00:30.000Z',
          Next: '2026-01-01T00:01:00.000Z',
        },
        IsPastDue: false,
      },
      expect.objectContaining({
        ScheduleStatus: {
          Last: '2026-01-01T00:01:00.000Z',
          LastUpdated: '2026-01-01T00:01:00.000Z',
          Next: '2026-01-01T00:02:00.000Z',
        },
      }),
    ]);
  });

  test('has no schedule status when it fires more than once a minute', async () => {
    const { clock, runs } = timer({ schedule: '*/10 * * * * *' });
    await clock.advance(10);
    expect(JSON.parse(runs[0]?.data.json ?? '')).toMatchObject({ ScheduleStatus: null });
  });

  test('tries a failed run again as its retry options say, then waits for the next slot', async () => {
    const { clock, runs, times } = timer({
      retry: { retryStrategy: 'fixedDelay', maxRetryCount: 2, delayInterval: { seconds: 5 } },
      run: () => Promise.reject(new Error('not yet')),
    });
    await clock.advance(60);
    expect(times()).toEqual(['00:01:00', '00:01:05', '00:01:10']);
    expect(runs.map(({ retry }) => retry && [retry.retryCount, retry.maxRetryCount, retry.exception?.message])).toEqual(
      [undefined, [1, 2, 'not yet'], [2, 2, 'not yet']],
    );
    await clock.advance(30);
    expect(times().at(-1)).toBe('00:02:00');
  });

  test('backs off exponentially up to the longest interval', async () => {
    const retry = {
      retryStrategy: 'exponentialBackoff',
      maxRetryCount: -1,
      minimumInterval: { seconds: 2 },
      maximumInterval: { seconds: 6 },
    } as const;
    const { clock, times } = timer({ retry, run: () => Promise.reject(new Error('never')) });
    await clock.advance(30 + 20);
    expect(times()).toEqual(['00:01:00', '00:01:02', '00:01:06', '00:01:12', '00:01:18']);
  });

  test('runs at once on start-up if it asks for that', async () => {
    const { clock, times } = timer({ runOnStartup: true });
    await clock.advance(30);
    expect(times()).toEqual(['00:00:30', '00:01:00']);
  });

  test('stops: no slot, no retry, nothing left waiting', async () => {
    const { clock, times, trigger } = timer({
      retry: { retryStrategy: 'fixedDelay', maxRetryCount: -1, delayInterval: { seconds: 5 } },
      run: () => Promise.reject(new Error('fails')),
    });
    await clock.advance(31);
    trigger.stop();
    await clock.advance(300);
    expect(times()).toEqual(['00:01:00']);
    expect(clock.waiting).toBe(0);
  });
});

describe('POST /admin/functions/{name}', () => {
  test('runs a timer by hand, also without a body, and refuses one that it cannot read', async () => {
    process.env['TICK_SCHEDULE'] = '0 0 0 1 1 *';
    const folder = await buildAppFolder();
    const host = await startFunctionsHost({ appDirectory: folder.directory, log: logRecorder().log });
    try {
      expect(host.functions).toContainEqual({ name: 'tick', trigger: 'timer', detail: '0 0 0 1 1 *' });
      const post = async (name: string, body: string | undefined, type = 'application/json') => {
        const init = { method: 'POST', headers: { 'content-type': type }, ...(body !== undefined && { body }) };
        return (await fetch(`${host.url}/admin/functions/${name}`, init)).status;
      };
      expect(await post('Tick', '{"input":null}')).toBe(202);
      const seen = await until(
        'the timer ran',
        async () => (await fetch(`${host.url}/api/seen`)).json(),
        (list) => Array.isArray(list) && list.length > 0,
      );
      expect(seen).toEqual([
        {
          timer: {
            schedule: { adjustForDST: true },
            scheduleStatus: {
              last: '0001-01-01T00:00:00',
              lastUpdated: aString,
              next: aNewYear,
            },
            isPastDue: false,
          },
          retryContext: null,
        },
      ]);
      expect(await post('unknown', '{}')).toBe(404);
      expect(await post('tick', undefined)).toBe(202);
      expect(await post('tick', 'not json')).toBe(400);
      expect(await post('tick', '{"input":{"an":"object"}}')).toBe(400);
      expect(await post('tick', '{}', 'text/plain')).toBe(202);
      expect((await fetch(`${host.url}/admin/functions/tick`)).status).toBe(404);
    } finally {
      await host.close();
      await folder.remove();
      delete process.env['TICK_SCHEDULE'];
    }
  });
});
