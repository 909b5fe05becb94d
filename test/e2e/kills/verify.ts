// What must hold after a kill: every mail once, every blob there, one live subscription for each watched folder.
import { TableClient } from '@azure/data-tables';
import * as z from 'zod';
import { isIdle } from '../../../local/start/counted-operations.ts';
import { LATE_FOR_RENEWAL_MS } from './scenarios.ts';
import type { Stage } from './stage.ts';

export interface Verdict {
  lost: string[];
  doubled: string[];
  /** Anything else that does not hold, as sentences. */
  broken: string[];
}

const storedFolder = z.looseObject({ wanted: z.boolean(), subscription: z.string(), expiresAt: z.date() });

export const hasArrived = (stage: Stage): boolean => {
  const arrived = new Set(stage.arrivals.map(({ event }) => event.subject));
  return stage.sent.every((id) => arrived.has(id));
};

/** All that can be seen at once: mails, queue, subscriptions. */
export const looksWell = (stage: Stage): boolean =>
  hasArrived(stage) &&
  isIdle(stage.environment) &&
  stage.environment.serviceBus.queueState('mailbox-work').deadLettered === 0 &&
  stage.environment.graph.control.subscriptions().length === stage.wantedSubscriptions();

const folderOf = ({ target }: { target: { userId: string; folderId: string | null } }) =>
  `${target.userId}/${target.folderId}`;

/** One live subscription for each watched folder, and a row that knows it and its end. */
export async function coverageFaults(stage: Stage): Promise<string[]> {
  const subscriptions = stage.environment.graph.control.subscriptions();
  const faults: string[] = [];
  const folders = new Set(subscriptions.map(folderOf));
  if (folders.size !== subscriptions.length) faults.push('a folder has two subscriptions');
  if (subscriptions.length !== stage.wantedSubscriptions())
    faults.push(`${subscriptions.length} subscriptions instead of ${stage.wantedSubscriptions()}`);
  const table = TableClient.fromConnectionString(
    stage.environment.storage.uncountedConnectionString,
    'watchedFolders',
    { allowInsecureConnection: true },
  );
  const known = new Map<string, number>();
  const filter = "PartitionKey lt '~orphans'";
  for await (const entity of table.listEntities({ queryOptions: { filter } })) {
    const row = storedFolder.parse(entity);
    if (row.wanted) known.set(row.subscription, row.expiresAt.getTime());
  }
  const now = Date.parse(stage.environment.graph.control.clock().now);
  for (const { id, expiresAt } of subscriptions) {
    if (expiresAt - now < LATE_FOR_RENEWAL_MS) faults.push('a subscription that was not renewed');
    const end = known.get(id);
    if (end === undefined) faults.push('a subscription that no row knows');
    else if (end !== expiresAt) faults.push('a row that does not know when its subscription ends');
  }
  if (known.has('')) faults.push('a wanted folder without subscription');
  return faults;
}

/** Judges what arrived since the run began. */
export async function verify(stage: Stage): Promise<Verdict> {
  const { arrivals, sent, environment } = stage;
  // The queue drops what carries a MessageId that it had before: a mail that was sent under two of them is here twice.
  const bySubject = Map.groupBy(arrivals, ({ event }) => event.subject);
  const blobFaults = await Promise.all(arrivals.map((arrival) => arrival.blobFaults));
  const broken = [...(await coverageFaults(stage)), ...blobFaults.flat()];
  for (const subject of bySubject.keys()) if (!sent.includes(subject)) broken.push('a mail arrived that was not sent');
  const { deadLettered } = environment.serviceBus.queueState('mailbox-work');
  if (deadLettered > 0) broken.push(`${deadLettered} work items are dead-lettered`);
  return {
    lost: sent.filter((id) => !bySubject.has(id)),
    doubled: sent.filter((id) => (bySubject.get(id)?.length ?? 0) > 1),
    broken,
  };
}
