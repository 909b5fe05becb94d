/** What a test may do to the emulator behind the clients' backs, as functions; `control-routes.ts` has them over HTTP. */
import type { AccessTokens } from '../identity/access-tokens.ts';
import type { GraphCounters } from './counters.ts';
import type { Delivery } from './delivery-log.ts';
import type { GraphGroup, GraphUser } from './directory.ts';
import type { FaultRule } from './faults.ts';
import { findMailbox, type GraphState } from './graph-state.ts';
import { deliverContent } from './incoming-mail.ts';
import type { GraphKnobs } from './knobs.ts';
import type { Mailbox, MailboxState } from './mailbox.ts';
import type { MailFolder } from './mail-folder.ts';
import type { MailMessage } from './message-record.ts';
import { graphTime } from './message-view.ts';
import { messageFromMime } from './mime/message-from-mime.ts';
import type { LifecycleEvent } from './notification-items.ts';
import type { NotificationPlan } from './notification-plan.ts';
import type { Subscription } from './subscription-record.ts';

export type DeliveredMail = { id: string; immutableId: string; internetMessageId: string | null };
export type DeliveryOptions = { folder?: string | undefined; receivedAt?: Date | undefined };
export type BulkOptions = {
  count: number;
  subject?: string | undefined;
  spacingMs?: number | undefined;
  folder?: string | undefined;
};

/** A message as control shows it: enough to compare with what a client made of it. */
export type ListedMessage = DeliveredMail & {
  folder: string;
  subject: string | null;
  receivedDateTime: string;
  isRead: boolean;
  isDraft: boolean;
};

export type GraphControl = {
  counters: () => GraphCounters;
  reset: () => void;
  /** The emulator's time, and how far it is ahead of the base clock. */
  clock: () => { now: string; offsetMs: number };
  /** Moves the emulator's time forward; due retries, expiries and delays fire. */
  advanceClock: (ms: number) => void;
  knobs: () => GraphKnobs;
  setKnobs: (knobs: Partial<GraphKnobs>) => void;
  faults: () => { id: string; rule: FaultRule; struck: number }[];
  addFault: (rule: FaultRule) => string;
  removeFault: (id: string) => boolean;
  clearFaults: () => void;
  /** Delivers raw RFC 822 bytes, as if the mail had just arrived. */
  deliverEml: (user: string, bytes: Uint8Array, options?: DeliveryOptions) => DeliveredMail;
  /** Delivers many small mails at once, each received a little later than the one before. */
  deliverBulk: (user: string, options: BulkOptions) => DeliveredMail[];
  messages: (user: string) => ListedMessage[];
  subscriptions: () => Subscription[];
  /** Removes a subscription without telling anyone. */
  removeSubscription: (id: string) => boolean;
  /** Sends a lifecycle event to one subscription or to all; `subscriptionRemoved` removes it first. Answers how many. */
  sendLifecycle: (event: LifecycleEvent, subscriptionId?: string) => number;
  notifications: () => NotificationPlan;
  setNotifications: (plan: Partial<NotificationPlan>) => void;
  /** Whether no notification waits, is under way or will be tried again. */
  notificationsIdle: () => boolean;
  deliveries: () => readonly Delivery[];
  clearDeliveries: () => void;
  /** Evicts the delta tokens given out so far: of all mailboxes, of one, or of one folder. */
  expireDeltaTokens: (place?: { user?: string | undefined; folder?: string | undefined }) => number;
  setMailboxState: (user: string, state: MailboxState) => void;
  addUser: (user: GraphUser) => void;
  removeUser: (idOrAddress: string) => boolean;
  setGroup: (group: GraphGroup) => void;
  removeGroup: (id: string) => void;
  /** Makes all tokens issued so far worthless: Graph answers 401 with a claims challenge. */
  revokeTokens: () => void;
};

export type ControlDeps = {
  state: GraphState;
  tokens: AccessTokens;
  reset: () => void;
  reseed: (seed: number) => void;
  addMailbox: (user: GraphUser) => void;
};

/** Thrown when control is asked about something that does not exist. */
export class ControlFault extends Error {
  override readonly name = 'ControlFault';
}

