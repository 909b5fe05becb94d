import type { Coverage, LongestGap } from './coverage.ts';
import { type Installation, MARK } from './installation.ts';
import type { Counted } from './quotas.ts';
import type { Tenant, TenantSubscription } from './tenant.ts';
import type { Wishes } from './wishes.ts';

export interface YearReport {
  created: number;
  renewed: number;
  failedRenewals: number;
  expiries: number;
  expiriesOfOurMaking: string[];
  orphans: string[];
  uncovered: string[];
  unwanted: string[];
  dropped: string[];
  foreignTouched: string[];
  foreignLeft: number;
  foreignMade: number;
  cutOff: number;
  refusedByQuota: Record<Counted, number>;
  partsPerRequest: number;
  longestGap: LongestGap;
  longestServedGap: LongestGap;
  restarts: number;
  addresses: number;
  logged: Record<string, number>;
}

interface Deps {
  tenant: Tenant;
  installation: Installation;
  coverage: Coverage;
  wishes: Wishes;
  foreign: TenantSubscription[];
  host: string;
}

const resourceOf = (mailbox: string) => `users/${mailbox}/mailFolders/inbox-id/messages`;

/** What stands in the tenant now, compared with what is wanted. */
export function whatIsLeft({ tenant, installation, coverage, wishes, foreign, host }: Deps) {
  const rows = new Map(installation.folders.all().map((row) => [row.subscription, row]));
  const ours = tenant.sweep().filter((item) => item.notificationUrl.endsWith(`?app=${MARK}`));
  const live = new Set(ours.filter((item) => item.notificationUrl.startsWith(host)).map((item) => item.resource));
  const blocked = new Set(foreign.filter((item) => item.app === 'us').map((item) => item.resource));
  const batches = installation.requests.get('POST $batch') ?? 0;
  const isCovered = (mailbox: string) => live.has(resourceOf(mailbox)) || blocked.has(resourceOf(mailbox));
  return {
    created: coverage.created,
    renewed: coverage.renewed,
    expiries: coverage.expiries,
    expiriesOfOurMaking: coverage.expiriesOfOurMaking,
    orphans: ours.filter((item) => !rows.get(item.id)?.wanted).map((item) => item.id),
    uncovered: [...wishes.all()].filter((mailbox) => !tenant.refusing.has(mailbox) && !isCovered(mailbox)),
    unwanted: ours.filter((item) => !wishes.has(item.resource.split('/')[1] ?? '')).map((item) => item.id),
    foreignTouched: coverage.foreignTouched,
    foreignMade: foreign.length,
    foreignLeft: foreign.filter((item) => tenant.all.has(item.id)).length,
    cutOff: installation.cutOff,
    refusedByQuota: { ...tenant.quotas.refused },
    partsPerRequest: batches === 0 ? 0 : coverage.renewed / batches,
    longestGap: coverage.longest,
    longestServedGap: coverage.longestServed,
    logged: Object.fromEntries(installation.logged),
  };
}
