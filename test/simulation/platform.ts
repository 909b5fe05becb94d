import { makeGraphDirectory } from '../../shared/adapters/graph/graph-directory.ts';
import { makeGraphMail } from '../../shared/adapters/graph/graph-mail.ts';
import { makeGraphSubscriptions } from '../../shared/adapters/graph/graph-subscriptions.ts';
import { compose } from '../../shared/compose.ts';
import type { Config } from '../../shared/config.ts';
import { errorCode } from '../../shared/errors.ts';
import type { Ports } from '../../shared/ports.ts';
import { type FakeBlobs, fakeClaimStore } from '../support/fakes/claim-store-fake.ts';
import { type FakeDeliveriesTable, fakeDeliveries } from '../support/fakes/deliveries-fake.ts';
import { fakeWatchedFolders } from '../support/fakes/watched-folders-fake.ts';
import type { Dice } from './dice.ts';
import type { Plan } from './plan.ts';
import type { Delivered, SimulatedBus } from './simulated-bus.ts';
import type { SimulatedFolders } from './simulated-folders.ts';
import type { SimulatedGraph } from './simulated-graph.ts';
import { keysOf, type SimulatedKeys } from './simulated-keys.ts';
import { SimulatedProcess, type Surroundings } from './simulated-process.ts';
import { MARK } from './simulated-subscriptions.ts';

const SECOND = 1_000;
const MINUTE = 60_000;
const RENEW_LOCK_MS = 90_000;
const RENEW_LOCK_FOR_MS = 5 * MINUTE;
/** The platform ends a worker whether or not it has come to an end by itself. */
const GRACE_MS = 10 * SECOND;

/** Everything that survives a crash. */
export interface Stores {
  deliveries: FakeDeliveriesTable;
  folders: SimulatedFolders;
  blobs: FakeBlobs;
  keys: SimulatedKeys;
  bus: SimulatedBus;
  graph: SimulatedGraph;
}

export interface Running {
  process: SimulatedProcess;
  app: ReturnType<typeof compose>;
  busy: number;
  /** Told to end: it gets nothing new. */
  isEnding: boolean;
}

/** The functions host and the platform under it: starts processes, runs timers, hands out queue messages. */
export class Platform {
  readonly running: (Running | undefined)[] = [];
  #timersStopped = false;
  #ids = 0;
  readonly #deadTimers = new Map<string, number>();
  readonly #lives: number[] = [];
  #nobodyUntil = 0;
  /** When processes started, in order. */
  readonly starts: number[] = [];
  readonly #around: Surroundings;
  readonly #stores: Stores;
  readonly #plan: Plan;
  #config: Config;
  readonly #dice: Dice;

  constructor(around: Surroundings, stores: Stores, plan: Plan, config: Config, dice: Dice) {
    this.#around = around;
    this.#stores = stores;
    this.#plan = plan;
    this.#config = config;
    this.#dice = dice;
    stores.bus.onDue = (at) => around.time.after(at - around.time.now(), () => this.pump());
  }

  /** Processes that would take work now. */
  up(): Running[] {
    return this.running.filter((item) => item !== undefined).filter((item) => !item.isEnding && !item.process.isFrozen);
  }

