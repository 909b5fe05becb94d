import type { ServiceBusMessage } from '@azure/service-bus';
import { makeCrmQueue } from '../../shared/adapters/service-bus/crm-queue.ts';
import { makeWorkQueue } from '../../shared/adapters/service-bus/work-queue.ts';
import { parseRing, type Ring } from '../../shared/domain/work-item.ts';
import { TransientError } from '../../shared/errors.ts';
import type { Ports } from '../../shared/ports.ts';
import { CrmEvents } from './crm-events.ts';
import type { SimulatedProcess } from './simulated-process.ts';
import type { SimulatedTime } from './simulated-time.ts';

interface Queued {
  number: number;
  body: string;
  /** Scheduled for. */
  at: number;
  deliveries: number;
  /** Given with the lock; a settlement with another one comes too late. */
  lock: number;
  lockedUntil: number;
}

export interface Delivered {
  number: number;
  lock: number;
  body: string;
}

const LOCK_MS = 120_000;
const MAX_DELIVERIES = 10;
const DUPLICATE_WINDOW_MS = 7 * 86_400_000;
export const WORK_QUEUE = 'mailbox-work';
export const CRM_QUEUE = 'crm-mail';

/** Both queues as the broker keeps them. */
export class SimulatedBus {
  readonly #messages = new Map<number, Queued>();
  readonly #dead: string[] = [];
  #numbers = 0;
  #locks = 0;
  /** Every message of the work queue ever stored; positions tell what was stored since when. */
  readonly storedRings: string[] = [];
  readonly crm = new CrmEvents();
  readonly #seenAt = new Map<string, number>();
  readonly #time: SimulatedTime;
  #skew = 0;
  /** Something may be there to be delivered at this time. */
  onDue: (at: number) => void = () => undefined;

  constructor(time: SimulatedTime, skew: number) {
    this.#time = time;
    this.#skew = skew;
  }

  get waiting(): Queued[] {
    return [...this.#messages.values()];
  }

  /** How many rings were ever stored. */
  get ringCount(): number {
    return this.storedRings.length;
  }

  ringsSince(position: number): Ring[] {
    return this.storedRings.slice(position).flatMap((body) => parseRing(body) ?? []);
  }

  /** Every mailbox that a stored ring ever named. */
  get rungMailboxes(): Set<string> {
    return new Set(this.storedRings.flatMap((body) => /"mailbox":"([^"]*)"/.exec(body)?.[1] ?? []));
  }

  get deadCount(): number {
    return this.#dead.length;
  }

  now(): number {
    return this.#time.now() + this.#skew;
  }

  put(queue: string, message: ServiceBusMessage): void {
    const body = Buffer.isBuffer(message.body) ? message.body.toString() : String(message.body);
    const now = this.#time.now();
    if (queue === CRM_QUEUE) {
      const messageId = String(message.messageId);
      const seen = this.#seenAt.get(messageId);
      const isShown = seen === undefined || now - seen >= DUPLICATE_WINDOW_MS;
      if (isShown) this.#seenAt.set(messageId, now);
      this.crm.add(messageId, body, isShown);
      return;
    }
    this.storedRings.push(body);
    const at = Math.max(now, (message.scheduledEnqueueTimeUtc?.getTime() ?? 0) - this.#skew);
    const number = ++this.#numbers;
    this.#messages.set(number, { number, body, at, deliveries: 0, lock: 0, lockedUntil: 0 });
    this.onDue(at);
  }

  /** Locks the next message that may be delivered. */
  receive(): Delivered | undefined {
    const now = this.#time.now();
    let next: Queued | undefined;
    for (const message of this.#messages.values()) {
      if (message.at > now || message.lockedUntil > now) continue;
      if (!next || message.at < next.at) next = message;
    }
    if (!next) return undefined;
    if (next.deliveries >= MAX_DELIVERIES) {
      this.#messages.delete(next.number);
      this.#dead.push(next.body);
      return this.receive();
    }
    next.deliveries++;
    next.lock = ++this.#locks;
    this.#hold(next);
    return { number: next.number, lock: next.lock, body: next.body };
  }

  /** `false`: the lock is not valid any more. */
  renew({ number, lock }: Delivered): boolean {
    const message = this.#locked(number, lock);
    if (message) this.#hold(message);
    return message !== undefined;
  }

  complete({ number, lock }: Delivered): boolean {
    return this.#locked(number, lock) !== undefined && this.#messages.delete(number);
  }

  abandon({ number, lock }: Delivered): void {
    const message = this.#locked(number, lock);
    if (!message) return;
    message.lockedUntil = 0;
    this.onDue(this.#time.now());
  }

  expire({ number, lock }: Delivered): void {
    this.abandon({ number, lock, body: '' });
  }

  /** The queues as one process reaches them, through the real adapters as far as they send. */
  portsOf(process: SimulatedProcess): Pick<Ports, 'workQueue' | 'crmQueue'> {
    const send = async (queue: string, messages: ServiceBusMessage[], signal?: AbortSignal): Promise<void> => {
      if (signal?.aborted) throw new TransientError('bus:AbortError');
      const putAll = (part: ServiceBusMessage[]) => {
        for (const message of part) this.put(queue, message);
      };
      const name = queue === CRM_QUEUE ? 'crmQueue.publish' : 'workQueue.send';
      const sending = process.gate.pass(name, () => putAll(messages), {
        midway: () => putAll(messages.slice(0, Math.floor(messages.length / 2))),
      });
      if (!signal) return sending;
      await Promise.race([
        sending,
        new Promise<never>((_, reject) => {
          signal.addEventListener('abort', () => reject(new TransientError('bus:AbortError')), { once: true });
        }),
      ]);
    };
    const connection = {
      send,
      client: () => Promise.reject(new Error('the simulation has no client')),
      close: () => Promise.resolve(),
    };
    const workQueue = makeWorkQueue(connection, WORK_QUEUE);
    return {
      crmQueue: makeCrmQueue(connection, CRM_QUEUE),
      workQueue: {
        send: workQueue.send,
        drainDeadLetters: async (max, keep) => {
          const bodies = await process.gate.pass('workQueue.drainDeadLetters', () => this.#dead.slice(0, max));
          if (bodies.length === 0) return 0;
          await keep(bodies.map(parseRing).filter((ring) => ring !== undefined));
          return process.gate.pass('workQueue.completeDeadLetters', () => {
            for (const body of bodies) {
              const place = this.#dead.indexOf(body);
              if (place >= 0) this.#dead.splice(place, 1);
            }
            return bodies.length;
          });
        },
      },
    };
  }

  #locked(number: number, lock: number): Queued | undefined {
    const message = this.#messages.get(number);
    return message?.lock === lock && message.lockedUntil > this.#time.now() ? message : undefined;
  }

  #hold(message: Queued): void {
    message.lockedUntil = this.#time.now() + LOCK_MS;
    this.onDue(message.lockedUntil);
  }
}
