import rhea from 'rhea';
import * as z from 'zod';
import { AmqpDecodeError } from './amqp-value.ts';
import { newMessageId, sendFault, sendRefusal } from './incoming-link.ts';
import { lockTokenToUuid, uuidToLockToken } from './lock-token.ts';
import { readMessage, writeMessage } from './message-codec.ts';
import type { Entity, Namespace } from './namespace.ts';
import { settlementRefusal, toChanges } from './outgoing-link.ts';
import { deadLetterChanges } from './queue-message.ts';
import type { Settlement } from './queue-store.ts';
import type { Answer, Request } from './request-reply.ts';
import type { ServiceBusError } from './service-bus-error.ts';
import { decodeError, lockLost, messageNotFound, notImplemented } from './service-bus-error.ts';

type Outcome =
  | { readonly status: 200; readonly body: unknown }
  | { readonly status: 204 }
  | { readonly status: 400 | 404 | 410 | 500 | 501; readonly error: ServiceBusError };

const PREFIX = 'com.microsoft:';
const TYPE_CODE = { long: 0x81, timestamp: 0x83 } as const;
const RECEIVE_AND_DELETE = 0;

const long = z
  .union([z.number(), z.instanceof(Buffer).refine((bytes) => bytes.length === 8)])
  .transform((value) => (typeof value === 'number' ? value : Number(value.readBigInt64BE())));
const uuid = z.instanceof(Buffer).refine((bytes) => bytes.length === 16);
const text = z.string().nullish();

const body = {
  lockTokens: z.object({ 'lock-tokens': z.array(uuid) }),
  peek: z.object({ 'from-sequence-number': long, 'message-count': z.number() }),
  schedule: z.object({ messages: z.array(z.object({ message: z.instanceof(Buffer) })) }),
  sequenceNumbers: z.object({ 'sequence-numbers': z.array(long) }),
  receive: z.object({ 'sequence-numbers': z.array(long), 'receiver-settle-mode': z.number() }),
  disposition: z.object({
    'lock-tokens': z.array(uuid),
    'disposition-status': z.enum(['completed', 'abandoned', 'defered', 'suspended']),
    'deadletter-reason': text,
    'deadletter-description': text,
    'properties-to-modify': z.unknown().optional(),
  }),
};

// Those billed as what they do are counted there.
const OPERATIONS: Readonly<
  Record<string, { readonly act: (body: unknown, at: Place) => Outcome; readonly counted: boolean }>
> = {
  'renew-lock': { act: renewLock, counted: false },
  'peek-message': { act: peek, counted: true },
  'schedule-message': { act: schedule, counted: true },
  'cancel-scheduled-message': { act: cancel, counted: true },
  'receive-by-sequence-number': { act: receiveDeferred, counted: false },
  'update-disposition': { act: settle, counted: false },
};

interface Place {
  readonly namespace: Namespace;
  readonly entity: Entity;
}

/** `$management` of one entity. */
export function answerManagement(request: Request, namespace: Namespace, entity: Entity): Answer {
  const operation = OPERATIONS[request.operation.replace(PREFIX, '')];
  if (operation === undefined || operation.counted)
    namespace.counters.count(entity.store.rules.name, 'managementOperations');
  const outcome = perform(request, operation?.act, { namespace, entity });
  namespace.watch(entity.queue);
  const error = 'error' in outcome ? outcome.error : undefined;
  const properties: Record<string, unknown> = {
    statusCode: rhea.types.wrap_int(outcome.status),
    statusDescription: error?.description ?? 'OK',
  };
  if (error !== undefined) properties['errorCondition'] = rhea.types.wrap_symbol(error.condition);
  const trackingId = request.properties['com.microsoft:tracking-id'];
  if (typeof trackingId === 'string') properties['com.microsoft:tracking-id'] = trackingId;
  return { properties, body: 'body' in outcome ? outcome.body : null };
}