  /** Until when nobody was there to work, or no timer told them to. */
  get idleUntil(): number {
    if (this.up().length === 0) return Number.POSITIVE_INFINITY;
    return Math.max(this.#nobodyUntil, ...this.#deadTimers.values());
  }

  /** Processes that start from now on live at this address. */
  moveTo(publicBaseUrl: string): void {
    this.#config = { ...this.#config, publicBaseUrl };
  }

  /** Whether somebody answers there. */
  isAt(notificationUrl: string): boolean {
    return notificationUrl.startsWith(`${this.#config.publicBaseUrl}/`);
  }

  start(slot: number): void {
    if (this.running[slot]) return;
    const { time, faults, trace } = this.#around;
    const life = (this.#lives[slot] = (this.#lives[slot] ?? 0) + 1);
    const first = slot === 0 && life === 1;
    this.starts.push(time.now());
    if (this.up().length === 0) this.#nobodyUntil = time.now();
    const skew = !first && faults.strikes('clock skew', 0.5) ? this.#dice.between(-10, 10) * MINUTE : 0;
    const process = new SimulatedProcess(`p${slot}.${life}`, skew, this.#around);
    trace.note(process.name, 'starts', `clock off by ${Math.round(skew / SECOND)} s`);
    const ports = this.#portsOf(process);
    const app = compose(this.#config, ports, new Date(process.localNow()));
    const running: Running = { process, app, busy: 0, isEnding: false };
    this.running[slot] = running;
    process.onCrash = () => {
      this.running[slot] = undefined;
      const wait = faults.over ? SECOND : this.#dice.pick([SECOND, 10 * SECOND, MINUTE, 10 * MINUTE]);
      time.after(wait, () => this.start(slot));
    };
    const readKeys = () => {
      ports.keys.refresh().catch(() => process.after(5 * SECOND, readKeys));
    };
    time.wake();
    readKeys();
    this.#runTimer(running, 'reconcile');
    this.pump();
  }

  kill(slot: number, forMs: number): void {
    const running = this.running[slot];
    if (!running) return;
    running.process.onCrash = () => {
      this.running[slot] = undefined;
      this.#around.time.after(forMs, () => this.start(slot));
    };
    running.process.crash('killed');
  }

  /** SIGTERM: the process gets no more work and comes to an end, by itself or after the grace. */
  terminate(slot: number, forMs: number): void {
    const running = this.running[slot];
    if (!running || running.isEnding) return;
    this.#around.trace.note(running.process.name, 'is told to end');
    running.isEnding = true;
    const end = () => {
      if (this.running[slot] === running) this.kill(slot, forMs);
    };
    this.#around.time.after(GRACE_MS, end);
    this.#around.time.wake();
    void running.app.drain().then(end);
  }

  startTimers(): void {
    const { time } = this.#around;
    const every = (name: 'reconcile' | 'renew', ms: number) => {
      const turn = () => {
        if (this.#timersStopped) return;
        time.after(ms, turn);
        this.#fire(name, ms);
      };
      time.after(ms, turn);
    };
    every('reconcile', this.#plan.tickMs);
    every('renew', this.#plan.renewMs);
  }

  stopTimers(): void {
    this.#timersStopped = true;
  }

  killTimer(name: 'reconcile' | 'renew', forMs: number): void {
    this.#deadTimers.set(name, this.#around.time.now() + forMs);
  }

  #fire(name: 'reconcile' | 'renew', everyMs: number): void {
    const { time, faults } = this.#around;
    if (!faults.over && (this.#deadTimers.get(name) ?? 0) > time.now()) return;
    if (faults.strikes('timer missed', 0.15)) return;
    const run = () => {
      const up = this.up();
      if (up.length > 0) this.#runTimer(this.#dice.pick(up), name);
    };
    if (faults.strikes('timer doubled', 0.1)) run();
    if (faults.strikes('timer late', 0.1)) time.after(this.#dice.between(0, everyMs), run);
    else run();
  }

  #runTimer({ app, process }: Running, name: 'reconcile' | 'renew'): void {
    const { time, trace } = this.#around;
    trace.note(process.name, `timer ${name}`);
    time.wake();
    const work = name === 'reconcile' ? app.reconcileMailboxes() : app.renewSubscriptions();
    work.catch((error: unknown) => trace.note(process.name, `timer ${name} failed`, errorCode(error)));
  }

  /** Gives due messages to whoever has room. */
  pump(): void {
    for (;;) {
      const free = this.up().filter((item) => item.busy < this.#plan.atOnce);
      if (free.length === 0) return;
      const delivered = this.#stores.bus.receive();
      if (!delivered) return;
      this.#handle(this.#dice.pick(free), delivered);
    }
  }

  #handle(running: Running, delivered: Delivered): void {
    const { time, faults, trace } = this.#around;
    const { bus } = this.#stores;
    const { process, app } = running;
    const startedAt = time.now();
    let done = false;
    running.busy++;
    trace.note(process.name, 'takes ring', `#${delivered.number} ${delivered.body}`);
    const renew = () => {
      if (done || time.now() - startedAt > RENEW_LOCK_FOR_MS || !bus.renew(delivered)) return;
      process.after(RENEW_LOCK_MS, renew);
    };
    process.after(RENEW_LOCK_MS, renew);
    if (faults.strikes('lock expired', 0.02))
      time.after(this.#dice.between(10, 60_000), () => {
        if (!done) process.troubled();
        bus.expire(delivered);
      });
    const settle = (well: boolean) => {
      done = true;
      running.busy--;
      trace.note(process.name, well ? 'done with ring' : 'abandons ring', `#${delivered.number}`);
      if (process.isDown || faults.strikes('settle lost', 0.03)) return this.pump();
      time.after(faults.latency('bus'), () => {
        if (well) bus.complete(delivered);
        else bus.abandon(delivered);
      });
      this.pump();
    };
    time.wake();
    const body: unknown = JSON.parse(delivered.body);
    app.processMailboxWork(body).then(
      () => settle(true),
      () => settle(false),
    );
  }

  #portsOf(process: SimulatedProcess): Ports {
    const { bus, graph, deliveries, folders, blobs, keys } = this.#stores;
    const client = graph.clientOf(process);
    const { publicBaseUrl } = this.#config;
    return {
      ...bus.portsOf(process),
      claims: fakeClaimStore(blobs, process.gate),
      deliveries: fakeDeliveries(deliveries, process.gate, process.tableClock),
      folders: fakeWatchedFolders(folders, process.gate),
      keys: keysOf(keys, process, this.#around),
      mail: makeGraphMail(client, true),
      subscriptions: makeGraphSubscriptions(client, { publicBaseUrl, mark: MARK }),
      directory: makeGraphDirectory(client),
      random: this.#dice.next,
      newId: () => `${process.name}#${++this.#ids}`,
      after: process.after,
    };
  }
}