/** Makes the functions of control. */
export function makeControl({ state, tokens, reset, reseed, addMailbox }: ControlDeps): GraphControl {
  const mailboxNamed = (user: string): Mailbox => {
    const found = findMailbox(state, user);
    if (found === undefined)
      throw new ControlFault(`The emulator has no user "${user}": add it first, or check the id or address.`);
    return found.mailbox;
  };
  const folderNamed = (mailbox: Mailbox, name: string | undefined): MailFolder => {
    const folder = mailbox.findFolder(name ?? 'inbox');
    if (folder === undefined)
      throw new ControlFault(`The mailbox has no folder "${name}": use an id or a well-known name.`);
    return folder;
  };
  return {
    counters: () => structuredClone(state.counters),
    reset,
    clock: () => ({ now: new Date(state.clock.now()).toISOString(), offsetMs: state.clock.offsetMs }),
    advanceClock: (ms) => state.clock.advance(ms),
    knobs: () => structuredClone(state.knobs),
    setKnobs: (knobs) => {
      Object.assign(state.knobs, knobs);
      if (knobs.seed !== undefined) reseed(knobs.seed);
    },
    faults: () => state.faults.list(),
    addFault: (rule) => state.faults.add(rule),
    removeFault: (id) => state.faults.remove(id),
    clearFaults: () => state.faults.clear(),
    deliverEml: (user, bytes, options = {}) => {
      const mailbox = mailboxNamed(user);
      const folder = folderNamed(mailbox, options.folder);
      const content = messageFromMime(Buffer.from(bytes));
      return deliveredMail(
        deliverContent(state, mailbox, content, { folder, receivedAt: options.receivedAt?.getTime() }),
      );
    },
    deliverBulk: (user, options) => {
      const mailbox = mailboxNamed(user);
      const folder = folderNamed(mailbox, options.folder);
      const start = state.clock.now() - (options.spacingMs ?? 0) * options.count;
      return Array.from({ length: options.count }, (_, index) => {
        const bytes = bulkMail(options.subject ?? 'Bulk mail', mailbox.messageCount);
        const receivedAt = start + index * (options.spacingMs ?? 0);
        return deliveredMail(deliverContent(state, mailbox, messageFromMime(bytes), { folder, receivedAt }));
      });
    },
    messages: (user) => listMessages(mailboxNamed(user)),
    subscriptions: () => state.subscriptions.all(),
    removeSubscription: (id) => {
      const subscription = state.subscriptions.find(id);
      if (subscription !== undefined) state.subscriptions.remove(subscription);
      return subscription !== undefined;
    },
    sendLifecycle: (event, subscriptionId) => {
      const chosen = state.subscriptions
        .all()
        .filter(({ id }) => subscriptionId === undefined || id === subscriptionId);
      if (event === 'subscriptionRemoved') for (const each of chosen) state.subscriptions.remove(each);
      return chosen.filter((each) => state.notifier.announceLifecycle(each, event)).length;
    },
    notifications: () => ({ ...state.notifier.plan }),
    setNotifications: (plan) => void Object.assign(state.notifier.plan, plan),
    notificationsIdle: () => state.notifier.isIdle,
    deliveries: () => state.notifier.log.deliveries,
    clearDeliveries: () => state.notifier.log.clear(),
    expireDeltaTokens: ({ user, folder } = {}) => {
      const mailboxes = user === undefined ? [...state.mailboxes.values()] : [mailboxNamed(user)];
      const folders = mailboxes.flatMap((each) =>
        folder === undefined ? [...each.folders.values()] : [folderNamed(each, folder)],
      );
      for (const each of folders) each.deltaGeneration += 1;
      return folders.length;
    },
    setMailboxState: (user, mailboxState) => {
      mailboxNamed(user).state = mailboxState;
    },
    addUser: (user) => addMailbox(user),
    removeUser: (idOrAddress) => {
      const user = state.directory.removeUser(idOrAddress);
      if (user === undefined) return false;
      for (const each of state.subscriptions.ofUser(user.id)) state.subscriptions.remove(each);
      return state.mailboxes.delete(user.id.toLowerCase());
    },
    setGroup: (group) => state.directory.setGroup(group),
    removeGroup: (id) => state.directory.removeGroup(id),
    revokeTokens: () => tokens.revokeAll(),
  };
}

function deliveredMail({ restId, immutableId, internetMessageId }: MailMessage): DeliveredMail {
  return { id: restId, immutableId, internetMessageId };
}

function listMessages(mailbox: Mailbox): ListedMessage[] {
  return Array.from({ length: mailbox.received.size }, (_, index) => mailbox.received.at(index))
    .filter((message) => message !== undefined)
    .map((message) => ({
      ...deliveredMail(message),
      folder: message.folder.displayName,
      subject: message.subject,
      receivedDateTime: graphTime(message.receivedAt),
      isRead: message.isRead,
      isDraft: message.isDraft,
    }));
}

function bulkMail(subject: string, number: number): Buffer {
  return Buffer.from(
    `From: Bulk Sender <bulk@sender.example>\r\nTo: someone@local.example\r\nSubject: ${subject} ${number}\r\n` +
      `Message-ID: <bulk-${number}-${subject.replace(/[^A-Za-z0-9]+/g, '-')}@sender.example>\r\n\r\nMail number ${number}.\r\n`,
  );
}
