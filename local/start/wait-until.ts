const LOOK_EVERY_MS = 20;

/** Waits until `condition` holds; false if the limit passed or the signal came first. */
export async function waitUntil(
  condition: () => boolean | Promise<boolean>,
  limitMs: number,
  signal: AbortSignal,
): Promise<boolean> {
  const end = performance.now() + limitMs;
  while (!(await condition())) {
    if (signal.aborted || performance.now() >= end) return false;
    await pause(LOOK_EVERY_MS, signal);
  }
  return true;
}

/** Waits until `reading` has stayed the same for `quietMs`; false if it did not within the limit. */
export function waitForQuiet(
  reading: () => string,
  quietMs: number,
  limitMs: number,
  signal: AbortSignal,
): Promise<boolean> {
  let last = reading();
  let since = performance.now();
  return waitUntil(
    () => {
      const now = reading();
      if (now !== last) {
        last = now;
        since = performance.now();
      }
      return performance.now() - since >= quietMs;
    },
    limitMs,
    signal,
  );
}

/** Waits so long, or until the signal comes. */
export function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) {
      resolve();
      return;
    }
    const done = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal.addEventListener('abort', done);
  });
}
