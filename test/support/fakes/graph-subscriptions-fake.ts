import type {
  Clock,
  CreateOutcome,
  GraphSubscriptions,
  OwnSubscription,
  RenewOutcome,
  SubscriptionRequest,
} from '../../../shared/ports.ts';
import type { Gate } from './gate.ts';

export interface FakeSubscription {
  id: string;
  mailbox: string;
  folderId: string;
  clientState: string;
  expiresAt: Date;
  ours: boolean;
}

/** The subscriptions that Graph keeps for this app. */
export class FakeSubscriptionStore {
  readonly all = new Map<string, FakeSubscription>();
  /** Where notifications go for a process that starts now. */
  endpoint = 'endpoint-1';
  /** Longest life granted, in minutes. */
  maxMinutes = 10_080;
  /** Answers for the next creates and, by id, renewals, in place of what would happen. */
  readonly nextCreates: CreateOutcome[] = [];
  readonly nextRenewals = new Map<string, RenewOutcome>();
  readonly batches: { id: string; minutes: number }[][] = [];
  readonly requests: SubscriptionRequest[] = [];
  readonly clock: Clock;
  #numbers = 0;

  constructor(clock: Clock) {
    this.clock = clock;
  }

  /** Subscriptions that are not past their end. */
  live(): FakeSubscription[] {
    return [...this.all.values()].filter((item) => item.expiresAt.getTime() > this.clock.now());
  }

  put(subscription: Omit<FakeSubscription, 'id' | 'clientState'> & { id?: string }): string {
    const id = subscription.id ?? this.#newId();
    this.all.set(id, { clientState: '', ...subscription, id });
    return id;
  }

  create(request: SubscriptionRequest): CreateOutcome {
    this.requests.push(request);
    const scripted = this.nextCreates.shift();
    if (scripted) return scripted;
    const same = this.live().find((item) => item.mailbox === request.mailbox && item.folderId === request.folderId);
    if (same) return { kind: 'exists', id: same.id };
    const { mailbox, folderId, clientState } = request;
    const minutes = Math.min(request.minutes, this.maxMinutes);
    const expiresAt = this.#end(minutes);
    const id = this.#newId();
    this.all.set(id, { id, mailbox, folderId, clientState, expiresAt, ours: true });
    return { kind: 'created', subscription: { id, expiresAt }, minutes };
  }

  renew(id: string, minutes: number): RenewOutcome {
    const scripted = this.nextRenewals.get(id);
    if (scripted) return scripted;
    const known = this.live().find((item) => item.id === id);
    if (!known) return { kind: 'gone' };
    known.expiresAt = this.#end(Math.min(minutes, this.maxMinutes));
    return { kind: 'renewed', subscription: { id, expiresAt: known.expiresAt } };
  }

  #end(minutes: number): Date {
    return new Date(this.clock.now() + minutes * 60_000);
  }

  #newId(): string {
    this.#numbers++;
    return `50b5c41b-0000-4000-a000-${String(this.#numbers).padStart(12, '0')}`;
  }
}

const toOwn = ({ id, mailbox, folderId, ours }: FakeSubscription): OwnSubscription => ({
  id,
  resource: `users/${mailbox}/mailFolders/${folderId}/messages`,
  ours,
});

/** The port as one process sees it. */
export const fakeGraphSubscriptions = (store: FakeSubscriptionStore, gate: Gate): GraphSubscriptions => ({
  clock: store.clock,
  endpoint: store.endpoint,
  create: (request) => gate.pass('subscriptions.create', () => store.create(request)),
  renew: (list) =>
    gate.pass(
      'subscriptions.renew',
      () => {
        store.batches.push(list);
        return list.map(({ id, minutes }) => store.renew(id, minutes));
      },
      {
        midway: () => {
          for (const { id, minutes } of list.slice(0, Math.ceil(list.length / 2))) store.renew(id, minutes);
        },
      },
    ),
  get: (id) =>
    gate.pass('subscriptions.get', () => {
      const found = store.live().find((item) => item.id === id);
      return found ? toOwn(found) : 'gone';
    }),
  list: () => gate.pass('subscriptions.list', () => store.live().map(toOwn)),
  remove: (id) =>
    gate.pass('subscriptions.remove', () => {
      store.all.delete(id);
    }),
});
