import type { FaultKind } from './faults.ts';
import type { History } from './history.ts';

/** What many histories come to. */
export class Tally {
  histories = 0;
  failed = 0;
  mails = 0;
  sends = 0;
  steps = 0;
  days = 0;
  lastHash = '';
  readonly struck = new Map<FaultKind, number>();
  /** Histories that broke a rule, by rule. */
  readonly rules = new Map<string, number>();

  add({ mails, sends, steps, plan, hash, struck, breaches }: History): void {
    this.histories++;
    this.mails += mails;
    this.sends += sends;
    this.steps += steps;
    this.days += plan.days;
    this.lastHash = hash;
    for (const [kind, count] of struck) this.struck.set(kind, (this.struck.get(kind) ?? 0) + count);
    if (breaches.length > 0) this.failed++;
    for (const rule of new Set(breaches.map((breach) => breach.rule)))
      this.rules.set(rule, (this.rules.get(rule) ?? 0) + 1);
  }
}
