/** How often a fault strikes: `times` (default: until removed), of each `1 / share` occasions one (default: all). */
interface FaultMeasure {
  readonly queue: string;
  readonly times?: number;
  /** Between 0 and 1; spread evenly, so that a run can be repeated. */
  readonly share?: number;
}

/** Which outcomes: of messages sent to the broker, or of settlements asked of it. */
export type OutcomeOf = 'send' | 'settle';

/** Something that shall go wrong, as data. */
export type Fault =
  /** Transfers are refused and nothing is stored. */
  | (FaultMeasure & { readonly kind: 'refuse-sends'; readonly as: 'server-busy' | 'quota-exceeded' })
  /** The broker does what was asked and never says so: the client cannot know the outcome. */
  | (FaultMeasure & { readonly kind: 'lose-outcomes'; readonly of: OutcomeOf })
  /** The broker does what was asked and says so later. */
  | (FaultMeasure & { readonly kind: 'delay-outcomes'; readonly of: OutcomeOf; readonly delayMs: number })
  /** Locks are not renewed; they run out when they would. */
  | (FaultMeasure & { readonly kind: 'refuse-renewals' })
  /** All locks of the queue end now. */
  | { readonly kind: 'expire-locks'; readonly queue: string }
  /** Links to the queue are closed and refused, until the fault is removed. */
  | { readonly kind: 'disable-queue'; readonly queue: string; readonly as: 'not-found' | 'disabled' };

/** Faults that lie in wait; `expire-locks` strikes at once and is never one of them. */
export type StandingFault = Exclude<Fault, { kind: 'expire-locks' }>;

interface Standing {
  readonly fault: StandingFault;
  left: number;
  debt: number;
}

/** The faults in force. */
export class FaultPlan {
  #standing: Standing[] = [];

  /** Puts a fault in force and returns what removes it. */
  add(fault: StandingFault): () => void {
    const standing: Standing = { fault, left: 'times' in fault ? (fault.times ?? Infinity) : Infinity, debt: 0 };
    this.#standing.push(standing);
    return () => {
      this.#standing = this.#standing.filter((other) => other !== standing);
    };
  }

  /** The fault that strikes on this occasion, if any; this uses it up once. */
  strike<K extends StandingFault['kind']>(
    kind: K,
    queue: string,
    of?: OutcomeOf,
  ): Extract<StandingFault, { kind: K }> | undefined {
    for (const standing of this.#standing) {
      const { fault } = standing;
      if (!isKind(fault, kind) || fault.queue.toLowerCase() !== queue.toLowerCase()) continue;
      if ('of' in fault && fault.of !== of) continue;
      if (standing.left <= 0 || !isTurn(standing)) continue;
      standing.left -= 1;
      return fault;
    }
    return undefined;
  }

  clear(): void {
    this.#standing = [];
  }
}

function isKind<K extends StandingFault['kind']>(
  fault: StandingFault,
  kind: K,
): fault is Extract<StandingFault, { kind: K }> {
  return fault.kind === kind;
}

function isTurn(standing: Standing): boolean {
  const { fault } = standing;
  const share = 'share' in fault ? (fault.share ?? 1) : 1;
  standing.debt += share;
  // The sum of many small shares is a little less than whole in binary.
  if (standing.debt < 1 - 1e-9) return false;
  standing.debt -= 1;
  return true;
}
