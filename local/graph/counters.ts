/** What the emulator counts: requests by kind, throttling, deliveries. */

/** Kinds of request; the parts of a batch count by their own kind. */
export const requestKinds = [
  'delta',
  'message',
  'messageList',
  'attachment',
  'mime',
  'messageWrite',
  'folder',
  'sendMail',
  'subscriptionCreate',
  'subscriptionRenew',
  'subscriptionDelete',
  'subscriptionGet',
  'subscriptionList',
  'subscriptionReauthorize',
  'batch',
  'user',
  'userList',
  'group',
  'token',
  'other',
] as const;

export type RequestKind = (typeof requestKinds)[number];

export type GraphCounters = {
  /** Requests by kind, those refused by throttling, faults or authentication included. */
  requests: Record<RequestKind, number>;
  /** Requests that read mail: delta, messages, lists, attachments, MIME; batch parts counted, set-up not. */
  mailRequests: number;
  /** HTTP requests to Graph, a batch counted once. */
  httpRequests: number;
  throttled: number;
  unauthorized: number;
  faultsInjected: number;
  /** Most requests that were in flight at once to any one mailbox. */
  highestConcurrency: number;
  highestConcurrencyByMailbox: Record<string, number>;
  mailsDelivered: number;
  handshakes: number;
  handshakesFailed: number;
  notificationPosts: number;
  notificationPostsFailed: number;
  /** Items in POSTs that were answered with 2xx. */
  notificationItemsSent: number;
  /** Items given up after all retries. */
  notificationItemsFailed: number;
  /** Items never sent: fault plan, drop state, paused or expired subscription. */
  notificationItemsDropped: number;
  lifecycleItemsSent: number;
  /** PATCH and reauthorize of one subscription within ten minutes (graph/change-notifications-lifecycle-events). */
  patchReauthorizeConflicts: number;
};

const mailKinds: readonly RequestKind[] = ['delta', 'message', 'messageList', 'attachment', 'mime'];

function emptyRequests(): Record<RequestKind, number> {
  return {
    delta: 0,
    message: 0,
    messageList: 0,
    attachment: 0,
    mime: 0,
    messageWrite: 0,
    folder: 0,
    sendMail: 0,
    subscriptionCreate: 0,
    subscriptionRenew: 0,
    subscriptionDelete: 0,
    subscriptionGet: 0,
    subscriptionList: 0,
    subscriptionReauthorize: 0,
    batch: 0,
    user: 0,
    userList: 0,
    group: 0,
    token: 0,
    other: 0,
  };
}

export function zeroCounters(): GraphCounters {
  return {
    requests: emptyRequests(),
    mailRequests: 0,
    httpRequests: 0,
    throttled: 0,
    unauthorized: 0,
    faultsInjected: 0,
    highestConcurrency: 0,
    highestConcurrencyByMailbox: {},
    mailsDelivered: 0,
    handshakes: 0,
    handshakesFailed: 0,
    notificationPosts: 0,
    notificationPostsFailed: 0,
    notificationItemsSent: 0,
    notificationItemsFailed: 0,
    notificationItemsDropped: 0,
    lifecycleItemsSent: 0,
    patchReauthorizeConflicts: 0,
  };
}

/** Counts one request. */
export function countRequest(counters: GraphCounters, kind: RequestKind): void {
  counters.requests[kind] += 1;
  if (mailKinds.includes(kind)) counters.mailRequests += 1;
}

/** Notes how many requests one mailbox has in flight. */
export function noteConcurrency(counters: GraphCounters, mailbox: string, inFlight: number): void {
  counters.highestConcurrency = Math.max(counters.highestConcurrency, inFlight);
  const known = counters.highestConcurrencyByMailbox[mailbox] ?? 0;
  counters.highestConcurrencyByMailbox[mailbox] = Math.max(known, inFlight);
}
