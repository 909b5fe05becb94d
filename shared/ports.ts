import type { AuditResult } from './domain/audit.ts';
import type { Chain, Gap } from './domain/delta.ts';
import type { Delivery } from './domain/delivery.ts';
import type { KeyRing } from './domain/client-state.ts';
import type { Lane } from './domain/lane.ts';
import type { Mail, MailPage } from './domain/mail.ts';
import type { ClaimCheck, Part } from './domain/mail-event.ts';
import type { FolderState, WatchedFolder } from './domain/watched-folder.ts';
import type { Ring } from './domain/work-item.ts';

/*
 * Everything the app needs from outside, on one page. Adapters and the in-memory fakes of the tests implement these;
 * each port has a contract suite that both must pass. Any method may throw TransientError; others are named here.
 */

/** Milliseconds since 1970, by the clock of the service whose times are compared. */
export interface Clock {
  now(): number;
}

/** Puts rings on the work queue. */
export interface WorkQueue {
  /** All of them or an error. `at`: not to be delivered before. Aborted by `signal` with TransientError. */
  send(rings: Ring[], options?: { at?: Date; signal?: AbortSignal }): Promise<void>;
  /**
   * Takes dead-lettered rings away, at most `max`, and hands each to `keep` before it is gone for good. What is no ring
   * stays where it is. Returns how many were taken.
   */
  drainDeadLetters(max: number, keep: (rings: Ring[]) => Promise<void>): Promise<number>;
}

export interface OutgoingEvent {
  messageId: string;
  /** JSON text of the mail event. */
  body: string;
}

/** Puts mail events on the CRM queue. Sending the same MessageId again is harmless: the queue drops repeats. */
export interface CrmQueue {
  /** All of them or an error; after an error any part may have been sent. */
  publish(events: OutgoingEvent[]): Promise<void>;
}

export interface StoredBlob {
  /** `<mailbox>/<ledger key>/<part>`. */
  blob: string;
  storedAt: Date;
}

/** Create-only store for what does not fit into a queue message. */
export interface ClaimStore {
  readonly container: string;
  /** Stores the part; an equal one that is already there is success. */
  put(part: Part): Promise<void>;
  /** Copies a stream of unknown length; for mail and attachments of any size. An existing blob is left as it is. */
  copy(blob: string, contentType: string, content: ReadableStream<Uint8Array>): Promise<ClaimCheck>;
  /** Shows every blob of a mailbox, in pages of some thousands. */
  visit(mailbox: string, page: (blobs: StoredBlob[]) => Promise<void>): Promise<void>;
  /** Success also when it was gone. */
  remove(blob: string): Promise<void>;
  /** Removes every blob of a mailbox; returns how many. */
  erase(mailbox: string): Promise<number>;
}

export type LaneTag = string;

/** The newest part of a mailbox's state, in one read. */
export interface MailboxState {
  lane: Lane;
  /** `undefined`: there is no row yet. */
  laneTag: LaneTag | undefined;
  chains: Chain[];
  ledger: LedgerWindow;
}

/** Some ledger rows, and from which received time on they are all there are. */
export interface LedgerWindow {
  /** By row key; whoever holds the lane adds what it stores. */
  rows: Map<string, Delivery>;
  /** Every mail received at or after this time is in `rows` if it is in the ledger at all. */
  completeFrom: Date;
}

export interface Commit {
  deliveries: Delivery[];
  chain?: { folder: string; changes: Partial<Omit<Chain, 'folder'>> };
  /** The outcome of an audit that ends with this page. */
  audit?: AuditResult;
  lane: Lane;
  laneTag: LaneTag;
}

