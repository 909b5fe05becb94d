// What an onlooker sees of the emulators' work: every operation twice, before it is applied and before it is answered.

/** One side of one operation that crosses the border between an emulator and its client. */
export type ObservedStep = {
  /** Who is asked; `webhook`: Graph calls the client. */
  service: 'graph' | 'webhook' | 'bus' | 'blob' | 'queue' | 'table';
  /** What is done, by the name that the service's own counters use. */
  operation: string;
  /** Path, URL or queue. */
  target: string;
  /** What the client sends, as text; empty where it says no more than the target. */
  content: string;
  /** `before`: nothing has happened yet. `after`: it has happened, and the other side does not know. */
  side: 'before' | 'after';
  /** HTTP status of what will be answered, where there is one. */
  status?: number | undefined;
};

/**
 * Looks at a step and lets it pass, or drops it: before, nothing is applied; after, nobody is told. Either way the
 * connection ends, where the protocol has one for each request. It must answer at once: what it does to the client
 * (such as killing it) happens exactly between the two sides.
 */
export type StepObserver = (step: ObservedStep) => 'drop' | undefined;
