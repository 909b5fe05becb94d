import { folderKey } from '../../shared/domain/delta.ts';
import type { Breach, Evidence } from './evidence.ts';
import { resourceOf, watchedFolders } from './plan.ts';
import { isOurs } from './simulated-subscriptions.ts';

/** One live subscription of ours for each watched folder, none for others, and nobody else's touched. */
export function coverage(evidence: Evidence): Breach[] {
  const { plan, stores, wishes } = evidence;
  const { subscriptions } = stores.graph;
  const breaches: Breach[] = [];
  const wanted = plan.mailboxes.filter(({ id }) => wishes.isWanted(id));
  const resources = new Set<string>();
  for (const { id } of wanted)
    for (const folder of watchedFolders(plan)) {
      resources.add(resourceOf(id, folder));
      const fault = faultOf(evidence, id, folder);
      if (fault) breaches.push({ rule: 'coverage', what: `${id} ${folder} ${fault}`, about: [id] });
    }
  for (const row of stores.folders.all())
    if (row.folderId === '')
      breaches.push({
        rule: 'coverage',
        what: `${row.mailbox} "${row.folderName}" is shown as ${row.state} although the folder is there`,
        about: [row.mailbox],
      });
  for (const item of subscriptions.ours())
    if (!resources.has(item.resource))
      breaches.push({ rule: 'coverage', what: `orphan ${item.id} on ${item.resource}`, about: [item.id] });
  for (const what of subscriptions.meddled)
    breaches.push({ rule: 'foreign subscription', what, about: [what.slice(0, 36)] });
  if (subscriptions.hasty > 0)
    breaches.push({
      rule: 'ten-minute rule',
      what: `${subscriptions.hasty} PATCHes too soon after another`,
      about: ['batch'],
    });
  return breaches;
}

function faultOf({ stores, now, isAt }: Evidence, mailbox: string, folderId: string): string | undefined {
  const { graph, folders, keys } = stores;
  const [first, ...others] = graph.subscriptions
    .ours()
    .filter((item) => item.resource === resourceOf(mailbox, folderId));
  const row = folders.get({ mailbox, folder: folderKey(folderId) });
  if (!row) return 'has no row';
  if (!first) return `has no live subscription (${row.state}: ${row.reason})`;
  if (others.length > 0) return `has ${others.length + 1} live subscriptions`;
  if (first.id !== row.subscription) return `has subscription ${first.id} but its row names ${row.subscription}`;
  if (row.state !== 'active') return `is shown as ${row.state} since ${row.since.toISOString()}: ${row.reason}`;
  if (row.expiresAt && row.expiresAt.getTime() < now) return 'has an expired row';
  if (!isOurs(first) || !isAt(first.notificationUrl)) return `sends its notifications to ${first.notificationUrl}`;
  const key = first.clientState.split('.')[1];
  if (!keys.latest.some(({ id }) => id === key)) return `is signed with the key ${key}, which nobody accepts any more`;
  return undefined;
}
