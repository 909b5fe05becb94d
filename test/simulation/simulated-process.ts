import { makeServerClock, type ServerClock } from '../../shared/adapters/server-clock.ts';
import { TransientError } from '../../shared/errors.ts';
import { Gate } from '../support/fakes/gate.ts';
import type { CallFault, Faults, Service } from './faults.ts';
import type { SimulatedTime } from './simulated-time.ts';
import type { Trace } from './trace.ts';

export type Outcome<T> = { value: T } | { error: Error };

/** What processes share. */
export interface Surroundings {
  time: SimulatedTime;
  faults: Faults;
  trace: Trace;
  /** Services that answer nobody until then. */
  downUntil: Map<Service, number>;
  /** Mailboxes that refuse everybody for a while, with the status they give. */
  refusedUntil: Map<string, { status: 403 | 404; until: number }>;
  /** How far the clock of a service is off. */
  serviceSkew: Record<Service, number>;
}

const SERVICES: Readonly<Record<string, Service>> = {
  deliveries: 'tables',
  folders: 'tables',
  claims: 'blobs',
  workQueue: 'bus',
  crmQueue: 'bus',
};

const REFUSED: ReadonlySet<CallFault> = new Set(['table refused', 'blob refused', 'bus throttled', 'bus queue full']);
const ANSWER_LOST: ReadonlySet<CallFault> = new Set([
  'table applied, answer lost',
  'blob stored, answer lost',
  'bus accepted, answer lost',
]);
/** The client repeats a request whose answer was lost: the second one meets what the first one did. */
const REPEATED: ReadonlySet<CallFault> = new Set(['table retried by the client', 'bus accepted twice']);

const OLD_DATE_MS = 900;

/** One life of one process of the app: it can be paused and it can die at any call; its clock may be wrong. */
export class SimulatedProcess {
  readonly name: string;
  readonly gate: ProcessGate;
  readonly tableClock: ServerClock;
  readonly graphClock: ServerClock;
  /** Off by this much, in ms. */
  skew: number;
  /** When something last went wrong on its side; bounds are judged with that in mind. */
  troubledAt = Number.NEGATIVE_INFINITY;
  /** Until when it stood still, or when its clock jumped. */
  stalledUntil = Number.NEGATIVE_INFINITY;
  onCrash: () => void = () => undefined;
  #frozenUntil = 0;
  /** The own clock's error, and the age of the answer, when the clock of a service was last read. */
  readonly #observed: Partial<Record<Service, { skew: number; age: number }>> = {};
  readonly #around: Surroundings;

  constructor(name: string, skew: number, around: Surroundings) {
    this.name = name;
    this.skew = skew;
    this.#around = around;
    this.gate = new ProcessGate(this, around);
    this.tableClock = makeServerClock(() => this.localNow());
    this.graphClock = makeServerClock(() => this.localNow());
  }

  get isDown(): boolean {
    return this.gate.isCrashed;
  }

  get isFrozen(): boolean {
    return this.#frozenUntil > this.#around.time.now();
  }

  localNow(): number {
    return this.#around.time.now() + this.skew;
  }

  /** Nothing that it waits for ever comes. What it has sent may still arrive. */
  crash(why: string): void {
    if (this.isDown) return;
    this.#around.trace.note(this.name, 'dies', why);
    this.gate.crash();
    this.onCrash();
  }

  freeze(ms: number): void {
    this.#around.trace.note(this.name, 'pauses', String(Math.round(ms)));
    this.troubled();
    this.#frozenUntil = Math.max(this.#frozenUntil, this.#around.time.now() + Math.ceil(ms));
    this.stalledUntil = this.#frozenUntil;
  }

