import type { Server, Socket } from 'node:net';
import { createServer } from 'node:net';
import type { Connection, Container, EventContext, Receiver, Sender } from 'rhea';
import rhea from 'rhea';
import { Peer } from './peer.ts';
import { acceptSocket, deliverRawMessages, forgetConnection, offerMechanisms } from './rhea-access.ts';

/** Who serves the links that clients open. */
export interface LinkOpeners {
  /** The client wants to receive. */
  readonly openSender: (sender: Sender, peer: Peer) => void;
  /** The client wants to send. */
  readonly openReceiver: (receiver: Receiver, peer: Peer) => void;
  readonly onConnection: () => void;
}

const EMPTY_FRAME = Buffer.from([0, 0, 0, 8, 2, 0, 0, 0]);
const CLOSING_PATIENCE_MS = 500;
// Far below rhea's ring of 2048 deliveries a session, which throws when it overflows.
const SEND_CREDIT = 1000;

const CONNECTION_OPTIONS = {
  // What the service answers; larger messages arrive in several frames.
  max_frame_size: 65_536,
  channel_max: 4999,
  idle_time_out: 120_000,
  receiver_options: { autoaccept: false, credit_window: SEND_CREDIT },
  treat_modified_as_released: false,
  // Only connections that rhea itself makes use it, but its types ask for it.
  port: 0,
};

/** Connections, framing and their freezing; what travels in the frames is no business of this file. */
export class AmqpServer {
  readonly #container: Container = rhea.create_container({ id: 'local-service-bus' });
  readonly #server: Server;
  readonly #openers: LinkOpeners;
  readonly #peers = new Map<Socket, Peer>();
  readonly #peerOf = new WeakMap<Connection, Peer>();
  readonly #held = new Set<Socket>();
  #frozen = false;

  constructor(openers: LinkOpeners) {
    this.#openers = openers;
    this.#server = createServer({ noDelay: true }, (socket) => {
      // A client that goes away in the middle of a frame is no reason to end the process.
      socket.on('error', () => {});
      socket.on('close', () => {
        this.#forget(socket);
      });
      if (this.#frozen) this.#held.add(socket);
      else this.#accept(socket);
    });
    offerMechanisms(this.#container);
    this.#listenToRhea();
  }

  get peers(): Iterable<Peer> {
    return this.#peers.values();
  }

  /** Listens on the loopback interface; returns the port. */
  async listen(port: number): Promise<number> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen({ host: '127.0.0.1', port }, () => {
        this.#server.off('error', reject);
        resolve();
      });
    });
    const address = this.#server.address();
    return typeof address === 'object' && address !== null ? address.port : port;
  }

  /** Reads nothing and writes nothing until `thaw`, as a process that hangs: connections stand, new ones wait. */
  freeze(): void {
    if (this.#frozen) return;
    this.#frozen = true;
    for (const socket of this.#peers.keys()) {
      socket.pause();
      socket.cork();
    }
  }

  thaw(): void {
    if (!this.#frozen) return;
    this.#frozen = false;
    for (const socket of this.#peers.keys()) {
      socket.uncork();
      socket.resume();
    }
    for (const socket of this.#held) this.#accept(socket);
    this.#held.clear();
  }

  /** Cuts all connections without a word, as a lost network does. */
  drop(): void {
    for (const socket of [...this.#peers.keys(), ...this.#held]) socket.destroy();
  }

  /** Says goodbye to all clients and waits until they are gone; who does not answer is cut off. */
  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => {
      this.#server.close(() => {
        resolve();
      });
    });
    if (this.#frozen) this.drop();
    const goodbye = { condition: 'amqp:connection:forced', description: 'The local broker is stopping.' };
    for (const { connection } of this.#peers.values()) connection.close(goodbye);
    for (const [socket, { connection }] of this.#peers) if (!connection.is_remote_open()) socket.destroy();
    const patience = setTimeout(() => {
      this.drop();
    }, CLOSING_PATIENCE_MS);
    await closed;
    clearTimeout(patience);
  }

  #accept(socket: Socket): void {
    const connection = this.#container.create_connection(CONNECTION_OPTIONS);
    const peer = new Peer(connection);
    this.#peers.set(socket, peer);
    this.#peerOf.set(connection, peer);
    this.#openers.onConnection();
    this.#answerEveryRead(socket, connection);
    acceptSocket(connection, socket);
  }

  /**
   * Writes an empty frame when a read led to no answer in the same turn. The client writes its frames one by
   * one with Nagle's algorithm on, and without an answer Linux acknowledges only after 40 ms, for which the
   * client's next frame waits. All that is written in one turn leaves in one piece.
   */
  #answerEveryRead(socket: Socket, connection: Connection): void {
    let inTurn = false;
    socket.on('data', () => {
      if (inTurn) return;
      inTurn = true;
      const writtenBefore = socket.bytesWritten;
      socket.cork();
      setImmediate(() => {
        inTurn = false;
        if (socket.bytesWritten === writtenBefore && connection.is_open() && socket.writable) socket.write(EMPTY_FRAME);
        socket.uncork();
      });
    });
  }

  #forget(socket: Socket): void {
    this.#held.delete(socket);
    const peer = this.#peers.get(socket);
    if (peer === undefined) return;
    this.#peers.delete(socket);
    peer.forgetLinks();
    forgetConnection(peer.connection);
  }

  #listenToRhea(): void {
    const on = (event: string, act: (context: EventContext, peer: Peer) => void): void => {
      this.#container.on(event, (context: EventContext) => {
        const peer = this.#peerOf.get(context.connection);
        if (peer !== undefined) act(context, peer);
      });
    };
    on('session_open', ({ session }) => {
      if (session !== undefined) deliverRawMessages(session);
    });
    on('sender_open', ({ sender }, peer) => {
      if (sender !== undefined) this.#openers.openSender(sender, peer);
    });
    on('receiver_open', ({ receiver }, peer) => {
      if (receiver !== undefined) this.#openers.openReceiver(receiver, peer);
    });
    on('sender_close', ({ sender }, peer) => {
      if (sender !== undefined) peer.forgetLink(sender);
    });
    on('session_close', ({ session }, peer) => {
      peer.forgetLinks((sender) => sender.session === session);
    });
    // rhea ends the process, or writes to the console, for each of these that nobody listens to.
    const expected = ['connection_close', 'connection_error', 'session_error', 'sender_error', 'receiver_error'];
    for (const event of [...expected, 'protocol_error', 'error', 'disconnected']) this.#container.on(event, () => {});
  }
}
