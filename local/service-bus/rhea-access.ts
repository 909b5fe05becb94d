// oxlint-disable no-underscore-dangle -- these are rhea's own names
import type { Socket } from 'node:net';
import type { Connection, Container, Delivery, Receiver, Sender, Session } from 'rhea';
import rhea from 'rhea';
import type { ServiceBusError } from './service-bus-error.ts';

/**
 * The parts of rhea (3.0.5) that a broker needs and that its type declarations leave out, each checked
 * before it is used, so that another version fails with a sentence and not with lost messages.
 */

/** What the broker's end of a link says in its attach frame. */
interface AttachFields {
  snd_settle_mode: number;
  rcv_settle_mode: number;
  max_message_size: number;
}

interface LinkParts {
  readonly local: { readonly attach: AttachFields };
}

interface SenderParts extends LinkParts {
  credit: number;
  delivery_count: number;
  _draining: boolean;
  _drained: boolean;
  _get_drain: () => boolean;
}

interface SessionParts {
  readonly outgoing: {
    readonly next_delivery_id: number;
    readonly next_pending_delivery: number;
    available(): number;
  };
  on_transfer: (frame: { performative: { handle: unknown; message_format: unknown } }) => void;
}

interface ConnectionParts {
  accept(socket: Socket): unknown;
  _disconnected(): void;
}

interface OutcomeFactory {
  accepted(): { described(): unknown };
  rejected(fields: { error: ServiceBusError }): { described(): unknown };
}

/** The message format under which the broker's own sessions pass on plain messages undecoded. */
export const RAW_FORMAT = 0x7fffff01;

/** What the client says it will do with settlements. */
export const SETTLE_MODE = { sender: { settled: 1 }, receiver: { first: 0, second: 1 } } as const;

function field(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined;
}

/** Reads a field of something rhea decoded from the wire. */
export const wireField = field;

function changed(what: string): never {
  throw new Error(
    `rhea no longer has ${what}, on which the local broker relies. Install rhea 3.0.5 or mend rhea-access.ts.`,
  );
}

function isLinkParts(value: unknown): value is LinkParts {
  return typeof field(field(value, 'local'), 'attach') === 'object';
}

function isSenderParts(value: unknown): value is SenderParts {
  return (
    isLinkParts(value) &&
    typeof field(value, 'credit') === 'number' &&
    typeof field(value, 'delivery_count') === 'number' &&
    typeof field(value, '_get_drain') === 'function'
  );
}

function isSessionParts(value: unknown): value is SessionParts {
  const outgoing = field(value, 'outgoing');
  return (
    typeof field(value, 'on_transfer') === 'function' &&
    typeof field(outgoing, 'next_delivery_id') === 'number' &&
    typeof field(outgoing, 'next_pending_delivery') === 'number' &&
    typeof field(outgoing, 'available') === 'function'
  );
}

function isConnectionParts(value: unknown): value is ConnectionParts {
  return typeof field(value, 'accept') === 'function' && typeof field(value, '_disconnected') === 'function';
}

function isMechanisms(value: unknown): value is Record<string, unknown> & { enable_anonymous(): void } {
  return typeof field(value, 'enable_anonymous') === 'function';
}

function isOutcomeFactory(value: unknown): value is OutcomeFactory {
  return typeof field(value, 'accepted') === 'function' && typeof field(value, 'rejected') === 'function';
}

function isSettlementFlags(value: unknown): value is { settled: boolean; remote_settled: boolean } {
  return typeof field(value, 'settled') === 'boolean' && typeof field(value, 'remote_settled') === 'boolean';
}

function sessionParts(session: unknown): SessionParts {
  return isSessionParts(session) ? session : changed('Session.outgoing and Session.on_transfer');
}

/** What the broker's end of a link will say in its attach frame, which rhea writes on the next tick. */
export function attachFields(link: Sender | Receiver): AttachFields {
  const parts: unknown = link;
  return isLinkParts(parts) ? parts.local.attach : changed('link.local.attach');
}

/** Hands a connected socket to rhea. */
export function acceptSocket(connection: Connection, socket: Socket): void {
  const parts: unknown = connection;
  if (!isConnectionParts(parts)) changed('Connection.accept');
  parts.accept(socket);
}

/**
 * Offers SASL as the service does. The token comes later, at `$cbs`, so both mechanisms let everybody in;
 * the clients of other languages look for the one that is named after it.
 */
export function offerMechanisms(container: Container): void {
  const mechanisms: unknown = container.sasl_server_mechanisms;
  if (!isMechanisms(mechanisms)) return changed('Container.sasl_server_mechanisms');
  mechanisms.enable_anonymous();
  mechanisms['MSSBCBS'] = mechanisms['ANONYMOUS'];
}

/** Ends a connection's timers after its socket was destroyed: rhea does so only on `end` and `error`. */
export function forgetConnection(connection: Connection): void {
  const parts: unknown = connection;
  if (isConnectionParts(parts)) parts._disconnected();
}

/** Makes a session pass messages on as the bytes that came, instead of decoding them and throwing them away. */
export function deliverRawMessages(session: Session): void {
  const parts = sessionParts(session);
  const original = parts.on_transfer.bind(session);
  parts.on_transfer = (frame) => {
    const { performative } = frame;
    // A frame without a handle may be an empty list, which rhea decodes to one array shared by the whole process.
    const isTransfer = performative.handle !== undefined && performative.handle !== null;
    if (isTransfer && !performative.message_format) performative.message_format = RAW_FORMAT;
    original(frame);
  };
}

/** How many messages may be sent on a link now: its credit, less what is queued, within the free places. */
export function sendableCount(sender: Sender): number {
  const parts: unknown = sender;
  if (!isSenderParts(parts)) return changed('Sender.credit');
  const { outgoing } = sessionParts(sender.session);
  // rhea takes credit off only when it writes the frame, on the next tick.
  const unwritten = outgoing.next_delivery_id - outgoing.next_pending_delivery;
  return Math.min(parts.credit - unwritten, outgoing.available());
}

/**
 * Makes a link answer every drain. rhea stays silent when its own view of the credit is already 0, which
 * happens whenever messages and the drain cross on the wire; the client then gives up the link.
 */
export function answerEveryDrain(sender: Sender): void {
  const parts: unknown = sender;
  if (!isSenderParts(parts)) return changed('Sender._get_drain');
  parts._get_drain = () => {
    if (!parts._draining || !parts._drained) return false;
    parts.delivery_count += parts.credit;
    parts.credit = 0;
    parts._draining = false;
    return true;
  };
}

/** Tells the receiver of a message what became of its settlement, and frees the message's place. */
export function confirmSettlement(delivery: Delivery, refusal: ServiceBusError | undefined): void {
  const outcomes: unknown = rhea.message;
  if (!isOutcomeFactory(outcomes)) return changed('message.accepted and message.rejected');
  const outcome = refusal === undefined ? outcomes.accepted() : outcomes.rejected({ error: refusal });
  delivery.update(true, outcome.described());
  forgetDelivery(delivery);
}

/** Frees a delivery's place without a word to the other side, which never sends its own settlement. */
export function forgetDelivery(delivery: Delivery): void {
  const flags: unknown = delivery;
  if (!isSettlementFlags(flags)) return changed('Delivery.settled');
  flags.settled = true;
  flags.remote_settled = true;
}
