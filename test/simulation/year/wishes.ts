/** Which mailboxes people want watched, whatever the app makes of it. */
export class Wishes {
  readonly settings = new Set<string>();
  readonly group = new Set<string>();
  readonly admin = new Set<string>();

  has(mailbox: string): boolean {
    return this.settings.has(mailbox) || this.group.has(mailbox) || this.admin.has(mailbox);
  }

  all(): Set<string> {
    return new Set([...this.settings, ...this.group, ...this.admin]);
  }
}
