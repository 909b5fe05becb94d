import type { GraphClient } from '../../../shared/adapters/graph/graph-client.ts';
import { appMark, makeGraphSubscriptions } from '../../../shared/adapters/graph/graph-subscriptions.ts';
import { makeGraphDirectory } from '../../../shared/adapters/graph/graph-directory.ts';
import { makeServerClock } from '../../../shared/adapters/server-clock.ts';
import { compose } from '../../../shared/compose.ts';
import type { Config } from '../../../shared/config.ts';
import type { Ring } from '../../../shared/domain/work-item.ts';
import { withInvocationLog } from '../../../shared/log.ts';
import type { GraphSubscriptions, Ports } from '../../../shared/ports.ts';
import { aConfig, TENANT } from '../../support/builders.ts';
import { FakeBlobs, fakeClaimStore } from '../../support/fakes/claim-store-fake.ts';
import { FakeCrmQueue, fakeCrmQueue } from '../../support/fakes/crm-queue-fake.ts';
import { FakeDeliveriesTable, fakeDeliveries } from '../../support/fakes/deliveries-fake.ts';
import { FakeKeyBlob, fakeKeyRing } from '../../support/fakes/key-ring-fake.ts';
import { seededIds, seededRandom } from '../../support/seeded-random.ts';
import type { SimulatedTime } from '../simulated-time.ts';
import { emptyMail } from './empty-mail.ts';
import { QuickFoldersTable, quickWatchedFolders } from './quick-folders.ts';
import { QuickGate } from './quick-gate.ts';
import { RingsQueue, ringsQueue } from './rings-queue.ts';
import { MINUTE, type Tenant } from './tenant.ts';
import { tenantClient } from './tenant-client.ts';

export const MARK = appMark(TENANT, '', 'bus.northwind.example');

/** host.json: so many rings at once, and a run that takes longer is cut off together with its process. */
const CONCURRENT_CALLS = 16;
const FUNCTION_TIMEOUT_MS = 10 * MINUTE;

export type TimerName = 'renew' | 'reconcile';

export interface Running {
  app: ReturnType<typeof compose>;
  ports: Ports;
  gate: QuickGate;
  machine: Machine;
  /** Rings it works on. */
  busy: number;
  work(ring: Ring): Promise<void>;
}

/** `skewMs`: how far its clock is off; may jump. */
export interface Machine {
  skewMs: number;
}

/** The app in some processes over stores that outlive them, with its timers and its queue, in virtual time. */
export class Installation {
  readonly tenant: Tenant;
  readonly time: SimulatedTime;
  readonly folders = new QuickFoldersTable();
  readonly keys = new FakeKeyBlob();
  readonly queue: RingsQueue;
  readonly deliveries = new FakeDeliveriesTable();
  readonly running: Running[] = [];
  /** Log lines by event. */
  readonly logged = new Map<string, number>();
  /** HTTP requests to Graph by kind. */
  readonly requests = new Map<string, number>();
  /** Timer runs that took longer than the platform lets them. */
  cutOff = 0;
  config: Partial<Config>;
  readonly #dead = new Set<TimerName>();
  readonly #busy = new Map<TimerName, Running>();
  readonly #random: () => number;
  readonly #newId: () => string;

  constructor(tenant: Tenant, config: Partial<Config>, seed = 1) {
    this.tenant = tenant;
    this.time = tenant.time;
    this.config = config;
    this.#random = seededRandom(seed);
    this.#newId = seededIds(this.#random);
    this.queue = new RingsQueue(this.time, { next: () => this.running.find((item) => item.busy < CONCURRENT_CALLS) });
  }

  /** Where subscriptions made with these settings lead. */
  endpoint(): string {
    const still = { localNow: () => this.time.now(), pass: () => Promise.resolve() };
    return this.#subscriptions(tenantClient(this.tenant, MARK, still, new Map())).endpoint;
  }

  /** A fresh process with the settings as they are now. */
  start(skewMs = 0): Running {
    const running = this.#compose({ skewMs });
    this.running.push(running);
    void this.quietly(() => running.ports.keys.refresh()).catch(() => undefined);
    this.fire('reconcile', running);
    this.queue.pump();
    return running;
  }

