import { randomUUID } from 'node:crypto';
import { graphIdentity, managedIdentity } from './adapters/graph/app-identity.ts';
import { makeGraphClient } from './adapters/graph/graph-client.ts';
import { makeGraphDirectory } from './adapters/graph/graph-directory.ts';
import { makeGraphMail } from './adapters/graph/graph-mail.ts';
import { appMark, makeGraphSubscriptions } from './adapters/graph/graph-subscriptions.ts';
import { TokenSource } from './adapters/graph/token-source.ts';
import { makeAuthorize } from './adapters/admin-tokens.ts';
import { makeServerClock } from './adapters/server-clock.ts';
import { openServiceBus } from './adapters/service-bus/connection.ts';
import { makeCrmQueue } from './adapters/service-bus/crm-queue.ts';
import { makeWorkQueue } from './adapters/service-bus/work-queue.ts';
import { makeClaimStore } from './adapters/storage/claim-store.ts';
import { openStorage } from './adapters/storage/connection.ts';
import { makeDeliveries } from './adapters/storage/deliveries.ts';
import { makeKeyRing } from './adapters/storage/key-ring.ts';
import { makeWatchedFolders } from './adapters/storage/watched-folders.ts';
import { CLOUDS, type Config } from './config.ts';
import { makeRecentMails } from './domain/recent-mails.ts';
import type { Ports } from './ports.ts';
import { makeAuditFolder } from './use-cases/audit-folder.ts';
import { makeBorrowLane } from './use-cases/borrow-lane.ts';
import { makeClaimFolder } from './use-cases/claim-folder.ts';
import { makeDrainWork } from './use-cases/drain-work.ts';
import { makeEnsureSubscription } from './use-cases/ensure-subscription.ts';
import { makeEraseMailbox } from './use-cases/erase-mailbox.ts';
import { makeFollowChain } from './use-cases/follow-chain.ts';
import { makeGuardRing } from './use-cases/guard-ring.ts';
import { makeHoldForCrm } from './use-cases/hold-for-crm.ts';
import { makeLookRound } from './use-cases/look-round.ts';
import { makeManageMailboxes } from './use-cases/manage-mailboxes.ts';
import { makeNoteFailure } from './use-cases/note-failure.ts';
import { makePauseMailbox } from './use-cases/pause-mailbox.ts';
import { makePrepareEvent } from './use-cases/prepare-event.ts';
import { makeProcessMailboxWork } from './use-cases/process-mailbox-work.ts';
import { makePublishPage } from './use-cases/publish-page.ts';
import { makePurgeMailbox } from './use-cases/purge-mailbox.ts';
import { makeReceiveNotifications } from './use-cases/receive-notifications.ts';
import { makeReconcileMailboxes } from './use-cases/reconcile-mailboxes.ts';
import { makeRenewDue } from './use-cases/renew-due.ts';
import { makeRenewSubscriptions } from './use-cases/renew-subscriptions.ts';
import { makeReopenFolders } from './use-cases/reopen-folders.ts';
import { makeReplayFolder } from './use-cases/replay-folder.ts';
import { makeReportMailbox } from './use-cases/report-mailbox.ts';
import { makeReportTrouble } from './use-cases/report-trouble.ts';
import { makeSweepSubscriptions } from './use-cases/sweep-subscriptions.ts';
import { makeSyncMailbox } from './use-cases/sync-mailbox.ts';
import { makeWantedMailboxes } from './use-cases/wanted-mailboxes.ts';
import { makeWatchMailbox } from './use-cases/watch-mailbox.ts';

const KEYS_EVERY_MS = 600_000;
const KEYS_AGAIN_MS = 5_000;

/** The outside world as the settings describe it. Opens nothing yet: every connection waits for its first use. */
export function connect(config: Config): Ports {
  const now = Date.now;
  const random = Math.random;
  const platform = new TokenSource(managedIdentity(config.identityClientId), now);
  const bus = openServiceBus(config.serviceBus, platform);
  const account = openStorage(config.storage, platform, makeServerClock(now));
  const graph = makeGraphClient({
    tokens: new TokenSource(graphIdentity(config), now),
    baseUrl: config.graphBaseUrl,
    scope: `${CLOUDS[config.cloud].graph}/.default`,
    now,
    random,
  });
  const { serviceBus, tenant, clientId, identityClientId, publicBaseUrl } = config;
  const namespace =
    serviceBus.kind === 'identity' ? serviceBus.fullyQualifiedNamespace : endpointOf(serviceBus.connectionString);
  const mark = appMark(tenant, clientId ?? identityClientId ?? '', namespace);
  return {
    workQueue: makeWorkQueue(bus, config.workQueue),
    crmQueue: makeCrmQueue(bus, config.crmQueue),
    claims: makeClaimStore(account),
    deliveries: makeDeliveries(account),
    folders: makeWatchedFolders(account),
    keys: makeKeyRing(account, now),
    mail: makeGraphMail(graph, config.cloud !== 'china'),
    subscriptions: makeGraphSubscriptions(graph, { publicBaseUrl, mark }),
    directory: makeGraphDirectory(graph),
    random,
    newId: randomUUID,
    after(ms, call) {
      const waiting = setTimeout(call, ms);
      return () => clearTimeout(waiting);
    },
  };
}