  /** Its clock is set anew. */
  setSkew(skew: number): void {
    this.troubled();
    this.skew = skew;
    this.stalledUntil = Math.max(this.stalledUntil, this.#around.time.now());
  }

  troubled(): void {
    this.troubledAt = this.#around.time.now();
  }

  /** Calls back in this process: not if it died meanwhile, and not while it is paused. */
  readonly after = (ms: number, call: () => void): (() => void) => {
    const { time } = this.#around;
    let cancel: () => void = () => undefined;
    const ring = () => {
      if (this.isDown) return;
      if (this.isFrozen) {
        cancel = time.after(this.#frozenUntil - time.now(), ring);
        return;
      }
      time.wake();
      call();
    };
    cancel = time.after(ms, ring);
    return () => cancel();
  };

  /** One call of a service: `serve` runs there, some time later, whether or not this process still lives. */
  request<T>(service: Service, call: string, serve: (fault: CallFault | undefined) => Outcome<T>): Promise<T> {
    if (this.isDown) return new Promise(() => undefined);
    const { time, faults } = this.#around;
    const askedAt = time.now();
    const fault = faults.onCall(service, time.now());
    if (fault) this.troubled();
    if (fault === 'crash before a call') {
      faults.count(fault);
      this.crash(`before ${call}`);
      return new Promise(() => undefined);
    }
    if (fault === 'process paused') {
      faults.count(fault);
      this.freeze(faults.pause());
    }
    const isSlow = fault?.endsWith(' slow');
    if (fault && isSlow) faults.count(fault);
    const there = faults.latency(service) + (isSlow ? faults.slowness() : 0);
    return new Promise((resolve, reject) => {
      time.after(there, () => {
        const outcome = serve(fault);
        const servedAt = time.now();
        if (fault === 'crash after a call') {
          if (this.isDown) return;
          faults.count(fault);
          this.crash(`after ${call}`);
          return;
        }
        this.after(faults.latency(service), () => {
          this.#readDate(service, servedAt, time.now() - askedAt);
          if ('error' in outcome) reject(outcome.error);
          else resolve(outcome.value);
        });
      });
    });
  }

  /**
   * Takes the time from the `Date` of an answer. It tells something new only after this process's own clock changed,
   * or where the answer is old because the process stood still meanwhile; otherwise reading it is left out.
   */
  #readDate(service: Service, servedAt: number, tookMs: number): void {
    const clock = service === 'tables' ? this.tableClock : service === 'graph' ? this.graphClock : undefined;
    if (!clock) return;
    const age = this.#around.time.now() - servedAt;
    const known = this.#observed[service];
    if (known && known.skew === this.skew && known.age < OLD_DATE_MS && age < OLD_DATE_MS) return;
    this.#observed[service] = { skew: this.skew, age };
    clock.observe(new Date(servedAt + this.#around.serviceSkew[service]).toUTCString(), tookMs);
  }
}

/** The way of one process to tables, blobs and queues of the fakes. */
export class ProcessGate extends Gate {
  readonly #process: SimulatedProcess;
  readonly #around: Surroundings;

  constructor(process: SimulatedProcess, around: Surroundings) {
    super(around.time);
    this.#process = process;
    this.#around = around;
  }

  override pass<T>(
    call: string,
    effect: () => T,
    { midway, conflict }: { midway?: (() => void) | undefined; conflict?: (() => T) | undefined } = {},
  ): Promise<T> {
    const service = SERVICES[call.slice(0, call.indexOf('.'))] ?? 'tables';
    return this.#process.request(service, call, (fault) => this.#serve(service, call, fault, effect, midway, conflict));
  }

  #serve<T>(
    service: Service,
    call: string,
    fault: CallFault | undefined,
    effect: () => T,
    midway: (() => void) | undefined,
    conflict: (() => T) | undefined,
  ): Outcome<T> {
    const { time, faults, trace, downUntil } = this.#around;
    const refused = (code: string): Outcome<T> => {
      trace.note(this.#process.name, call, code);
      this.#process.troubled();
      return { error: new TransientError(`simulated:${service}`) };
    };
    if ((downUntil.get(service) ?? 0) > time.now()) return refused('service down');
    if (!fault) return this.#done(call, effect);
    if (REFUSED.has(fault)) {
      faults.count(fault);
      return refused(fault);
    }
    if (ANSWER_LOST.has(fault)) {
      faults.count(fault);
      effect();
      return refused(fault);
    }
    if (fault === 'bus took a part' && midway) {
      faults.count(fault);
      midway();
      return refused(fault);
    }
    if (fault === 'table 412 or 409' && conflict) {
      faults.count(fault);
      trace.note(this.#process.name, call, fault);
      return { value: conflict() };
    }
    if (REPEATED.has(fault)) {
      faults.count(fault);
      effect();
    }
    return this.#done(call, effect);
  }

  #done<T>(call: string, effect: () => T): Outcome<T> {
    this.#around.trace.note(this.#process.name, call);
    return { value: effect() };
  }
}
