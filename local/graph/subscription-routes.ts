/** The subscription API: create with handshake, read, list, renew, reauthorize, delete. */
import { randomUUID } from 'node:crypto';
import { GraphFailure } from './graph-failure.ts';
import type { GraphReply, GraphRequest } from './graph-exchange.ts';
import type { GraphState } from './graph-state.ts';
import { readPreferences } from './prefer-header.ts';
import { showSubscription, type Subscription } from './subscription-record.ts';
import { readCreation, readExpiry, readRenewal, readSubscribedTypes, readTarget } from './subscription-request.ts';

const tenMinutes = 600_000;

function reply(request: GraphRequest, subscription: Subscription, status: number): GraphReply {
  const shown = showSubscription(subscription, { hideClientState: false });
  return { status, body: { '@odata.context': `${request.root}/$metadata#subscriptions/$entity`, ...shown } };
}

export async function createSubscription(state: GraphState, request: GraphRequest): Promise<GraphReply> {
  state.throttle.enterSubscriptionService(request.app.appId, 'write');
  const asked = readCreation(request.body);
  const target = readTarget(state, asked.resource);
  const changeTypes = readSubscribedTypes(asked.changeType);
  const expiry = readExpiry(state, asked.expirationDateTime);
  const subscription: Subscription = {
    id: randomUUID(),
    appId: request.app.appId,
    creatorId: request.app.objectId,
    resource: asked.resource,
    target,
    changeType: asked.changeType,
    changeTypes,
    clientState: asked.clientState ?? null,
    notificationUrl: asked.notificationUrl,
    lifecycleNotificationUrl: asked.lifecycleNotificationUrl ?? null,
    expiresAt: expiry.at,
    expirationText: expiry.text,
    immutableIds: readPreferences(request.headers['prefer']).immutableIds,
    latestSupportedTlsVersion: asked.latestSupportedTlsVersion ?? 'v1_2',
    createdAt: state.clock.now(),
    patchedAt: null,
    reauthorizedAt: null,
    reauthorizationDueSince: null,
    paused: false,
  };
  refuseDuplicate(state, subscription);
  if (state.subscriptions.ofUser(target.userId).length >= state.knobs.subscriptionsPerMailbox) {
    const text = `The maximum number of subscriptions (${state.knobs.subscriptionsPerMailbox}) for this mailbox has been reached.`;
    throw new GraphFailure(403, 'Forbidden', text);
  }
  await state.notifier.validate(subscription.notificationUrl);
  // The same URL for both is asked twice (graph/change-notifications-with-resource-data).
  if (subscription.lifecycleNotificationUrl !== null)
    await state.notifier.validate(subscription.lifecycleNotificationUrl);
  // Another create may have won while the endpoint was being asked.
  refuseDuplicate(state, subscription);
  state.subscriptions.add(subscription);
  return reply(request, subscription, 201);
}

function refuseDuplicate(state: GraphState, subscription: Subscription): void {
  const other = state.subscriptions.findDuplicate(subscription);
  if (other === undefined) return;
  throw new GraphFailure(409, 'Conflict', `Subscription Id ${other.id} already exists for the requested combination`);
}

/** The subscription of a path; those of another app do not exist for the caller. */
function ownSubscription(state: GraphState, request: GraphRequest): Subscription {
  const subscription = state.subscriptions.find(request.params['subscription'] ?? '');
  if (subscription === undefined || subscription.appId !== request.app.appId) {
    throw new GraphFailure(404, 'ResourceNotFound', 'The object was not found.');
  }
  return subscription;
}

export function getSubscription(state: GraphState, request: GraphRequest): GraphReply {
  state.throttle.enterSubscriptionService(request.app.appId, 'read');
  return reply(request, ownSubscription(state, request), 200);
}

export function listSubscriptions(state: GraphState, request: GraphRequest): GraphReply {
  state.throttle.enterSubscriptionService(request.app.appId, 'list');
  const own = state.subscriptions.all().filter((each) => each.appId === request.app.appId);
  const after = Buffer.from(request.query.get('$skiptoken') ?? '', 'base64url').toString();
  const start = after === '' ? 0 : own.findIndex((each) => each.id === after) + 1;
  const page = own.slice(start, start + state.knobs.subscriptionPageSize);
  const last = page.at(-1);
  const body: Record<string, unknown> = { '@odata.context': `${request.root}/$metadata#subscriptions` };
  if (last !== undefined && start + page.length < own.length) {
    body['@odata.nextLink'] = `${request.root}/subscriptions?$skiptoken=${Buffer.from(last.id).toString('base64url')}`;
  }
  body['value'] = page.map((each) => showSubscription(each, { hideClientState: true }));
  return { status: 200, body };
}

export async function updateSubscription(state: GraphState, request: GraphRequest): Promise<GraphReply> {
  state.throttle.enterSubscriptionService(request.app.appId, 'write');
  const subscription = ownSubscription(state, request);
  const asked = readRenewal(request.body);
  const expiry = asked.expirationDateTime === undefined ? null : readExpiry(state, asked.expirationDateTime);
  const newUrl = asked.notificationUrl !== undefined && asked.notificationUrl !== subscription.notificationUrl;
  if (newUrl || state.knobs.validateOnRenew)
    await state.notifier.validate(asked.notificationUrl ?? subscription.notificationUrl);
  noteTenMinuteRule(state, subscription.reauthorizedAt);
  subscription.patchedAt = state.clock.now();
  if (asked.notificationUrl !== undefined) subscription.notificationUrl = asked.notificationUrl;
  if (expiry === null) state.subscriptions.reauthorize(subscription);
  else state.subscriptions.renew(subscription, expiry);
  return reply(request, subscription, 200);
}

/** PATCH and reauthorize within ten minutes leave the service in an inconsistent state: counted, not refused. */
function noteTenMinuteRule(state: GraphState, other: number | null): void {
  if (other !== null && state.clock.now() - other < tenMinutes) state.counters.patchReauthorizeConflicts += 1;
}

export function reauthorizeSubscription(state: GraphState, request: GraphRequest): GraphReply {
  state.throttle.enterSubscriptionService(request.app.appId, 'reauthorize');
  const subscription = ownSubscription(state, request);
  noteTenMinuteRule(state, subscription.patchedAt);
  subscription.reauthorizedAt = state.clock.now();
  state.subscriptions.reauthorize(subscription);
  return { status: 204 };
}

export function deleteSubscription(state: GraphState, request: GraphRequest): GraphReply {
  state.throttle.enterSubscriptionService(request.app.appId, 'write');
  state.subscriptions.remove(ownSubscription(state, request));
  return { status: 204 };
}
