/** What a subscription is told of a change or of itself, in the words of the payload samples. */
import type { Mailbox, MailboxChange } from './mailbox.ts';
import { matches } from './message-query.ts';
import { etagOf } from './message-view.ts';
import { type ChangeType, notifiedExpiry, type Subscription } from './subscription-record.ts';

export type NotificationItem = Record<string, unknown>;

export type LifecycleEvent = 'reauthorizationRequired' | 'subscriptionRemoved' | 'missed';

/**
 * The change type that a subscription sees. With a filter, entering it counts as created and leaving it as deleted
 * (graph/outlook-change-notifications-overview).
 */
export function seenChangeType(subscription: Subscription, change: MailboxChange): ChangeType | undefined {
  const { folderId, filter } = subscription.target;
  if (folderId !== null && folderId !== change.folder.id) return undefined;
  const type = filter.length === 0 ? change.type : filteredType(subscription, change);
  return type !== undefined && subscription.changeTypes.has(type) ? type : undefined;
}

function filteredType({ target }: Subscription, change: MailboxChange): ChangeType | undefined {
  const before = matches({ ...change.message, isRead: change.wasRead }, target.filter);
  const after = matches(change.message, target.filter);
  if (change.type === 'created') return after ? 'created' : undefined;
  if (change.type === 'deleted') return before ? 'deleted' : undefined;
  if (before && after) return 'updated';
  if (before) return 'deleted';
  return after ? 'created' : undefined;
}

export function changeItem(
  subscription: Subscription,
  change: MailboxChange,
  changeType: ChangeType,
  tenantId: string,
): NotificationItem {
  const id = subscription.immutableIds ? change.message.immutableId : change.restId;
  const resource = resourceOf(change.mailbox, id);
  return {
    subscriptionId: subscription.id,
    subscriptionExpirationDateTime: notifiedExpiry(subscription),
    changeType,
    resource,
    resourceData: {
      '@odata.type': '#Microsoft.Graph.Message',
      '@odata.id': resource,
      '@odata.etag': etagOf(change.message, change.version),
      id,
    },
    ...(subscription.clientState === null ? {} : { clientState: subscription.clientState }),
    tenantId,
  };
}

/** Whatever path was subscribed to, the notified one is that of the mailbox. */
function resourceOf(mailbox: Mailbox, id: string): string {
  return `Users/${mailbox.userId}/Messages/${id}`;
}

export function lifecycleItem(subscription: Subscription, event: LifecycleEvent, tenantId: string): NotificationItem {
  return {
    subscriptionId: subscription.id,
    subscriptionExpirationDateTime: notifiedExpiry(subscription),
    tenantId,
    ...(subscription.clientState === null ? {} : { clientState: subscription.clientState }),
    lifecycleEvent: event,
  };
}
