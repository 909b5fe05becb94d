import type { Config } from '../../../shared/config.ts';
import { folderKey } from '../../../shared/domain/delta.ts';
import { aChain, aFolder } from '../../support/builders.ts';
import { seededIds, seededRandom } from '../../support/seeded-random.ts';
import { YearTime } from './year-time.ts';
import { Coverage } from './coverage.ts';
import { Installation, MARK } from './installation.ts';
import { GROUP } from './people.ts';
import { ServiceRecord } from './service-record.ts';
import { MINUTE, Tenant } from './tenant.ts';
import { Wishes } from './wishes.ts';

export const START_AT = Date.parse('2027-01-04T08:00:00Z');
const LIFE_MS = 10_020 * MINUTE;
const FOLDER = 'inbox-id';
const KEY = folderKey(FOLDER);
const HOME = 'https://home.northwind.example';

export const resourceOf = (mailbox: string) => `users/${mailbox}/mailFolders/${FOLDER}/messages`;

export interface SettledOptions {
  mailboxes: number;
  seed?: number;
  config?: Partial<Config>;
  /** How long ago the subscription of a mailbox was made, by its number. */
  ageMs?: (number: number) => number;
}

/** An installation whose mailboxes, all of a group, are watched already; its processes and timers are for the test to start. */
export function settledInstallation({ mailboxes, seed = 1, config = {}, ageMs = () => 0 }: SettledOptions) {
  const time = new YearTime(START_AT);
  const tenant = new Tenant(time);
  const wishes = new Wishes(() => time.now());
  const service = new ServiceRecord(() => time.now());
  const coverage = new Coverage(tenant, service, MARK, (mailbox) => wishes.has(mailbox));
  const settings = { groupId: GROUP, publicBaseUrl: HOME, ...config };
  const installation = new Installation(tenant, settings, seed);
  coverage.moveTo(HOME);
  const newId = seededIds(seededRandom(seed));

  const endpoint = installation.endpoint();

  function addUser(): string {
    const mailbox = newId();
    tenant.users.set(mailbox, `mailbox-${tenant.users.size}@northwind.example`);
    return mailbox;
  }

  function watch(mailbox: string, number: number): void {
    const grantedAt = START_AT - ageMs(number);
    const expiresAt = grantedAt + LIFE_MS;
    const query = `?app=${MARK}`;
    const { id } = tenant.put({
      resource: resourceOf(mailbox),
      notificationUrl: `${HOME}/api/notifications${query}`,
      lifecycleNotificationUrl: `${HOME}/api/lifecycle-notifications${query}`,
      expiresAt,
      grantedAt,
      patchedAt: grantedAt,
    });
    const address = tenant.users.get(mailbox) ?? '';
    installation.deliveries
      .of(mailbox)
      .chains.set(KEY, aChain({ watchStart: new Date(grantedAt), address, reportedAt: new Date(START_AT) }));
    installation.folders.put(
      aFolder({
        mailbox,
        address,
        source: 'group',
        watchStart: new Date(grantedAt),
        subscription: id,
        endpoint,
        expiresAt: new Date(expiresAt),
        renewAt: new Date(grantedAt + LIFE_MS / 2),
        patchedAt: new Date(grantedAt),
        rungAt: new Date(START_AT),
        syncedAt: new Date(START_AT),
      }),
    );
    wishes.add('group', mailbox);
  }

  const members = Array.from({ length: mailboxes }, addUser);
  tenant.groups.set(GROUP, members);
  for (const [number, mailbox] of members.entries()) watch(mailbox, number);

  return {
    time,
    tenant,
    wishes,
    service,
    coverage,
    installation,
    members,
    addUser,
    /** Both timers as they are in production. */
    startTimers(): void {
      installation.every('reconcile', () => MINUTE);
      installation.every('renew', () => 30 * MINUTE);
    },
    runFor: (ms: number) => time.run(time.now() + ms),
    /** Mailboxes without a live subscription that reaches us. */
    bare: () => members.filter((mailbox) => !tenant.on(resourceOf(mailbox))),
    row: (mailbox: string) => installation.folders.get({ mailbox, folder: KEY }),
    /** Age of the oldest look or ring. */
    oldestRingMs: () =>
      Math.max(
        ...installation.folders
          .all()
          .filter((row) => row.wanted)
          .map((row) => time.now() - Math.max(row.rungAt.getTime(), row.syncedAt.getTime())),
      ),
  };
}

export type Settled = ReturnType<typeof settledInstallation>;
