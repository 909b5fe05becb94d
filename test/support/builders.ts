import type { Config } from '../../shared/config.ts';
import { type Chain, folderKey, WHOLE_WATCH_MS } from '../../shared/domain/delta.ts';
import type { Mail } from '../../shared/domain/mail.ts';
import type { WatchedFolder } from '../../shared/domain/watched-folder.ts';
import { START } from './in-memory-ports.ts';

export const TENANT = '5f2b1c6e-8a43-4d0b-9c57-1e6f0a9d3b24';
export const MAILBOX = '11111111-2222-4333-8444-555555555555';
export const INBOX = 'inbox-id';
export const INBOX_KEY = folderKey(INBOX);

const NEVER = new Date(0);
let mails = 0;

/** A mail that was just received; each has its own id. */
export function aMail(changes: Partial<Mail> = {}): Mail {
  const number = ++mails;
  return {
    id: `AAkALgAAAAAAHYQ-${number}=`,
    receivedAt: new Date(START),
    sentAt: new Date(START - 5_000),
    isDraft: false,
    parentFolderId: INBOX,
    internetMessageId: `<mail-${number}@sender.example>`,
    conversationId: `conversation-${number}`,
    subject: `Order ${number}`,
    from: { name: 'Ada Sender', address: 'ada@sender.example' },
    sender: { name: 'Ada Sender', address: 'ada@sender.example' },
    to: [{ name: 'Sales', address: 'sales@northwind.example' }],
    cc: [],
    bcc: [],
    replyTo: [],
    importance: 'normal',
    isRead: false,
    headers: [{ name: 'Message-ID', value: `<mail-${number}@sender.example>` }],
    body: { contentType: 'text', content: `Please send ${number} pieces.` },
    attachments: [],
    ...changes,
  };
}

/** A chain that was saved but never opened. */
export const aChain = (changes: Partial<Chain> = {}): Chain => {
  const folderId = changes.folderId ?? INBOX;
  return {
    folder: folderKey(folderId),
    folderId,
    address: 'sales@northwind.example',
    watchStart: new Date(START - 86_400_000),
    wanted: true,
    link: undefined,
    options: undefined,
    results: 0,
    linkAt: undefined,
    gap: undefined,
    window: WHOLE_WATCH_MS,
    takeovers: 0,
    reportedAt: new Date(START),
    audit: undefined,
    replay: undefined,
    auditedTo: undefined,
    auditAt: new Date(START + 365 * 86_400_000),
    ...changes,
  };
};

/** A watched folder in good health that was looked at just now. */
export const aFolder = (changes: Partial<WatchedFolder> = {}): WatchedFolder => ({
  mailbox: MAILBOX,
  folder: folderKey(changes.folderId ?? INBOX),
  folderId: INBOX,
  folderName: 'inbox',
  address: 'sales@northwind.example',
  source: 'settings',
  addedByAdmin: changes.source === 'admin',
  wanted: true,
  watchStart: new Date(START - 86_400_000),
  state: 'active',
  reason: '',
  since: new Date(START),
  move: 'none',
  subscription: undefined,
  keyId: 'first',
  endpoint: 'endpoint-1',
  expiresAt: undefined,
  renewAt: undefined,
  patchedAt: undefined,
  maxMinutes: 10_020,
  claim: '',
  claimedUntil: NEVER,
  rungAt: new Date(START),
  syncedAt: new Date(START),
  probeAt: NEVER,
  probes: 0,
  purgedAt: new Date(START),
  missingSince: undefined,
  ...changes,
});

export interface NotificationParts {
  clientState: string;
  mailbox?: string;
  id?: string;
  tenant?: string;
}

/** A change notification item as Graph POSTs it for a new mail. */
export const aNotification = ({
  clientState,
  mailbox = MAILBOX,
  id = 'AAkAnew=',
  tenant = TENANT,
}: NotificationParts) => ({
  subscriptionId: '50b5c41b-0000-4000-a000-000000000001',
  subscriptionExpirationDateTime: '2026-10-19T08:00:00Z',
  tenantId: tenant,
  clientState,
  changeType: 'created',
  resource: `Users/${mailbox}/Messages/${id}`,
  resourceData: {
    '@odata.type': '#Microsoft.Graph.Message',
    '@odata.id': `Users/${mailbox}/Messages/${id}`,
    '@odata.etag': 'W/"CQAAABYA"',
    id,
  },
});

/** The settings of a small installation. */
export const aConfig = (changes: Partial<Config> = {}): Config => ({
  storage: { kind: 'connection-string', connectionString: 'UseDevelopmentStorage=true' },
  serviceBus: { kind: 'identity', fullyQualifiedNamespace: 'bus.northwind.example' },
  workQueue: 'mailbox-work',
  crmQueue: 'crm-mail',
  publicBaseUrl: 'https://ingest.northwind.example',
  tenant: TENANT,
  cloud: 'global',
  graphBaseUrl: 'https://graph.test/v1.0',
  loginRoot: 'https://login.test',
  authorityMetadata: undefined,
  clientId: undefined,
  credential: { kind: 'managed-identity' },
  identityClientId: undefined,
  mailboxes: [],
  groupId: undefined,
  folderNames: ['inbox'],
  catchUpMs: 600_000,
  includeMime: false,
  includeAttachments: false,
  admin: undefined,
  reconcileSchedule: '0 * * * * *',
  renewSchedule: '0 */30 * * * *',
  ...changes,
});
