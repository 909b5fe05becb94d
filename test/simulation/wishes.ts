import type { Plan } from './plan.ts';

/** Which mailboxes somebody wants to be watched, and since when: the settings, the group, an administrator. */
export class Wishes {
  readonly #since = new Map<string, number>();
  /** When a mailbox was last taken away. */
  readonly #until = new Map<string, number>();
  /** Erased and not added since. */
  readonly erased = new Set<string>();
  readonly #everErased = new Set<string>();

  constructor(plan: Plan, startedAt: number) {
    for (const { id, named } of plan.mailboxes) if (named !== 'admin') this.#since.set(id, startedAt);
  }

  isWanted(mailbox: string): boolean {
    return this.#since.has(mailbox);
  }

  /** `undefined`: it is not wanted now. */
  since(mailbox: string): number | undefined {
    return this.#since.get(mailbox);
  }

  until(mailbox: string): number | undefined {
    return this.#until.get(mailbox);
  }

  /** `isGone`: nothing of it may be left. */
  erase(mailbox: string, isGone: boolean): void {
    if (isGone) this.erased.add(mailbox);
    this.#everErased.add(mailbox);
  }

  wasErased(mailbox: string): boolean {
    return this.#everErased.has(mailbox);
  }

  add(mailbox: string, at: number): void {
    if (!this.#since.has(mailbox)) this.#since.set(mailbox, at);
    this.#until.delete(mailbox);
    this.erased.delete(mailbox);
  }

  remove(mailbox: string, at: number): void {
    this.#since.delete(mailbox);
    this.#until.set(mailbox, at);
  }
}
