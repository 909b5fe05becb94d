/** What happened in a folder, in order: the ground of delta. */
import type { MailMessage } from './message-record.ts';

export type FolderChange = {
  at: number;
  kind: 'created' | 'updated' | 'removed';
  message: MailMessage;
  /** The default id at that moment: a move gives the message another one. */
  restId: string;
  /** Why it was removed: `changed` if it moved on, `deleted` if it is gone. */
  reason: 'changed' | 'deleted';
  /** Names of the properties that an update changed. */
  changed: readonly string[];
};

export class FolderLog {
  readonly #changes: FolderChange[] = [];
  readonly #latest = new Map<MailMessage, number>();
  readonly #arrivals = new Map<MailMessage, number>();

  get length(): number {
    return this.#changes.length;
  }

  at(position: number): FolderChange | undefined {
    return this.#changes[position];
  }

  add(change: FolderChange): void {
    this.#latest.set(change.message, this.#changes.length);
    if (change.kind === 'created') this.#arrivals.set(change.message, this.#changes.length);
    this.#changes.push(change);
  }

  /** Position of the last change of a message. */
  latestOf(message: MailMessage): number {
    return this.#latest.get(message) ?? -1;
  }

  /** Position at which a message last came into the folder. */
  arrivalOf(message: MailMessage): number {
    return this.#arrivals.get(message) ?? -1;
  }

  /** The first position whose change is younger than a moment: what lies before is visible to a lagging delta. */
  firstAfter(moment: number): number {
    let low = 0;
    let high = this.#changes.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const change = this.#changes[middle];
      if (change !== undefined && change.at <= moment) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