/** Lanes, delta chains and the ledger: table `deliveries`. */
export interface Deliveries {
  clock: Clock;
  load(mailbox: string): Promise<MailboxState>;
  /** Writes the lane row if nobody else did since `tag` (`undefined`: only if there is none); `undefined`: somebody did. */
  writeLane(mailbox: string, lane: Lane, tag: LaneTag | undefined): Promise<LaneTag | undefined>;
  /** Lane as it is now. */
  readLane(mailbox: string): Promise<{ lane: Lane; tag: LaneTag | undefined }>;
  /** Ledger rows, chain and lane in one transaction (several for many rows, chain and lane with the last). `undefined`: the lane changed. */
  commit(mailbox: string, commit: Commit): Promise<LaneTag | undefined>;
  /** Ledger rows of mails received in [from, to]. */
  between(mailbox: string, from: Date, to: Date): Promise<Delivery[]>;
  /** The next ledger rows, up to 1,000, of mails received before `time`, newest first. */
  older(mailbox: string, time: Date): Promise<Delivery[]>;
  /** Begins a chain; one that is there already is left as it is. */
  beginChain(
    mailbox: string,
    chain: Pick<Chain, 'folder' | 'folderId' | 'address' | 'watchStart' | 'wanted'>,
  ): Promise<void>;
  /** Changes parts of a chain, whoever holds the lane; one that is gone stays gone. */
  saveChain(mailbox: string, folder: string, changes: Partial<Omit<Chain, 'folder'>>): Promise<void>;
  /** Rows of mails that are parked or failing. */
  unfinished(mailbox: string): Promise<Delivery[]>;
  /** Outcomes of finished audits, newest first. */
  audits(mailbox: string): Promise<AuditResult[]>;
  /** Removes ledger rows of mails received before `before`, and audits that ended before it; returns how many. */
  purge(mailbox: string, before: Date): Promise<number>;
  /** Removes every row of the mailbox. */
  erase(mailbox: string): Promise<void>;
}

export type FolderRef = Pick<WatchedFolder, 'mailbox' | 'folder'>;

/** Which folders are watched and how they fare: table `watchedFolders`. */
export interface WatchedFolders {
  list(filter?: { mailbox?: string }): Promise<WatchedFolder[]>;
  get(ref: FolderRef): Promise<WatchedFolder | undefined>;
  /** Only if there is none yet; `false` where there is. */
  create(folder: WatchedFolder): Promise<boolean>;
  /**
   * Reads, lets `change` decide (`undefined`: leave it) and writes if the row is still the same; tries again if not.
   * Returns the row as it now is, or `undefined` where there is none or `change` declined.
   */
  update(
    ref: FolderRef,
    change: (folder: WatchedFolder) => Partial<WatchedFolder> | undefined,
  ): Promise<WatchedFolder | undefined>;
  /** Writes without reading; for times that any worker may set. Creates nothing. */
  touch(ref: FolderRef, changes: Partial<Pick<WatchedFolder, 'rungAt' | 'syncedAt' | 'purgedAt'>>): Promise<void>;
  remove(ref: FolderRef): Promise<void>;
  /** Notes that an unclaimed subscription was seen; returns when it was seen first. */
  sightOrphan(subscription: string, now: Date): Promise<Date>;
  forgetOrphan(subscription: string): Promise<void>;
}

/** The keys that sign clientStates. */
export interface KeyRingStore {
  /** The keys as last read; `undefined` before the first read and when the last one is over 30 minutes old. No I/O. */
  current(): KeyRing | undefined;
  /** The read that is under way, if there is one; starts none. */
  pending(): Promise<KeyRing | undefined>;
  /** Reads the keys, creating the first one if there is none. */
  refresh(): Promise<KeyRing>;
  /** Adds the next key when the last one is old, drops those that are replaced and not among `named`. */
  rotate(named: ReadonlySet<string>): Promise<void>;
}

/** What a request for mail came to when the mailbox could be read at all. */
export interface DeltaAnswer extends MailPage {
  next: { kind: 'next' | 'delta'; link: string };
}

/** A stretch of time to be listed, open-ended unless `to` (exclusive) is given; `idsOnly` brings partial entries. */
export interface Window extends Gap {
  to?: Date;
  idsOnly?: boolean;
}

/** A page of a time window and where the next one starts. */
export interface WindowPage extends MailPage {
  from: Date;
  skip: number;
  more: boolean;
}

