/** Counts the work under way, so that a stop can wait for it. */
export class RunningWork {
  readonly #running = new Set<Promise<unknown>>();

  get size(): number {
    return this.#running.size;
  }

  /** Follows a piece of work to its end, whichever way it ends. */
  async track<T>(work: Promise<T>): Promise<T> {
    this.#running.add(work);
    try {
      return await work;
    } finally {
      this.#running.delete(work);
    }
  }

  /** Waits until nothing runs, at most so long; answers whether it came to that. */
  async idle(timeoutMs: number): Promise<boolean> {
    const finished = (async () => {
      while (this.#running.size > 0) await Promise.allSettled(this.#running);
    })();
    return within(timeoutMs, finished);
  }
}

/** Whether some work ended (well or badly) within a time. */
export async function within(timeoutMs: number, work: Promise<unknown>): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<boolean>((resolve) => {
    timer = setTimeout(resolve, timeoutMs, false);
  });
  const ended = work.then(
    () => true,
    () => true,
  );
  try {
    return await Promise.race([ended, late]);
  } finally {
    clearTimeout(timer);
  }
}