function perform(request: Request, act: ((body: unknown, at: Place) => Outcome) | undefined, place: Place): Outcome {
  if (act === undefined) return { status: 501, error: notImplemented(request.operation) };
  try {
    return act(request.body, place);
  } catch (error) {
    if (error instanceof z.ZodError)
      return { status: 400, error: { condition: 'amqp:invalid-field', description: z.prettifyError(error) } };
    if (error instanceof AmqpDecodeError || error instanceof RangeError)
      return { status: 400, error: decodeError(error.message) };
    throw error;
  }
}

function renewLock(input: unknown, { namespace, entity }: Place): Outcome {
  const tokens = body.lockTokens.parse(input)['lock-tokens'].map(uuidToLockToken);
  const refused = namespace.faults.strike('refuse-renewals', entity.queue.definition.name) !== undefined;
  const expirations: number[] = [];
  for (const token of tokens) {
    const until = refused ? undefined : entity.store.renew(token);
    if (until === undefined) return { status: 410, error: lockLost };
    expirations.push(until);
  }
  return { status: 200, body: { expirations: rhea.types.wrap_array(expirations, TYPE_CODE.timestamp, undefined) } };
}

function peek(input: unknown, { entity }: Place): Outcome {
  const { 'from-sequence-number': from, 'message-count': count } = body.peek.parse(input);
  const messages = entity.store.peek(from, count).map((message) => ({ message: writeMessage(message) }));
  return messages.length === 0 ? { status: 204 } : { status: 200, body: { messages } };
}

function schedule(input: unknown, { namespace, entity: { queue } }: Place): Outcome {
  const drafts = body.schedule.parse(input).messages.map(({ message }) => readMessage(message, newMessageId));
  const size = drafts.reduce((sum, draft) => sum + draft.size, 0);
  const fault = sendFault(namespace, queue);
  const numbers = fault === undefined ? queue.schedule(drafts, size) : [];
  const refusal = fault ?? (Array.isArray(numbers) ? undefined : sendRefusal(namespace, queue, numbers, size));
  if (refusal === undefined)
    return { status: 200, body: { 'sequence-numbers': rhea.types.wrap_array(numbers, TYPE_CODE.long, undefined) } };
  namespace.counters.count(queue.definition.name, 'sendsRefused');
  return { status: 500, error: refusal };
}

function cancel(input: unknown, { entity }: Place): Outcome {
  const numbers = body.sequenceNumbers.parse(input)['sequence-numbers'];
  return entity.store.cancelScheduled(numbers) ? { status: 200, body: null } : { status: 404, error: messageNotFound };
}

function receiveDeferred(input: unknown, { entity }: Place): Outcome {
  const { 'sequence-numbers': numbers, 'receiver-settle-mode': mode } = body.receive.parse(input);
  const received = entity.store.receiveDeferred(numbers, mode === RECEIVE_AND_DELETE ? 'take' : 'lock');
  if (received === undefined) return { status: 404, error: messageNotFound };
  const messages = received.map((message) => {
    const encoded = { message: writeMessage(message) };
    if (message.lock === undefined) return encoded;
    return { ...encoded, 'lock-token': rhea.types.wrap_uuid(lockTokenToUuid(message.lock.token)) };
  });
  return { status: 200, body: { messages } };
}

function settle(input: unknown, { entity: { store } }: Place): Outcome {
  const request = body.disposition.parse(input);
  const changes = toChanges(request['properties-to-modify']);
  const reason = deadLetterChanges(
    request['deadletter-reason'] ?? undefined,
    request['deadletter-description'] ?? undefined,
  );
  const settlements = {
    completed: (token: string) => store.complete(token),
    abandoned: (token: string) => store.abandon(token, changes),
    defered: (token: string) => store.defer(token, changes),
    suspended: (token: string) => store.deadLetter(token, new Map([...changes, ...reason])),
  } satisfies Record<string, (token: string) => Settlement>;
  for (const token of request['lock-tokens'].map(uuidToLockToken)) {
    const refusal = settlementRefusal(settlements[request['disposition-status']](token));
    if (refusal !== undefined) return { status: refusal === lockLost ? 410 : 400, error: refusal };
  }
  return { status: 200, body: null };
}
