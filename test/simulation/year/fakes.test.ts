import { makeGraphSubscriptions } from '../../../shared/adapters/graph/graph-subscriptions.ts';
import { graphSubscriptionsContract } from '../../contract/graph-subscriptions.contract.ts';
import { watchedFoldersContract } from '../../contract/watched-folders.contract.ts';
import { MAILBOX } from '../../support/builders.ts';
import { QuickFoldersTable, quickWatchedFolders } from './quick-folders.ts';
import { QuickGate } from './quick-gate.ts';
import { START_AT } from './settled-installation.ts';
import { Tenant } from './tenant.ts';
import { tenantClient } from './tenant-client.ts';
import { YearTime } from './year-time.ts';

watchedFoldersContract('of a simulated year', () =>
  Promise.resolve(quickWatchedFolders(new QuickFoldersTable(), new QuickGate(() => undefined))),
);

graphSubscriptionsContract('of a simulated year', () => {
  const time = new YearTime(START_AT);
  const tenant = new Tenant(time);
  // Nothing else happens, so time simply passes while a request is under way.
  const pass = (ms: number) => time.run(time.now() + ms);
  const client = tenantClient(tenant, 'mark', { localNow: () => time.now(), pass }, new Map());
  return Promise.resolve({
    subscriptions: makeGraphSubscriptions(client, { publicBaseUrl: 'https://ingest.northwind.example', mark: 'mark' }),
    mailbox: MAILBOX,
    folders: ['f1', 'f2', 'f3', 'f4', 'f5'],
    limitLife: (minutes) => {
      tenant.maxMinutes = minutes;
    },
    lose: (id) => {
      const found = tenant.live(id);
      if (found) tenant.end(found, 'removed by Graph');
    },
    limitPages: (size) => {
      tenant.pageSize = size;
    },
    advance: (ms) => time.run(time.now() + ms),
  });
});
