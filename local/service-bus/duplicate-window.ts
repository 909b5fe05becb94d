/**
 * Remembers message ids for a while. A second message with a remembered id is a duplicate;
 * it does not prolong the memory of the first.
 */
export class DuplicateWindow {
  readonly #windowMs: number;
  // Insertion order is order of expiry, because the window has one length and time only moves on.
  readonly #forgetAt = new Map<string, number>();

  constructor(windowMs: number) {
    this.#windowMs = windowMs;
  }

  /** True when the id is new; it is remembered from `now` on. */
  admit(messageId: string, now: number): boolean {
    for (const [id, forgetAt] of this.#forgetAt) {
      if (forgetAt > now) break;
      this.#forgetAt.delete(id);
    }
    if (this.#forgetAt.has(messageId)) return false;
    this.#forgetAt.set(messageId, now + this.#windowMs);
    return true;
  }

  clear(): void {
    this.#forgetAt.clear();
  }
}
