// One timer function: waits for its slots, never runs a slot while another runs, retries as the function asks.
import type { RetryOptions } from './app-registry.ts';
import type { Clock } from './clock.ts';
import type { RetryContext, TypedData } from './core-types.ts';
import { describeError, errorMessage } from './host-error.ts';
import type { TimerSchedule } from './ncrontab.ts';

/** A timer under way. */
export interface TimerTrigger {
  /** Runs it once now, beside its schedule, with the retries of the function. */
  runByHand(): Promise<void>;
  /** No further runs; the current one goes on to its end. */
  stop(): void;
}

/** How one run of the function is started; it rejects if the run failed. */
export type RunTimer = (data: TypedData, retryContext: RetryContext | undefined) => Promise<unknown>;

// setTimeout holds at most 2^31 - 1 ms, about 24.8 days.
const longestWaitMs = 2_147_483_647;

/** Starts a timer. Its status lives in memory: a slot missed while the host was down is lost. */
export function startTimer(options: {
  schedule: TimerSchedule;
  useMonitor: boolean;
  runOnStartup: boolean;
  retry: RetryOptions | undefined;
  clock: Clock;
  run: RunTimer;
}): TimerTrigger {
  const { schedule, clock, retry } = options;
  // The real host forces this too: a status write a second would be too much for its storage.
  const monitored = options.useMonitor && !schedule.firesMoreThanOnceAMinute;
  let stopped = false;
  let cancelWait: (() => void) | undefined;
  let wakeRetry: (() => void) | undefined;
  let next = schedule.nextAfter(clock.now());
  // .NET's DateTime default: how the real host says "never ran".
  let last = '0001-01-01T00:00:00';
  let lastUpdated = clock.now().toISOString();

  const timerInfo = (): TypedData => ({
    json: JSON.stringify({
      Schedule: { AdjustForDST: true },
      ScheduleStatus: monitored ? { Last: last, LastUpdated: lastUpdated, Next: next.toISOString() } : null,
      IsPastDue: false,
    }),
  });

  const runWithRetries = async (): Promise<void> => {
    const data = timerInfo();
    for (let retryCount = 0, failure: unknown; ; retryCount += 1) {
      try {
        await options.run(data, retryCount === 0 ? undefined : retryContext(retryCount, retry, failure));
        return;
      } catch (error) {
        failure = error;
      }
      const exhausted = retry === undefined || (retry.maxRetryCount !== -1 && retryCount >= retry.maxRetryCount);
      if (stopped || exhausted) return;
      await new Promise<void>((resolve) => {
        const cancel = clock.after(retryDelayMs(retry, retryCount), resolve);
        wakeRetry = () => {
          cancel();
          resolve();
        };
      });
      if (stopped) return;
    }
  };

  const runSlot = async (): Promise<void> => {
    const started = clock.now();
    await runWithRetries();
    last = started.toISOString();
    lastUpdated = last;
    // Counted from the start: a run that took longer than a slot fires once more at once, what it missed besides is lost.
    next = schedule.nextAfter(started);
    wait();
  };

  const wait = (): void => {
    if (stopped) return;
    const remaining = next.getTime() - clock.now().getTime();
    // A timer may fire a little early by the wall clock, hence the look at the clock on each wake-up.
    cancelWait =
      remaining > 0 ? clock.after(Math.min(remaining, longestWaitMs), wait) : clock.after(0, () => void runSlot());
  };

  if (options.runOnStartup) cancelWait = clock.after(0, () => void runSlot());
  else wait();

  return {
    runByHand: runWithRetries,
    stop: () => {
      stopped = true;
      cancelWait?.();
      wakeRetry?.();
    },
  };
}

function retryDelayMs(retry: RetryOptions, retryCount: number): number {
  if (retry.retryStrategy === 'fixedDelay') return (retry.delayInterval?.seconds ?? 0) * 1000;
  const shortest = (retry.minimumInterval?.seconds ?? 0) * 1000;
  const longest = (retry.maximumInterval?.seconds ?? 0) * 1000;
  return Math.min(longest, Math.max(shortest, 1000) * 2 ** retryCount);
}

function retryContext(retryCount: number, retry: RetryOptions | undefined, failure: unknown): RetryContext {
  return {
    retryCount,
    maxRetryCount: retry?.maxRetryCount ?? 0,
    exception: { message: errorMessage(failure), source: '', stackTrace: describeError(failure) },
  };
}
