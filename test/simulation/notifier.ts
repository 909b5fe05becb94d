import { errorCode } from '../../shared/errors.ts';
import { TENANT } from '../support/builders.ts';
import type { Dice } from './dice.ts';
import { resourceOf } from './plan.ts';
import type { Platform, Stores } from './platform.ts';
import type { SimulatedMail } from './simulated-mailboxes.ts';
import type { Surroundings } from './simulated-process.ts';
import { isOurs, type SimulatedSubscription } from './simulated-subscriptions.ts';

const SECOND = 1_000;
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const GIVE_UP_MS = 4 * HOUR;
const ANSWER_WITHIN_MS = 2_500;
const GRAPH_WAITS_MS = 10_000;
const PACK_MS = 700;
const PACK = 20;

interface Item {
  /** What the receiver must have stored before it answers 2xx; `undefined` for a forged one. */
  owed: { mailbox: string; id: string | undefined } | undefined;
  json: Record<string, unknown>;
  /** Where it goes. */
  url: string;
}

/** Graph's side of change and lifecycle notifications, with everything that may happen to them on the way. */
export class Notifier {
  readonly broken: string[] = [];
  readonly forgedIds: string[] = [];
  blackoutUntil = 0;
  #pending: Item[] = [];
  #forged = 0;
  readonly #around: Surroundings;
  readonly #stores: Stores;
  readonly #platform: Platform;
  readonly #dice: Dice;

  constructor(around: Surroundings, stores: Stores, platform: Platform, dice: Dice) {
    this.#around = around;
    this.#stores = stores;
    this.#platform = platform;
    this.#dice = dice;
  }

  /** A mail appeared in a folder. */
  arrived(mail: SimulatedMail): void {
    const subscription = this.#stores.graph.subscriptions.on(resourceOf(mail.mailbox, mail.folder));
    const { faults, time } = this.#around;
    if (!subscription || !isOurs(subscription)) return;
    if (this.blackoutUntil > time.now() && !faults.over) return faults.count('notification blackout');
    // An unanswered challenge pauses the notifications.
    if (subscription.challengedAt !== undefined && time.now() - subscription.challengedAt > HOUR) return;
    if (faults.strikes('notification dropped', 0.3)) return;
    const item = this.#itemOf(subscription, mail);
    this.#later(item);
    if (faults.strikes('notification doubled', 0.3)) this.#later(item);
  }