/** Reads mail. Throws MailboxUnavailableError for 403 and 404 of the mailbox or folder. */
export interface GraphMail {
  clock: Clock;
  /** Chains opened with these options (a hash) still bring what a mail event needs. */
  isCurrent(options: string): boolean;
  /** `false` where the cloud has no delta for messages (China). */
  readonly hasDelta: boolean;
  openChain(
    mailbox: string,
    folderId: string,
    since: Date,
    size: number,
    signal: AbortSignal,
  ): Promise<DeltaAnswer & { options: string }>;
  /** `expired`: the service forgot the token (410, syncStateNotFound, resyncRequired). */
  followLink(link: string, size: number, signal: AbortSignal): Promise<DeltaAnswer | 'expired'>;
  /** Next page of a time window, ascending; `more` is false with the last page. */
  listSince(mailbox: string, folderId: string, window: Window, size: number, signal: AbortSignal): Promise<WindowPage>;
  /** `gone`: not in the mailbox any more. */
  getMail(mailbox: string, id: string, signal: AbortSignal): Promise<Mail | 'gone'>;
  openMime(mailbox: string, id: string, signal: AbortSignal): Promise<ReadableStream<Uint8Array>>;
  openAttachment(
    mailbox: string,
    id: string,
    attachment: string,
    signal: AbortSignal,
  ): Promise<ReadableStream<Uint8Array>>;
}

export interface GrantedSubscription {
  id: string;
  expiresAt: Date;
}

export interface SubscriptionRequest {
  mailbox: string;
  folderId: string;
  clientState: string;
  minutes: number;
}

export type CreateOutcome =
  | { kind: 'created'; subscription: GrantedSubscription; minutes: number }
  /** Graph already has one for the same folder and change type. */
  | { kind: 'exists'; id: string | undefined }
  /** Graph could not reach us or did not like our answer. */
  | { kind: 'endpoint-refused'; code: string }
  /** No more subscriptions for this mailbox. */
  | { kind: 'quota'; code: string }
  | { kind: 'unavailable'; trouble: 'no-access' | 'not-found'; code: string };

export type RenewOutcome =
  | { kind: 'renewed'; subscription: GrantedSubscription }
  | { kind: 'gone' }
  | { kind: 'unavailable'; trouble: 'no-access'; code: string }
  /** `retryAfterMs`: what a throttling service asked us to wait before the next one. */
  | { kind: 'failed'; code: string; retryAfterMs?: number | undefined };

export interface OwnSubscription {
  id: string;
  resource: string;
  /** Carries the mark of this installation. */
  ours: boolean;
}

/** Change notification subscriptions. */
export interface GraphSubscriptions {
  clock: Clock;
  /** Stands for the URL that new subscriptions send their notifications to (a hash). */
  readonly endpoint: string;
  create(request: SubscriptionRequest): Promise<CreateOutcome>;
  /** PATCH in batches of 20; one outcome for each, in order. Also reauthorizes. */
  renew(subscriptions: { id: string; minutes: number }[]): Promise<RenewOutcome[]>;
  get(id: string): Promise<OwnSubscription | 'gone'>;
  /** Every subscription of this app in the tenant. */
  list(): Promise<OwnSubscription[]>;
  /** Success also when it was gone. */
  remove(id: string): Promise<void>;
}

export interface DirectoryMailbox {
  id: string;
  address: string;
}

/** Finds mailboxes and folders. */
export interface GraphDirectory {
  /** `not-found`, `no-access` as values: the folder is shown with its reason. */
  findMailbox(addressOrId: string): Promise<DirectoryMailbox | 'not-found' | 'no-access'>;
  /** Direct members with a mailbox; whole or an error. */
  listGroup(groupId: string): Promise<DirectoryMailbox[]>;
  /** Id of a folder given by well-known name, id or display name (`Inbox/Sales`); `undefined`: there is none. */
  findFolder(mailbox: string, name: string): Promise<string | undefined>;
}

export interface FolderReport {
  mailbox: string;
  address: string;
  folder: string;
  state: FolderState;
  reason: string;
  since: string;
  move: string;
}

export interface Ports {
  workQueue: WorkQueue;
  crmQueue: CrmQueue;
  claims: ClaimStore;
  deliveries: Deliveries;
  folders: WatchedFolders;
  keys: KeyRingStore;
  mail: GraphMail;
  subscriptions: GraphSubscriptions;
  directory: GraphDirectory;
  /** Unpredictable, in [0, 1). */
  random: () => number;
  newId: () => string;
  /** Calls back once after `ms`; the result cancels it. */
  after: (ms: number, call: () => void) => () => void;
}