  /** Stops a process in the middle of whatever it does. */
  crash(running: Running): void {
    running.gate.crash();
    this.time.wake();
    this.running.splice(this.running.indexOf(running), 1);
    for (const [name, who] of this.#busy) if (who === running) this.#busy.delete(name);
  }

  stopAll(): void {
    while (this.running[0]) this.crash(this.running[0]);
  }

  kill(name: TimerName): void {
    this.#dead.add(name);
  }

  /** Runs a timer again and again; the pause may change. */
  every(name: TimerName, pauseMs: () => number): void {
    const turn = () => {
      this.time.after(pauseMs(), turn);
      const running = this.running[Math.floor(this.#random() * this.running.length)];
      if (running) this.fire(name, running);
    };
    this.time.after(pauseMs(), turn);
  }

  /** One run of a timer, unless one is under way: the platform runs each timer once over all instances. */
  fire(name: TimerName, running: Running): void {
    if (this.#dead.has(name) || this.#busy.has(name)) return;
    this.#busy.set(name, running);
    const cut = this.time.after(FUNCTION_TIMEOUT_MS, () => {
      this.cutOff++;
      this.crash(running);
      this.time.after(MINUTE, () => void this.start(running.machine.skewMs));
    });
    const done = () => {
      cut();
      if (this.#busy.get(name) === running) this.#busy.delete(name);
    };
    running.gate.crashed.then(cut, cut);
    const { renewSubscriptions, reconcileMailboxes } = running.app;
    void this.quietly(name === 'renew' ? renewSubscriptions : reconcileMailboxes)
      .catch(() => undefined)
      .finally(done);
  }

  /** What the app logs is counted instead of shown. */
  quietly<T>(work: () => Promise<T>): Promise<T> {
    this.time.wake();
    return withInvocationLog((_level, line) => {
      const event = line.slice(10, line.indexOf('"', 10));
      this.logged.set(event, (this.logged.get(event) ?? 0) + 1);
    }, work);
  }

  #subscriptions(graph: GraphClient): GraphSubscriptions {
    return makeGraphSubscriptions(graph, { publicBaseUrl: aConfig(this.config).publicBaseUrl, mark: MARK });
  }

  #compose(machine: Machine): Running {
    const { time, tenant } = this;
    const config = aConfig(this.config);
    const localNow = () => time.now() + machine.skewMs;
    const storeClock = makeServerClock(localNow);
    // Every answer of a store says what time it is there.
    const gate = new QuickGate(() => {
      if (Math.abs(storeClock.now() - time.now()) > 2_000) storeClock.observe(new Date(time.now()).toUTCString());
    });
    const alive = (call: () => void) => () => {
      if (gate.isCrashed) return;
      time.wake();
      call();
    };
    const pass = (ms: number) => new Promise<void>((resolve) => void time.after(ms, alive(resolve)));
    const graph = tenantClient(tenant, MARK, { localNow, pass }, this.requests);
    const ports: Ports = {
      workQueue: ringsQueue(this.queue, gate, () => time.now()),
      crmQueue: fakeCrmQueue(new FakeCrmQueue(time), gate),
      claims: fakeClaimStore(new FakeBlobs(time), gate),
      deliveries: { ...fakeDeliveries(this.deliveries, gate, time), clock: storeClock },
      folders: quickWatchedFolders(this.folders, gate),
      keys: fakeKeyRing(this.keys, gate, time),
      mail: emptyMail(tenant, graph.clock),
      subscriptions: this.#subscriptions(graph),
      directory: makeGraphDirectory(graph),
      random: this.#random,
      newId: this.#newId,
      after: (ms, call) => time.after(ms, alive(call)),
    };
    const app = compose(config, ports, new Date(localNow()));
    const work = (ring: Ring) => this.quietly(() => app.processMailboxWork({ v: 1, ...ring }));
    return { gate, machine, ports, app, busy: 0, work };
  }
}
