import { isMisdirected, isRenewalDue, needsSubscription } from '../../../shared/domain/watched-folder.ts';
import { makeDice } from '../dice.ts';
import { whatIsLeft, type YearReport } from './year-report.ts';
import { YearTime } from './year-time.ts';
import { seededIds, seededRandom } from '../../support/seeded-random.ts';
import { Coverage } from './coverage.ts';
import { Installation, MARK } from './installation.ts';
import { makeLifecycle } from './lifecycle.ts';
import { GROUP, makePeople } from './people.ts';
import { ServiceRecord } from './service-record.ts';
import { DAY, HOUR, MINUTE, Tenant } from './tenant.ts';
import { makeTroubles } from './troubles.ts';
import { Wishes } from './wishes.ts';

export type DeadTrigger = 'renew' | 'reconcile' | 'sync' | 'none';

export interface YearOptions {
  mailboxes: number;
  days: number;
  seed: number;
  dead: DeadTrigger;
  /** Share of PATCHes that fail. */
  failing?: number;
  onDay?: (day: number, report: YearReport) => void;
}

const START_AT = Date.parse('2027-01-04T08:00:00Z');
const FOR_EVER = START_AT + 20 * 365 * DAY;
const SETTLE_MS = 12 * HOUR;
/** Wanted for so long without a break, a mailbox has no reason to be dropped. */
const SURE_MS = 3 * HOUR;
const CALM_TICK_MS = HOUR;
const AN_INSTANCE_BACK_MS = 3 * MINUTE;

