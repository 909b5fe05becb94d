import { compose } from '../../../shared/compose.ts';
import type { Config } from '../../../shared/config.ts';
import type { Mail } from '../../../shared/domain/mail.ts';
import { withInvocationLog } from '../../../shared/log.ts';
import type { Ports } from '../../../shared/ports.ts';
import { aConfig, aMail } from '../../support/builders.ts';
import type { MailOptions } from '../../support/fakes/graph-mail-fake.ts';
import { START } from '../../support/in-memory-ports.ts';
import { SimulatedTime } from '../simulated-time.ts';
import { GraphNotifications } from './graph-notifications.ts';
import { MailBooks } from './mail-books.ts';
import { MailboxTraffic } from './mailbox-traffic.ts';
import { CALM, RecoveryGate, type Terms } from './recovery-gate.ts';
import { makeStores, portsThrough } from './stores.ts';

export const SECOND = 1_000;
export const MINUTE = 60 * SECOND;
export const HOUR = 60 * MINUTE;
export const CATCH_UP_MS = 10 * MINUTE;
export const TICK_MS = MINUTE;

const RENEW_EVERY_MS = 30 * MINUTE;
const LOCK_MS = 30 * MINUTE;

export interface InstallationOptions {
  mailboxes?: number;
  processes?: number;
  /** Rings that a process answers at once. */
  atOnce?: number;
  seed?: number;
  config?: Partial<Config>;
}

interface Running {
  app: ReturnType<typeof compose>;
  ports: Ports;
  gate: RecoveryGate;
  busy: number;
}

export const mailboxId = (n: number): string => `${String(n).padStart(8, '0')}-2222-4333-8444-555555555555`;

/** Common times of answers, in ms. */
export const usualLatency = (call: string): number =>
  call.startsWith('mail.') || call.startsWith('subscriptions.') ? 300 : 10;

/** A timer that fails is logged by the host, and comes again. */
const ignoring = (work: Promise<unknown>): void => void work.catch(() => undefined);

/**
 * The whole app in virtual time over stores in memory: several processes, queue, timers, notifications. For large numbers
 * and long spans; what goes wrong is set by the test, not drawn.
 */
export class Installation {
  readonly stores: ReturnType<typeof makeStores<SimulatedTime>>;
  readonly traffic = new MailboxTraffic();
  readonly books: MailBooks;
  readonly notifications: GraphNotifications;
  readonly terms: Terms = { ...CALM };
  readonly ids: string[];
  /** Lines that the app logged, by their event. */
  readonly logged = new Map<string, number>();
  timersRun = true;
  /** The host is up, but its worker is not: every delivery is given back after a moment. */
  brokenWorkers = false;
  readonly #config: Config;
  readonly #atOnce: number;
  readonly #running: Running[] = [];

  constructor({ mailboxes = 1, processes = 2, atOnce = 16, seed = 1, config = {} }: InstallationOptions = {}) {
    this.stores = makeStores(new SimulatedTime(START), seed);
    this.ids = Array.from({ length: mailboxes }, (_, n) => mailboxId(n));
    this.#config = aConfig({ mailboxes: this.ids, catchUpMs: CATCH_UP_MS, ...config });
    this.#atOnce = atOnce;
    this.books = new MailBooks(this.stores.crmQueue, () => this.time.now());
    this.notifications = new GraphNotifications(this.stores.subscriptions, {
      alarm: (ms, work) => this.#alarm(ms, work),
      deliver: (value, deadline) =>
        this.#running.length > 0 ? this.#any().app.receiveNotifications({ value }, deadline) : undefined,
    });
    const put = this.workQueue.put.bind(this.workQueue);
    this.workQueue.put = (body, at?: number) => {
      put(body, at);
      this.#alarm((at ?? 0) - this.time.now(), () => this.#pump());
    };
    for (let n = 0; n < processes; n++) this.start();
    this.#every(TICK_MS, () => this.reconcile());
    this.#every(RENEW_EVERY_MS, () => ignoring(this.#any().app.renewSubscriptions()));
  }

  /** Mailboxes have their subscriptions and were looked at once. */
  static async ready(options: InstallationOptions = {}): Promise<Installation> {
    const installation = new Installation(options);
    installation.later(0, () => installation.reconcile());
    await installation.run(5 * MINUTE);
    return installation;
  }

  get time() {
    return this.stores.time;
  }

  get workQueue() {
    return this.stores.workQueue;
  }

  get mailboxes() {
    return this.stores.mailboxes;
  }

  get random() {
    return this.stores.random;
  }

  get apps(): readonly Running[] {
    return this.#running;
  }