const endpointOf = (connectionString: string) => /Endpoint=sb:\/\/([^;/]+)/i.exec(connectionString)?.[1] ?? '';

/** The use cases, bound to their ports. */
export function compose(config: Config, ports: Ports, startedAt: Date) {
  const { tenant, folderNames, catchUpMs, includeMime, includeAttachments } = config;
  const now = () => ports.deliveries.clock.now();
  const claims = makeClaimFolder(ports);
  const ensureSubscription = makeEnsureSubscription({ ...ports, claims, tenant, now });
  const borrowLane = makeBorrowLane(ports);
  const renewDue = makeRenewDue({ ...ports, claims, ensureSubscription, now });
  const prepareEvent = makePrepareEvent({ ...ports, options: { tenant, includeMime, includeAttachments } });
  const crm = makeHoldForCrm(ports);
  const publishPage = makePublishPage({ ...ports, crmQueue: crm, prepareEvent, noteFailure: makeNoteFailure(ports) });
  const followChain = makeFollowChain({ ...ports, publishPage });
  const auditFolder = makeAuditFolder({ ...ports, publishPage, catchUpMs });
  const recent = makeRecentMails();
  const lookRound = makeLookRound({
    ...ports,
    recent,
    catchUpMs,
    followChain,
    auditFolder,
    replayFolder: makeReplayFolder({ ...ports, publishPage }),
    publishPage,
    onReported: (folder) => ensureSubscription(folder, 'if-late'),
  });
  const { isDraining, tracked, drain } = makeDrainWork(ports);
  const syncMailbox = makeSyncMailbox({
    ...ports,
    lookRound,
    reopenFolders: makeReopenFolders(ports),
    guardRing: makeGuardRing(ports),
    pauseMailbox: makePauseMailbox({ ...ports, reportTrouble: makeReportTrouble(ports) }),
    crm,
    recent,
    isDraining,
  });
  const watch = makeWatchMailbox({ ...ports, folderNames, now });
  const membership = { mailboxes: config.mailboxes, groupId: config.groupId };
  const wantedMailboxes = makeWantedMailboxes(ports, membership, now);
  return {
    receiveNotifications: makeReceiveNotifications({ ...ports, tenant }),
    processMailboxWork: tracked(makeProcessMailboxWork({ ...ports, ensureSubscription, syncMailbox })),
    renewSubscriptions: makeRenewSubscriptions({
      ...ports,
      sweepSubscriptions: makeSweepSubscriptions({ ...ports, ensureSubscription, now }),
      renewDue,
    }),
    reconcileMailboxes: makeReconcileMailboxes({
      ...ports,
      wantedMailboxes,
      watch,
      ensureSubscription,
      renewDue,
      purgeMailbox: makePurgeMailbox({ ...ports, borrowLane }),
      folderNames,
      catchUpMs,
      now,
      startedAt,
    }),
    manageMailboxes: makeManageMailboxes({
      ...ports,
      watch,
      ensureSubscription,
      eraseMailbox: makeEraseMailbox({ ...ports, borrowLane, tenant }),
      reportMailbox: makeReportMailbox(ports),
      folderNames,
      now,
    }),
    authorize: makeAuthorize(config),
    /** The process is about to end: what is under way comes to a good end early, and others go on with the rest. */
    drain,
  };
}

/** Reads the clientState keys now and every ten minutes, so that no notification ever waits for them. */
export function keepKeysFresh(keys: Ports['keys']): void {
  const refresh = () => {
    keys.refresh().then(
      () => setTimeout(refresh, KEYS_EVERY_MS).unref(),
      // Notifications get 503 until the keys are there; Graph sends them again, and the next try may succeed.
      () => setTimeout(refresh, KEYS_AGAIN_MS).unref(),
    );
  };
  refresh();
}
