/** Time, so that tests can bring their own. */
export interface Clock {
  now(): Date;
  /** Runs something once after so many milliseconds; the answer cancels it. */
  after(ms: number, run: () => void): () => void;
}

/** The machine's time. */
export const systemClock: Clock = {
  now: () => new Date(),
  after: (ms, run) => {
    const timer = setTimeout(run, ms);
    return () => {
      clearTimeout(timer);
    };
  },
};