  /** Another process comes up. */
  start(): Running {
    const gate = new RecoveryGate(this.time, this.terms);
    const alive = (ms: number, call: () => void) => this.#alarm(ms, () => gate.isCrashed || call());
    const ports = portsThrough(this.stores, gate, alive);
    ports.mail = this.traffic.watch(ports.mail);
    const app = compose(this.#config, ports, new Date(this.time.now()));
    const running = { app, ports, gate, busy: 0 };
    this.#running.push(running);
    this.#readKeys(running);
    return running;
  }

  /** A process dies; its locks run out later. */
  kill(running: Running): void {
    running.gate.crash();
    this.#running.splice(this.#running.indexOf(running), 1);
  }

  killAll(): void {
    for (let one = this.#running[0]; one; one = this.#running[0]) this.kill(one);
  }

  /** Lets `ms` pass. */
  run(ms: number): Promise<void> {
    const write = (_: string, line: string) => {
      const event = /"event":"([^"]*)"/.exec(line)?.[1] ?? '';
      this.logged.set(event, (this.logged.get(event) ?? 0) + 1);
    };
    const end = this.time.now() + ms;
    return withInvocationLog(write, async () => {
      do {
        // The most steps that are allowed are meant for a history; here they bound ten minutes.
        this.time.steps = 0;
        this.time.wake();
        await this.time.run(Math.min(end, this.time.now() + 10 * MINUTE));
        if (this.time.isExhausted) throw new Error('something goes round in circles');
      } while (this.time.now() < end);
    });
  }

  /** Waits for `work` while a little time passes. */
  async ask<T>(work: () => Promise<T>): Promise<T> {
    const asked = work();
    await this.run(10 * SECOND);
    return asked;
  }

  /** Calls `work` after `ms`. */
  later(ms: number, work: () => void): void {
    this.#alarm(ms, work);
  }

  reconcile(): void {
    if (this.#running.length > 0) ignoring(this.#any().app.reconcileMailboxes());
  }

  /** A mail arrives, and Graph notifies of it unless that gets lost. */
  deliver(mailbox: string, changes: Partial<Mail> = {}, options: MailOptions = {}): Mail {
    const mail = aMail({ receivedAt: new Date(Math.floor(this.time.now() / 1000) * 1000), ...changes });
    this.mailboxes.add(mailbox, mail, options);
    this.books.expect(mailbox, mail.id);
    if (this.random() >= this.notifications.dropShare) this.notifications.created(mailbox, mail.id);
    return mail;
  }

  /** The user deletes a folder; Graph answers 404 for it from then on. */
  removeFolder(mailbox: string, folderId: string): void {
    const { mailboxes, stores } = this;
    mailboxes.removed.add(`${mailbox}/${folderId}`);
    for (const [id, item] of stores.subscriptions.all)
      if (item.mailbox === mailbox && item.folderId === folderId) stores.subscriptions.all.delete(id);
  }

  graphCalls(): number {
    return this.#running.reduce((sum, { gate }) => sum + gate.count('mail.'), 0);
  }

  #any(): Running {
    const one = this.#running[Math.floor(this.random() * this.#running.length)];
    if (!one) throw new Error('no process is up');
    return one;
  }

  #alarm(ms: number, work: () => void): () => void {
    return this.time.after(ms, () => {
      this.time.wake();
      work();
    });
  }

  #every(ms: number, work: () => void): void {
    this.#alarm(ms, () => {
      this.#every(ms, work);
      if (this.timersRun && this.#running.length > 0) work();
    });
  }

  #readKeys(running: Running): void {
    const again = (ms: number) => {
      this.#alarm(ms, () => running.gate.isCrashed || this.#readKeys(running));
    };
    running.ports.keys.refresh().then(
      () => again(CATCH_UP_MS),
      () => again(5 * SECOND),
    );
  }

  #pump(): void {
    for (;;) {
      const free = this.#running.filter((item) => item.busy < this.#atOnce);
      const one = free[Math.floor(this.random() * free.length)];
      if (!one) return;
      const received = this.workQueue.receive(LOCK_MS);
      if (!received) return;
      if (this.brokenWorkers) {
        this.#alarm(SECOND, () => {
          this.workQueue.abandon(received.number);
          this.#pump();
        });
        continue;
      }
      one.busy++;
      // A worker that dies leaves its lock to run out.
      this.#alarm(LOCK_MS + SECOND, () => this.#pump());
      const settle = (done: boolean) => {
        one.busy--;
        if (done) this.workQueue.complete(received.number);
        else this.workQueue.abandon(received.number);
        this.#alarm(0, () => this.#pump());
      };
      one.app.processMailboxWork(received.body).then(
        () => settle(true),
        () => settle(false),
      );
    }
  }
}
