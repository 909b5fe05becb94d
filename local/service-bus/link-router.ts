import type { Receiver, Sender } from 'rhea';
import { parseAddress } from './address.ts';
import type { LinkOpeners } from './amqp-server.ts';
import { answerAuthorization } from './cbs.ts';
import { openIncomingLink } from './incoming-link.ts';
import { answerManagement } from './management.ts';
import type { Entity, Namespace } from './namespace.ts';
import { OutgoingLink } from './outgoing-link.ts';
import type { Peer } from './peer.ts';
import { serveRequests } from './request-reply.ts';
import { attachFields, wireField } from './rhea-access.ts';
import type { SasRule } from './sas-token.ts';
import type { ServiceBusError } from './service-bus-error.ts';
import { entityDisabled, entityNotFound, notAllowed, unauthorized } from './service-bus-error.ts';

/** Where a link leads, once it has been found and may be used. */
type Destination =
  | { readonly kind: 'authorization' }
  | { readonly kind: 'management' | 'messages'; readonly entity: Entity }
  | { readonly kind: 'refused'; readonly error: ServiceBusError };

const SESSION_FILTER = 'com.microsoft:session-filter';

/** Connects the links that clients open with `$cbs`, `$management` and the queues, or refuses them. */
export function makeLinkRouter(namespace: Namespace, rule: SasRule): Pick<LinkOpeners, 'openSender' | 'openReceiver'> {
  function openSender(sender: Sender, peer: Peer): void {
    const address = addressOf(sender.source);
    const destination = isSessionReceiver(sender)
      ? refused(notAllowed(`'${address}' has no sessions; open a plain receiver.`))
      : find(address, peer);
    if (destination.kind === 'refused') {
      sender.close(destination.error);
      return;
    }
    sender.set_source({ address });
    sender.set_target({ address: addressOf(sender.target) });
    const answer = attachFields(sender);
    answer.snd_settle_mode = sender.snd_settle_mode;
    answer.rcv_settle_mode = sender.rcv_settle_mode;
    if (destination.kind === 'messages')
      peer.outgoing.set(sender, new OutgoingLink(sender, namespace, destination.entity));
    else peer.replyLinks.add(sender);
  }

  function openReceiver(receiver: Receiver, peer: Peer): void {
    const address = addressOf(receiver.target);
    const destination = findForSending(address, peer);
    if (destination.kind === 'refused') {
      receiver.close(destination.error);
      return;
    }
    receiver.set_target({ address });
    receiver.set_source({ address: addressOf(receiver.source) });
    // Without it the JavaScript client finds that no message fits into a batch.
    attachFields(receiver).max_message_size = namespace.maxMessageSize;
    if (destination.kind === 'authorization')
      serveRequests(receiver, peer, (request) => answerAuthorization(request, peer, rule, namespace.counters));
    else if (destination.kind === 'management')
      serveRequests(receiver, peer, (request) => answerManagement(request, namespace, destination.entity));
    else openIncomingLink(receiver, namespace, destination.entity.queue);
  }

  function find(text: string, peer: Peer): Destination {
    const address = parseAddress(text);
    if (address.kind === 'authorization') return address;
    const entity = namespace.find(address);
    if (entity === undefined) return refused(entityNotFound(text));
    const disabled = namespace.faults.strike('disable-queue', address.queue);
    if (disabled !== undefined) return refused(disablement(disabled.as, text));
    return peer.isGranted(address.path) ? { kind: address.kind, entity } : refused(unauthorized(text));
  }

  function findForSending(text: string, peer: Peer): Destination {
    const destination = find(text, peer);
    if (destination.kind !== 'messages' || destination.entity.store === destination.entity.queue.main)
      return destination;
    return refused(notAllowed('A dead-letter sub-queue is filled by its queue only.'));
  }

  return { openSender, openReceiver };
}

/** Closes all links of a queue, because it has just been disabled. */
export function closeLinks(peers: Iterable<Peer>, queue: string, as: 'not-found' | 'disabled'): void {
  for (const { connection } of peers)
    connection.each_link((link: Sender | Receiver) => {
      const text = addressOf(link.is_sender() ? link.source : link.target);
      const address = parseAddress(text);
      if (address.kind !== 'authorization' && address.queue === queue.toLowerCase()) link.close(disablement(as, text));
    });
}

function disablement(as: 'not-found' | 'disabled', address: string): ServiceBusError {
  return as === 'disabled' ? entityDisabled(address) : entityNotFound(address);
}

function refused(error: ServiceBusError): Destination {
  return { kind: 'refused', error };
}

function addressOf(terminus: unknown): string {
  const address = wireField(terminus, 'address');
  return typeof address === 'string' ? address : '';
}

// The key's presence tells a session receiver: its value is null when any session will do.
function isSessionReceiver(sender: Sender): boolean {
  const filter = wireField(sender.source, 'filter');
  return typeof filter === 'object' && filter !== null && SESSION_FILTER in filter;
}
