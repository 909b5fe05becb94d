import * as z from 'zod';
import { asDateTime } from './simulated-mailboxes.ts';
import type { Dice } from './dice.ts';
import { type Reply, refusal } from './reply.ts';
import type { SimulatedSubscription, SimulatedSubscriptions } from './simulated-subscriptions.ts';

const subscriptionBody = z.object({
  changeType: z.string(),
  resource: z.string(),
  notificationUrl: z.string(),
  expirationDateTime: z.string(),
  clientState: z.string(),
});
const batchBody = z.object({
  requests: z.array(
    z.object({
      id: z.string(),
      method: z.string(),
      url: z.string(),
      body: z.object({ expirationDateTime: z.string() }),
    }),
  ),
});

const PART_FAILS = 0.01;

const shown = (item: SimulatedSubscription) => ({
  id: item.id,
  resource: item.resource,
  notificationUrl: item.notificationUrl,
  clientState: null,
  expirationDateTime: asDateTime(item.expiresAt),
});

/** GET, DELETE and the list of subscriptions. */
export function answerSubscriptions(store: SimulatedSubscriptions, method: string, id: string): Reply {
  if (id === '') return { status: 200, body: { value: store.live().map(shown) } };
  const found = store.get(id);
  if (!found) return refusal(404, 'ResourceNotFound');
  if (method !== 'DELETE') return { status: 200, body: shown(found) };
  store.remove(found);
  return { status: 204 };
}

/** POST: a new subscription, after the handshake with its endpoint. */
export function createSubscription(
  store: SimulatedSubscriptions,
  body: unknown,
  prefer: string,
  handshake: (notificationUrl: string) => boolean,
): Reply {
  const { resource, notificationUrl, clientState, expirationDateTime } = subscriptionBody.parse(body);
  if (!handshake(notificationUrl)) return refusal(400, 'ValidationError', 'Subscription validation request timed out.');
  const expiresAt = store.grant(Date.parse(expirationDateTime));
  if (expiresAt === undefined)
    return refusal(400, 'ExtensionError', 'Subscription expiration can only be minutes in the future.');
  const same = store.on(resource);
  if (same)
    return refusal(409, 'ExtensionError', `Subscription Id <${same.id}> already exists for the requested combination`);
  const immutable = prefer.includes('ImmutableId');
  return { status: 201, body: shown(store.put({ resource, notificationUrl, clientState, expiresAt, immutable })) };
}

export const resourceWished = (body: unknown): string => subscriptionBody.parse(body).resource;

/** PATCHes in one request. `mayFail`: parts may go wrong, come in any order, or be missing. */
export function answerBatch(store: SimulatedSubscriptions, body: unknown, dice: Dice, mayFail: boolean): Reply {
  const fails = () => mayFail && dice.chance(PART_FAILS);
  const responses = batchBody.parse(body).requests.map((request) => {
    const found = store.get(request.url.split('/').at(-1) ?? '');
    const reply = (status: number, content: unknown) => ({ id: request.id, status, body: content });
    if (!found) return reply(404, { error: { code: 'ResourceNotFound' } });
    if (fails()) return reply(503, { error: { code: 'ServiceUnavailable' } });
    const expiresAt = store.grant(Date.parse(request.body.expirationDateTime));
    if (expiresAt === undefined) return reply(400, { error: { code: 'ErrorInvalidParameter' } });
    store.patch(found, expiresAt);
    return reply(200, { id: found.id, expirationDateTime: asDateTime(expiresAt) });
  });
  if (fails()) responses.pop();
  return { status: 200, body: { responses: responses.toReversed() } };
}
