/** A subscription as the service keeps it, and as its API shows it. */
import type { Condition } from './message-query.ts';

export type ChangeType = 'created' | 'updated' | 'deleted';

export type SubscriptionTarget = { userId: string; folderId: string | null; filter: Condition[] };

export type Subscription = {
  readonly id: string;
  readonly appId: string;
  readonly creatorId: string;
  /** As it was sent. */
  readonly resource: string;
  readonly target: SubscriptionTarget;
  readonly changeType: string;
  readonly changeTypes: ReadonlySet<ChangeType>;
  readonly clientState: string | null;
  notificationUrl: string;
  readonly lifecycleNotificationUrl: string | null;
  expiresAt: number;
  /** The expiry as the API shows it. */
  expirationText: string;
  readonly immutableIds: boolean;
  readonly latestSupportedTlsVersion: string;
  readonly createdAt: number;
  patchedAt: number | null;
  reauthorizedAt: number | null;
  /** Since when a `reauthorizationRequired` stands unanswered. */
  reauthorizationDueSince: number | null;
  /** Whether delivery pauses because it stood unanswered too long. */
  paused: boolean;
};

/** What two subscriptions of one app may not share: change types and resource. */
export function duplicateKey(subscription: Pick<Subscription, 'appId' | 'target' | 'changeTypes'>): string {
  const { userId, folderId, filter } = subscription.target;
  const types = [...subscription.changeTypes].toSorted().join(',');
  return JSON.stringify([subscription.appId, userId.toLowerCase(), folderId, filter, types]);
}

/** The JSON of a subscription; lists hide the client state (graph/api/subscription-list). */
export function showSubscription(
  subscription: Subscription,
  options: { hideClientState: boolean },
): Record<string, unknown> {
  return {
    id: subscription.id,
    resource: subscription.resource,
    applicationId: subscription.appId,
    changeType: subscription.changeType,
    clientState: options.hideClientState ? null : subscription.clientState,
    notificationUrl: subscription.notificationUrl,
    notificationQueryOptions: null,
    notificationContentType: null,
    lifecycleNotificationUrl: subscription.lifecycleNotificationUrl,
    expirationDateTime: subscription.expirationText,
    creatorId: subscription.creatorId,
    includeResourceData: null,
    latestSupportedTlsVersion: subscription.latestSupportedTlsVersion,
    encryptionCertificate: null,
    encryptionCertificateId: null,
    notificationUrlAppId: null,
  };
}

/** Notifications show the expiry with seven fractional digits and an offset, which clients must be able to read. */
export function notifiedExpiry(subscription: Subscription): string {
  return `${new Date(subscription.expiresAt).toISOString().slice(0, -1)}0000+00:00`;
}
