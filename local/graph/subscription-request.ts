/** Judges what a client asks of the subscription API, before anything is called or kept. */
import * as z from 'zod';
import { findUrlFault } from './endpoint-client.ts';
import { badRequest, GraphFailure } from './graph-failure.ts';
import { readODataOptions, readSegments } from './graph-exchange.ts';
import { findMailbox, type GraphState, stateFailure } from './graph-state.ts';
import { readFilter } from './message-query.ts';
import { parseJson } from './request-body.ts';
import type { ChangeType, SubscriptionTarget } from './subscription-record.ts';

const creation = z.looseObject({
  resource: z.string(),
  changeType: z.string(),
  notificationUrl: z.string(),
  expirationDateTime: z.string(),
  clientState: z.string().nullish(),
  lifecycleNotificationUrl: z.string().nullish(),
  includeResourceData: z.boolean().nullish(),
  latestSupportedTlsVersion: z.string().nullish(),
  vapidPublicKey: z.unknown().optional(),
});

export type SubscriptionCreation = z.infer<typeof creation>;

const renewal = z.looseObject({ expirationDateTime: z.string().optional(), notificationUrl: z.string().optional() });

const invalid = (message: string): GraphFailure => new GraphFailure(400, 'InvalidRequest', message);

const required = ['resource', 'changeType', 'notificationUrl', 'expirationDateTime'] as const;

/** Reads the body of a create. */
export function readCreation(body: Buffer): SubscriptionCreation {
  const value = parseJson(body, 'subscription');
  if (typeof value !== 'object' || value === null) throw invalid('Could not process subscription creation payload.');
  for (const name of required) {
    if (!(name in value)) throw invalid(`${name} is a required property for subscription creation`);
  }
  const result = creation.safeParse(value);
  if (!result.success) {
    throw invalid(
      'Could not process subscription creation payload. Are all property names spelled and camelCased properly?',
    );
  }
  const asked = result.data;
  if (asked.includeResourceData === true) {
    throw badRequest('includeResourceData is not supported by this emulator: it sends basic notifications only.');
  }
  if (asked.vapidPublicKey !== undefined) throw invalid('vapidPublicKey is only for Web Push subscriptions.');
  if ((asked.clientState ?? '').length > 128) throw invalid('clientState must not be longer than 128 characters.');
  checkUrl('notificationUrl', asked.notificationUrl);
  if (asked.lifecycleNotificationUrl != null) checkUrl('lifecycleNotificationUrl', asked.lifecycleNotificationUrl);
  return asked;
}

/** Reads the body of an update. */
export function readRenewal(body: Buffer): {
  expirationDateTime?: string | undefined;
  notificationUrl?: string | undefined;
} {
  const result = renewal.safeParse(parseJson(body, 'subscription'));
  const asked = result.success ? result.data : {};
  if (asked.expirationDateTime === undefined && asked.notificationUrl === undefined) {
    throw invalid('expirationDateTime or notificationUrl is required to update a subscription.');
  }
  if (asked.notificationUrl !== undefined) checkUrl('notificationUrl', asked.notificationUrl);
  return asked;
}

function checkUrl(name: string, url: string): void {
  const fault = findUrlFault(url);
  if (fault !== undefined) throw invalid(`The ${name} is not valid: ${fault}`);
}

/** Reads a comma list of change types. */
export function readSubscribedTypes(text: string): ReadonlySet<ChangeType> {
  const types = new Set<ChangeType>();
  for (const part of text.split(',')) {
    const found = (['created', 'updated', 'deleted'] as const).find((type) => type === part.trim().toLowerCase());
    if (found === undefined)
      throw invalid(`changeType '${text}' is not valid: a comma list of created, updated, deleted.`);
    types.add(found);
  }
  return types;
}

/** Short lifetimes are raised in silence, long ones refused (subscription resource, lifetime table). */
export function readExpiry(state: GraphState, text: string): { at: number; text: string } {
  const asked = Date.parse(text);
  if (Number.isNaN(asked) || !/(Z|[+-]\d\d:\d\d)$/i.test(text)) {
    throw invalid(
      'Could not process subscription creation payload. expirationDateTime must be a date with an offset, such as 2026-11-27T08:15:42Z.',
    );
  }
  const now = state.clock.now();
  const maximum = state.knobs.subscriptionMaximumMinutes;
  if (asked > now + maximum * 60_000) {
    throw new GraphFailure(
      400,
      'ExtensionError',
      `Subscription expiration can only be ${maximum} minutes in the future.`,
    );
  }
  const least = now + state.knobs.subscriptionMinimumMinutes * 60_000;
  const at = Math.max(asked, least);
  return { at, text: at === asked && /Z$/i.test(text) ? text : new Date(at).toISOString() };
}

function creationFailure(status: number, code: string, reason: string): GraphFailure {
  return new GraphFailure(status, code, `Operation: Create; Exception: [Status Code: ${reason}]`);
}

/** Finds what a resource path names. */
export function readTarget(state: GraphState, resource: string): SubscriptionTarget {
  const [path = '', search = ''] = resource.split('?', 2);
  const [users, user, ...rest] = readSegments(path);
  const shape = rest.map((segment, index) => (index === 1 ? '*' : segment.toLowerCase())).join('/');
  if (users?.toLowerCase() === 'me') throw badRequest('/me request is only valid with delegated authentication flow.');
  if (
    users?.toLowerCase() !== 'users' ||
    user === undefined ||
    (shape !== 'messages' && shape !== 'mailfolders/*/messages')
  ) {
    throw badRequest(
      `Resource '${resource}' is not supported by this emulator: users/{id}/messages or users/{id}/mailFolders('{folder}')/messages.`,
    );
  }
  const found = findMailbox(state, user);
  if (found === undefined) {
    throw creationFailure(404, 'ResourceNotFound', 'NotFound; Reason: The requested user was not found.');
  }
  const failure = stateFailure(found.mailbox);
  if (failure !== undefined) {
    const [status, code, name] =
      failure.status === 403
        ? ([403, 'ExtensionError', 'Forbidden'] as const)
        : ([404, 'ResourceNotFound', 'NotFound'] as const);
    throw creationFailure(status, code, `${name}; Reason: ${failure.message}`);
  }
  const folderName = shape === 'messages' ? null : (rest[1] ?? '');
  const folder = folderName === null ? null : found.mailbox.findFolder(folderName);
  if (folder === undefined) {
    throw creationFailure(
      404,
      'ExtensionError',
      'NotFound; Reason: The specified folder could not be found in the store.',
    );
  }
  const filter = readFilter(readODataOptions(search).get('$filter'));
  return { userId: found.user.id, folderId: folder?.id ?? null, filter };
}
