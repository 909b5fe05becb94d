import type { Dice } from './dice.ts';

const MINUTE = 60_000;

export type Service = 'tables' | 'bus' | 'blobs' | 'graph';

/** What a single call of a service may meet. */
const CALL_FAULTS = {
  tables: [
    'table refused',
    'table applied, answer lost',
    'table retried by the client',
    'table 412 or 409',
    'table slow',
  ],
  bus: [
    'bus throttled',
    'bus accepted, answer lost',
    'bus accepted twice',
    'bus took a part',
    'bus queue full',
    'bus slow',
  ],
  blobs: ['blob refused', 'blob stored, answer lost', 'blob slow'],
  graph: [
    'graph 401',
    'graph 403',
    'graph 404',
    'graph 410',
    'graph 429',
    'graph 5xx',
    'graph no answer',
    'graph truncated',
    'graph applied, answer lost',
    'graph slow',
  ],
} as const;

const PROCESS_FAULTS = ['crash before a call', 'crash after a call', 'process paused'] as const;

const MILD_RATE = 0.01;
const ENDING: ReadonlySet<CallFault> = new Set(PROCESS_FAULTS);
/** A worker loses its lane to others for some minutes when it dies or stands still. */
const DEATHS_APART_MS = 5 * MINUTE;

/** What strikes from outside, now and then or for a while. */
export const WORLD_FAULTS = [
  'tables down',
  'bus down',
  'blobs down',
  'graph down',
  'mailbox refused',
  'delta tokens expired',
  'delta lag',
  'read lag',
  'notification dropped',
  'notification doubled',
  'notification late',
  'notifications shuffled',
  'notification forged',
  'notification blackout',
  'lifecycle missed',
  'lifecycle reauthorizationRequired',
  'lifecycle subscriptionRemoved',
  'subscription vanished',
  'settle lost',
  'lock expired',
  'timer late',
  'timer doubled',
  'timer missed',
  'timer dead',
  'process killed',
  'process drained',
  'all processes down',
  'clock skew',
  'clock jump',
] as const;

export type CallFault = (typeof CALL_FAULTS)[Service][number] | (typeof PROCESS_FAULTS)[number];
export type WorldFault = (typeof WORLD_FAULTS)[number];
export type FaultKind = CallFault | WorldFault;

export const ALL_FAULTS: readonly FaultKind[] = [
  ...Object.values(CALL_FAULTS).flat(),
  ...PROCESS_FAULTS,
  ...WORLD_FAULTS,
];

/**
 * Which kinds of faults one history has, and how often. Every history has some of the kinds and not the others: where
 * everything fails all the time, nothing gets far enough to fail in an interesting way.
 */
export class Faults {
  readonly struck = new Map<FaultKind, number>();
  /** No more faults from now on. */
  over = false;
  readonly #dice: Dice;
  readonly #chosen = new Set<FaultKind>();
  readonly #onCall: Record<Service, CallFault[]>;
  readonly #rate: number;
  #endedAt = 0;

  /** `mostRate`: share of calls that may fail at most. */
  constructor(dice: Dice, mostRate: number) {
    this.#dice = dice;
    const share = dice.pick([0.15, 0.4, 0.7]);
    for (const kind of ALL_FAULTS) if (dice.chance(share)) this.#chosen.add(kind);
    this.#rate = Math.min(mostRate, dice.pick([0.002, 0.01, 0.03, 0.06]));
    const of = (service: Service): CallFault[] => {
      const own = CALL_FAULTS[service].filter((kind) => this.#chosen.has(kind));
      return [...own, ...own, ...PROCESS_FAULTS.filter((kind) => this.#chosen.has(kind))];
    };
    this.#onCall = { tables: of('tables'), bus: of('bus'), blobs: of('blobs'), graph: of('graph') };
  }

  has(kind: WorldFault): boolean {
    return !this.over && this.#chosen.has(kind);
  }

  /** Whether a fault of this kind strikes now; counted if so. */
  strikes(kind: WorldFault, probability: number): boolean {
    if (!this.has(kind) || !this.#dice.chance(probability)) return false;
    this.count(kind);
    return true;
  }

  /** Whether calls of this service go wrong at all now. */
  hasCallFaults(service: Service): boolean {
    return !this.over && this.#onCall[service].length > 0;
  }

  /** What the next call of a service meets; mostly nothing. Not counted before it really happens. */
  onCall(service: Service, now: number): CallFault | undefined {
    if (this.over || !this.#dice.chance(this.#rate)) return undefined;
    const kinds = this.#onCall[service];
    if (kinds.length === 0) return undefined;
    const kind = this.#dice.pick(kinds);
    if (!ENDING.has(kind)) return kind;
    // The more calls there are, the more would die with them: work under load would never come to an end.
    if (now - this.#endedAt < DEATHS_APART_MS) return undefined;
    this.#endedAt = now;
    return kind;
  }

  /** Calls fail so rarely that no work is held up by it for long. */
  get isMild(): boolean {
    return this.#rate <= MILD_RATE;
  }

  count(kind: FaultKind): void {
    this.struck.set(kind, (this.struck.get(kind) ?? 0) + 1);
  }

  /** How long a call takes, one way. */
  latency(service: Service): number {
    return Math.min(5_000, 1 + this.#dice.waiting(service === 'graph' ? 80 : 12));
  }

  slowness(): number {
    return this.#dice.between(3_000, 55_000);
  }

  pause(): number {
    return this.#dice.pick([2_000, 20_000, 100_000, 6 * MINUTE]) * this.#dice.between(0.5, 1.5);
  }

  /** What a service asks to wait, in seconds. */
  retryAfterSeconds(): number | undefined {
    const seconds = this.#dice.pick([-1, 0, 1, 7, 45, 120, 400, 1200]);
    return seconds < 0 ? undefined : seconds;
  }

  get dice(): Dice {
    return this.#dice;
  }
}
