import type { EventContext, Receiver, Sender } from 'rhea';
import rhea from 'rhea';
import * as z from 'zod';
import type { Peer } from './peer.ts';

/** A request as `$cbs` and `$management` get it. */
export interface Request {
  readonly operation: string;
  readonly properties: Readonly<Record<string, unknown>>;
  readonly body: unknown;
}

/** An answer to a request; the properties must carry their AMQP types. */
export interface Answer {
  readonly properties: Readonly<Record<string, unknown>>;
  readonly body: unknown;
}

const requestMessage = z.object({
  message_id: z.unknown().optional(),
  reply_to: z.string(),
  application_properties: z.looseObject({ operation: z.string() }),
  body: z.unknown().optional(),
});

/**
 * Serves one request link. The answer goes to the link the client named, by link name (`$cbs`) or by target
 * address (`$management`); a request that cannot be read or answered is dropped, as the service does.
 */
export function serveRequests(receiver: Receiver, peer: Peer, answer: (request: Request) => Answer): void {
  receiver.on('message', ({ delivery, message }: EventContext) => {
    const payload: unknown = message;
    delivery?.accept();
    if (!Buffer.isBuffer(payload)) return;
    const request = requestMessage.safeParse(rhea.message.decode(payload));
    if (!request.success) return;
    const { message_id: messageId, reply_to: replyTo, application_properties: properties, body } = request.data;
    const { properties: answerProperties, body: answerBody } = answer({
      operation: properties.operation,
      properties,
      body,
    });
    const encoded = rhea.message.encode({
      correlation_id: messageId,
      application_properties: answerProperties,
      body: answerBody,
    });
    replyLink(peer, replyTo)?.send(encoded, undefined, 0);
  });
}

function replyLink(peer: Peer, replyTo: string): Sender | undefined {
  for (const sender of peer.replyLinks) {
    const target: unknown = sender.target;
    if (sender.name === replyTo) return sender;
    if (typeof target === 'object' && target !== null && Reflect.get(target, 'address') === replyTo) return sender;
  }
  return undefined;
}
