type Source = 'settings' | 'group' | 'admin';

/** Which mailboxes people want watched, and since when, whatever the app makes of it. */
export class Wishes {
  readonly settings = new Set<string>();
  readonly group = new Set<string>();
  readonly admin = new Set<string>();
  readonly #now: () => number;
  readonly #since = new Map<string, number>();

  constructor(now: () => number) {
    this.#now = now;
  }

  add(source: Source, mailbox: string): void {
    if (!this.has(mailbox)) this.#since.set(mailbox, this.#now());
    this[source].add(mailbox);
  }

  has(mailbox: string): boolean {
    return this.settings.has(mailbox) || this.group.has(mailbox) || this.admin.has(mailbox);
  }

  since(mailbox: string): number {
    return this.#since.get(mailbox) ?? Infinity;
  }

  all(): Set<string> {
    return new Set([...this.settings, ...this.group, ...this.admin]);
  }
}
