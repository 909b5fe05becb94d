import type { Connection, Sender } from 'rhea';
import type { OutgoingLink } from './outgoing-link.ts';
import { isAtOrBelow } from './sas-token.ts';

/** What the broker remembers about one client connection. */
export class Peer {
  readonly connection: Connection;
  /** Links that deliver messages, by rhea's link. */
  readonly outgoing = new Map<Sender, OutgoingLink>();
  /** Links on which the client waits for answers to its requests. */
  readonly replyLinks = new Set<Sender>();
  readonly #granted = new Set<string>();

  constructor(connection: Connection) {
    this.connection = connection;
  }

  /** Lets this client use an entity and all that lies below it. */
  grant(path: string): void {
    this.#granted.add(path);
  }

  isGranted(path: string): boolean {
    for (const granted of this.#granted) if (isAtOrBelow(path, granted)) return true;
    return false;
  }

  /** A link of the client is gone. */
  forgetLink(sender: Sender): void {
    this.outgoing.get(sender)?.close();
    this.outgoing.delete(sender);
    this.replyLinks.delete(sender);
  }

  /** The client is gone. rhea reports no links then, so they are walked here. */
  forgetLinks(isLost: (sender: Sender) => boolean = () => true): void {
    for (const sender of [...this.outgoing.keys(), ...this.replyLinks]) if (isLost(sender)) this.forgetLink(sender);
  }
}
