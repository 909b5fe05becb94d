import type { Dice } from './dice.ts';
import type { Notifier } from './notifier.ts';
import { ARCHIVE, FOLDER_IDS, type Plan } from './plan.ts';
import type { Platform, Stores } from './platform.ts';
import type { SimulatedMail } from './simulated-mailboxes.ts';
import type { Surroundings } from './simulated-process.ts';
import type { Service } from './faults.ts';

const SECOND = 1_000;
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** What people and the world do during one history: mail comes and is handled, services fail, processes die. */
export class Scenario {
  readonly #around: Surroundings;
  readonly #stores: Stores;
  readonly #platform: Platform;
  readonly #notifier: Notifier;
  readonly #plan: Plan;
  readonly #dice: Dice;

  constructor(around: Surroundings, stores: Stores, platform: Platform, notifier: Notifier, plan: Plan, dice: Dice) {
    this.#around = around;
    this.#stores = stores;
    this.#platform = platform;
    this.#notifier = notifier;
    this.#plan = plan;
    this.#dice = dice;
  }

  /** Sets everything up that will happen in the next `days`. */
  begin(): void {
    const span = this.#plan.days * DAY;
    this.#mail(span);
    this.#outages(span);
    this.#deaths(span);
    this.#notifications(span);
  }

  #at(ms: number, call: () => void): void {
    this.#around.time.after(ms, call);
  }

  /** Some times within the history. */
  #times(span: number, most: number, call: () => void): void {
    for (let left = this.#dice.whole(1, most); left > 0; left--) this.#at(this.#dice.between(10 * SECOND, span), call);
  }

  #folder(): { mailbox: string; folder: string } {
    const { mailboxes, folderNames } = this.#plan;
    return { mailbox: this.#dice.pick(mailboxes).id, folder: FOLDER_IDS[this.#dice.pick(folderNames)] ?? 'inbox-id' };
  }

  #mail(span: number): void {
    const dice = this.#dice;
    let left = this.#plan.mails;
    while (left > 0) {
      const burst = dice.chance(0.2) ? Math.min(left, dice.whole(2, 12)) : 1;
      left -= burst;
      const { mailbox, folder } = this.#folder();
      const start = dice.between(10 * SECOND, span);
      for (let number = 0; number < burst; number++)
        this.#at(start + number * dice.between(0, 2 * SECOND), () => this.#receive(mailbox, folder));
    }
    // A rule or a person moves many mails at once.
    this.#times(span, 2, () => {
      const { mailbox, folder } = this.#folder();
      const { graph } = this.#stores;
      for (const mail of graph.mailboxes.inFolder(mailbox, ARCHIVE)) {
        graph.mailboxes.move(mail, folder);
        this.#around.trace.note('mail', `bulk move, now in ${folder}`, mail.id);
      }
    });
  }

  #receive(mailbox: string, folder: string): void {
    const dice = this.#dice;
    const { mailboxes } = this.#stores.graph;
    const mail = mailboxes.receive(mailbox, dice.chance(0.05) ? ARCHIVE : folder, {
      isPartial: dice.chance(0.1),
      breaks: dice.chance(0.03) ? dice.whole(1, 7) : 0,
      large: dice.chance(0.01),
      isDraft: dice.chance(0.03),
    });
    this.#around.trace.note('mail', `arrives in ${mailbox} ${mail.folder}`, mail.id);
    while (dice.chance(0.35))
      this.#at(dice.pick([SECOND, MINUTE, HOUR, DAY]) * dice.between(0, 2), () => this.#touch(mail));
  }

  #touch(mail: SimulatedMail): void {
    const { trace, time } = this.#around;
    const { mailboxes } = this.#stores.graph;
    if (mail.removed) return;
    const deed = this.#dice.pick(['read', 'flag', 'move', 'move', 'delete'] as const);
    if (deed === 'delete') mail.removed = true;
    else if (deed === 'move') mailboxes.move(mail, this.#dice.chance(0.4) ? ARCHIVE : this.#folder().folder);
    else {
      mail.isRead = true;
      mail.modifiedAt = time.now();
    }
    trace.note('mail', `${deed}, now in ${mail.folder}`, mail.id);
  }

  #outages(span: number): void {
    const { faults, downUntil, time, trace } = this.#around;
    const dice = this.#dice;
    for (const [kind, service] of [
      ['tables down', 'tables'],
      ['bus down', 'bus'],
      ['blobs down', 'blobs'],
      ['graph down', 'graph'],
    ] as const satisfies readonly (readonly [string, Service])[])
      this.#times(span, 3, () => {
        if (!faults.strikes(kind, 1)) return;
        const ms = dice.pick([MINUTE, 10 * MINUTE, HOUR]) * dice.between(0.3, 1.5);
        trace.note('world', kind, `${Math.round(ms / SECOND)} s`);
        downUntil.set(service, time.now() + ms);
      });
    this.#times(span, 3, () => {
      if (!faults.strikes('mailbox refused', 1)) return;
      const { mailbox } = this.#folder();
      const ms = dice.pick([5 * MINUTE, HOUR, 8 * HOUR]) * dice.between(0.3, 1.5);
      trace.note('world', 'mailbox refused', `${mailbox} ${Math.round(ms / SECOND)} s`);
      this.#stores.graph.refusing.set(mailbox, { status: dice.pick([403, 404] as const), until: time.now() + ms });
    });
    this.#times(span, 4, () => {
      if (faults.strikes('delta tokens expired', 1)) this.#stores.graph.mailboxes.forgetTokens();
    });
  }

  #deaths(span: number): void {
    const { faults } = this.#around;
    const dice = this.#dice;
    this.#times(span, 6, () => {
      if (faults.strikes('process killed', 1))
        this.#platform.kill(dice.whole(0, this.#plan.processes - 1), dice.pick([SECOND, MINUTE, HOUR]));
    });
    this.#times(span, 2, () => {
      if (!faults.strikes('all processes down', 1)) return;
      const ms = dice.pick([MINUTE, HOUR, 6 * HOUR, DAY]) * dice.between(0.3, 1.2);
      for (let slot = 0; slot < this.#plan.processes; slot++) this.#platform.kill(slot, ms);
    });
    this.#times(span, 3, () => {
      if (!faults.strikes('clock jump', 1)) return;
      const up = this.#platform.up();
      if (up.length === 0) return;
      const { process } = dice.pick(up);
      process.skew = dice.between(-10, 10) * MINUTE;
      process.troubled();
    });
    this.#times(span, 2, () => {
      if (faults.strikes('timer dead', 1))
        this.#platform.killTimer(dice.pick(['reconcile', 'renew'] as const), dice.between(HOUR, 3 * DAY));
    });
  }

  #notifications(span: number): void {
    const { faults, time, trace } = this.#around;
    const dice = this.#dice;
    const subscriptions = this.#stores.graph.subscriptions;
    this.#times(span, 2, () => {
      if (faults.has('notification blackout')) this.#notifier.blackoutUntil = time.now() + dice.between(HOUR, DAY);
    });
    this.#times(span, 8, () => {
      if (faults.strikes('notification forged', 1)) this.#notifier.forge();
    });
    this.#times(span, 4, () => {
      if (!faults.strikes('lifecycle missed', 1)) return;
      for (const item of subscriptions.live()) this.#notifier.lifecycle(item, 'missed');
    });
    this.#times(span, 8, () => {
      if (!faults.strikes('lifecycle reauthorizationRequired', 1)) return;
      for (const item of subscriptions.live()) {
        item.challengedAt ??= time.now();
        this.#notifier.lifecycle(item, 'reauthorizationRequired');
      }
    });
    this.#times(span, 3, () => {
      const [victim] = subscriptions.live().toSorted(() => dice.next() - 0.5);
      if (!victim || !faults.strikes('lifecycle subscriptionRemoved', 1)) return;
      subscriptions.all.delete(victim.id);
      trace.note('world', 'subscription removed', victim.id);
      this.#notifier.lifecycle(victim, 'subscriptionRemoved');
    });
    this.#times(span, 2, () => {
      const [victim] = subscriptions.live();
      if (!victim || !faults.strikes('subscription vanished', 1)) return;
      subscriptions.all.delete(victim.id);
      trace.note('world', 'subscription vanished', victim.id);
    });
  }
}