  lifecycle(subscription: SimulatedSubscription, lifecycleEvent: string): void {
    const mailbox = subscription.resource.split('/')[1] ?? '';
    this.#later({
      owed: { mailbox, id: undefined },
      json: { ...this.#headOf(subscription), lifecycleEvent },
      url: subscription.notificationUrl,
    });
  }

  /** Somebody else sends what looks like a notification. */
  forge(): void {
    const id = `forged-${++this.#forged}`;
    const [some] = this.#stores.graph.subscriptions.ours();
    const victim = '0f0f0f0f-2222-4333-8444-555555555555';
    const genuine = some?.clientState ?? '';
    const json = this.#dice.pick<Record<string, unknown>>([
      { clientState: 'guessed', tenantId: TENANT, resource: `Users/${victim}/Messages/${id}` },
      { clientState: `${genuine.slice(0, -1)}!`, tenantId: TENANT, resource: `Users/${victim}/Messages/${id}` },
      {
        clientState: genuine,
        tenantId: '00000000-0000-4000-8000-000000000000',
        resource: `Users/${victim}/Messages/${id}`,
      },
      { clientState: genuine, tenantId: TENANT, resource: `Users/${victim}/Messages/${id}` },
      { tenantId: TENANT, resource: `Users/${victim}/Messages/${id}` },
    ]);
    this.#add({
      owed: undefined,
      json: { ...json, changeType: 'created', resourceData: { id } },
      url: some?.notificationUrl ?? '',
    });
  }

  #headOf(subscription: SimulatedSubscription) {
    return {
      subscriptionId: subscription.id,
      subscriptionExpirationDateTime: new Date(subscription.expiresAt).toISOString(),
      tenantId: TENANT,
      clientState: subscription.clientState,
    };
  }

  #itemOf(subscription: SimulatedSubscription, mail: SimulatedMail): Item {
    const id = subscription.immutable ? mail.id : `${mail.id}${mail.folder.slice(0, 2)}`;
    const resource = `Users/${mail.mailbox}/Messages/${id}`;
    const json = { ...this.#headOf(subscription), changeType: 'created', resource, resourceData: { id } };
    return { owed: { mailbox: mail.mailbox, id }, json, url: subscription.notificationUrl };
  }

  #later(item: Item): void {
    const { faults, time } = this.#around;
    const late = faults.strikes('notification late', 0.2);
    const wait = late ? this.#dice.between(MINUTE, GIVE_UP_MS) : Math.min(3 * MINUTE, this.#dice.waiting(4 * SECOND));
    time.after(wait, () => this.#add(item));
  }

  /** What is due within a moment leaves in one POST. */
  #add(item: Item): void {
    this.#pending.push(item);
    if (this.#pending.length > 1) return;
    this.#around.time.after(PACK_MS, () => {
      const due = this.#pending.splice(0);
      if (this.#around.faults.strikes('notifications shuffled', 0.3)) due.reverse();
      for (const items of Map.groupBy(due, ({ url }) => url).values())
        for (let from = 0; from < items.length; from += PACK)
          this.#post(items.slice(from, from + PACK), this.#around.time.now(), 5 * SECOND);
    });
  }

  #post(items: Item[], firstAt: number, wait: number): void {
    const { time, trace, faults } = this.#around;
    const again = () => {
      if (time.now() + wait - firstAt > GIVE_UP_MS) return trace.note('graph', 'gives up on a notification');
      time.after(wait, () => this.#post(items, firstAt, Math.min(HOUR, wait * 3)));
    };
    const up = this.#platform.up();
    // Nobody lives at the address of old any more.
    const [first] = items;
    if (up.length === 0 || !first || !this.#platform.isAt(first.url)) return again();
    const { app, process } = this.#dice.pick(up);
    const storedBefore = this.#stores.bus.ringCount;
    trace.note(
      process.name,
      'gets a POST',
      items.map(({ json }) => JSON.stringify(json['resourceData'] ?? json['lifecycleEvent'])).join(' '),
    );
    const deadline = new AbortController();
    const state = { answered: false };
    const answer = (status: number) => {
      if (state.answered || process.isDown) return;
      state.answered = true;
      cancelDeadline();
      cancelWait();
      trace.note(process.name, 'answers', String(status));
      if (status === 202) this.#judge(items, storedBefore, process.name);
      time.after(faults.latency('graph'), () => {
        if (status !== 202) again();
      });
    };
    const cancelDeadline = process.after(ANSWER_WITHIN_MS, () => {
      deadline.abort();
      answer(503);
    });
    const cancelWait = time.after(GRAPH_WAITS_MS, () => {
      if (state.answered) return;
      state.answered = true;
      again();
    });
    time.wake();
    app.receiveNotifications({ value: items.map(({ json }) => json) }, deadline.signal).then(
      (receipt) => answer(receipt.kind === 'accepted' ? 202 : 400),
      (error: unknown) => {
        trace.note(process.name, 'cannot store', errorCode(error));
        answer(503);
      },
    );
  }

  /** 2xx means stored: each genuine item is in a ring that the queue took since the POST came. */
  #judge(items: Item[], storedBefore: number, who: string): void {
    const stored = this.#stores.bus.ringsSince(storedBefore);
    for (const { owed } of items) {
      if (!owed) continue;
      const held = stored.some(
        (ring) =>
          ring.mailbox === owed.mailbox &&
          (owed.id === undefined ? ring.look : (ring.look ?? ring.ids.includes(owed.id))),
      );
      if (!held)
        this.broken.push(`honest ack: ${who} answered 202 but stored no ring for ${owed.mailbox} ${owed.id ?? ''}`);
    }
  }
}