/** Lives through `days` of everything that befalls subscriptions, and tells what became of them. */
export async function liveAYear({
  mailboxes,
  days,
  seed,
  dead,
  failing = 0.05,
  onDay,
}: YearOptions): Promise<YearReport> {
  const time = new YearTime(START_AT);
  const dice = makeDice(seed, 1);
  const tenant = new Tenant(time);
  const wishes = new Wishes(() => time.now());
  const service = new ServiceRecord(() => time.now());
  const newId = seededIds(seededRandom(seed));
  const ids = Array.from({ length: Math.ceil(mailboxes * 1.1) }, newId);
  for (const [number, id] of ids.entries()) tenant.users.set(id, `mailbox-${number}@northwind.example`);
  const spare = ids.slice(mailboxes);
  for (const [number, id] of ids.slice(0, mailboxes).entries()) wishes.add(number % 10 < 2 ? 'settings' : 'group', id);
  tenant.groups.set(GROUP, [...wishes.group]);

  const host = () => `https://host-${addresses}.northwind.example`;
  let addresses = 1;
  const coverage = new Coverage(tenant, service, MARK, (mailbox) => wishes.has(mailbox));
  const settings = { mailboxes: [...wishes.settings], groupId: GROUP, catchUpMs: DAY, publicBaseUrl: host() };
  const installation = new Installation(tenant, settings, seed);
  const people = makePeople({ tenant, installation, coverage, wishes, dice, spare });
  const lifecycle = makeLifecycle(tenant, installation, makeDice(seed, 2));
  const troubles = makeTroubles(tenant, { parts: failing, requests: 0.01 }, seed);
  coverage.moveTo(host());
  let restarts = 0;

  // Foreign ones: of another app, and of this app by another installation; two of those sit on mailboxes that we want.
  const foreign = [
    ...spare.slice(0, 20).map((id) => ({ id, app: 'us' as const })),
    ...ids.slice(0, 20).map((id) => ({ id, app: 'another' as const })),
    ...ids.slice(20, 22).map((id) => ({ id, app: 'us' as const })),
  ].map(({ id, app }) =>
    tenant.put({
      app,
      resource: `users/${id}/mailFolders/${app === 'us' && spare.includes(id) ? 'sent-id' : 'inbox-id'}/messages`,
      notificationUrl: 'https://elsewhere.northwind.example/api/notifications?app=anothermark',
      expiresAt: FOR_EVER,
    }),
  );

  const end = START_AT + days * DAY;
  // What nobody sweeps any more has to run out by itself.
  const calmFrom = end - (dead === 'renew' ? 8 * DAY : SETTLE_MS);

  function start(): void {
    installation.start(dice.chance(0.3) ? dice.between(-10, 10) * MINUTE : 0);
    service.restored('down');
  }

  function stop(forMs: number): void {
    installation.stopAll();
    service.lost('down');
    restarts++;
    time.after(forMs, () => {
      start();
      time.after(AN_INSTANCE_BACK_MS, start);
    });
  }

  function restartOne(): void {
    const running = installation.running[dice.whole(0, 1)];
    if (!running) return;
    restarts++;
    installation.crash(running);
    if (installation.running.length === 0) service.lost('down');
    time.after(dice.between(0.2, 5) * MINUTE, start);
  }

  function redeployElsewhere(): void {
    addresses++;
    installation.config = { ...installation.config, publicBaseUrl: host() };
    stop(dice.between(1, 10) * MINUTE);
    coverage.moveTo(host());
  }

  function graphOutage(forMs: number): void {
    troubles.goDown();
    service.lost('Graph');
    time.after(forMs, () => {
      troubles.restore();
      service.restored('Graph');
    });
  }

  /** Calls at times of a day chosen by the dice, `perYear` times on average. */
  const atTimes = (perYear: number, call: () => void) => {
    const next = () => {
      const at = time.now() + dice.waiting((365 * DAY) / perYear);
      if (at >= calmFrom) return;
      time.after(at - time.now(), () => {
        if (installation.running.length > 0) call();
        next();
      });
    };
    next();
  };

  /** Few folders wait for a subscription, or for its renewal, that the app could give them. */
  function isCalm(): boolean {
    const now = time.now();
    const endpoint = installation.endpoint();
    const waiting = installation.folders.all().filter((row) => {
      if (!row.wanted || row.state === 'polling' || row.state === 'suspended') return false;
      return needsSubscription(row, now) || isMisdirected(row, endpoint, now) || isRenewalDue(row, now);
    });
    const unknown = wishes.settings.size + wishes.group.size - installation.folders.all().length;
    return waiting.length + unknown <= Math.max(2, mailboxes / 100);
  }

  installation.every('renew', () => 30 * MINUTE);
  // In production each minute; an hour is stricter on renewals and says the same where little is to be done.
  installation.every('reconcile', () => (isCalm() ? CALM_TICK_MS : MINUTE));
  start();
  start();

  time.after(DAY, () => {
    if (dead === 'renew' || dead === 'reconcile') installation.kill(dead);
    if (dead === 'sync') installation.queue.silent = true;
    atTimes(365, restartOne);
    atTimes(8, redeployElsewhere);
    atTimes(12, () => stop(dice.between(1, 12) * HOUR));
    atTimes(6, () => graphOutage(dice.between(0.5, 6) * HOUR));
    atTimes(365, () => lifecycle.removeSome(0.0005));
    atTimes(365, () => lifecycle.challengeSome(0.001));
    atTimes(180, () => people.refuseSome(0.0005));
    if (dead !== 'reconcile') {
      atTimes(365, people.changeGroup);
      atTimes(40, people.spoilReadings);
      atTimes(180, () => void people.changeList());
    }
    if (days >= 60) {
      time.after(days * 0.4 * DAY, () => stop(8 * DAY));
      time.after(days * 0.6 * DAY, () => {
        tenant.maxMinutes = 4_230;
      });
      time.after(days * 0.8 * DAY, () => {
        tenant.maxMinutes = 1_440;
        tenant.overlong = 'clamp';
      });
    }
  });
  time.after(calmFrom - START_AT, troubles.calm);

  const dropped = new Set<string>();
  installation.folders.onStopped = (mailbox) => {
    if (wishes.has(mailbox) && time.now() - wishes.since(mailbox) > SURE_MS) dropped.add(mailbox);
  };

  const report = (): YearReport => ({
    ...whatIsLeft({ tenant, installation, coverage, wishes, foreign, host: host() }),
    failedRenewals: troubles.count.parts,
    dropped: [...dropped],
    restarts,
    addresses,
  });

  for (let day = 1; day <= days; day++) {
    for (let hour = 0; hour < 24; hour += 6) {
      await time.run(START_AT + (day - 1) * DAY + (hour + 6) * HOUR);
      coverage.look();
    }
    onDay?.(day, report());
  }
  return report();
}
