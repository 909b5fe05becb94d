import { parseArgs } from 'node:util';
import { type DeadTrigger, liveAYear } from './live-a-year.ts';
import type { YearReport } from './year-report.ts';

const DEAD: readonly DeadTrigger[] = ['none', 'renew', 'reconcile', 'sync'];

function print(report: YearReport): void {
  const { longestGap, longestServedGap } = report;
  const hours = (value: number) => `${value.toFixed(1)} h`;
  const lines: [string, string | number][] = [
    ['subscriptions created', report.created],
    ['renewed', report.renewed],
    ['failed renewals', report.failedRenewals],
    ['renewed per HTTP request', report.partsPerRequest.toFixed(2)],
    ['restarts', report.restarts],
    ['addresses', report.addresses],
    ['requests refused by quotas: writes, reads, lists', Object.values(report.refusedByQuota).join(' ')],
    ['lapses', report.expiries],
    ['longest uncovered gap', `${hours(longestGap.hours)} (${longestGap.why})`],
    ['longest gap in time of service', `${hours(longestServedGap.hours)} (${longestServedGap.why})`],
  ];
  for (const [name, value] of [...lines, ...mustBeNone(report).map(([n, list]) => [n, list.length] as const)])
    console.log(`${String(value).padStart(28)}  ${name}`);
}

/** What a year must not bring forth. */
const mustBeNone = (report: YearReport): [string, unknown[]][] => [
  ['expiries of our making', report.expiriesOfOurMaking],
  ['orphans left', report.orphans],
  ['wanted mailboxes left uncovered', report.uncovered],
  ['subscriptions of mailboxes nobody wants', report.unwanted],
  ['wanted mailboxes dropped', report.dropped],
  ['foreign subscriptions touched', report.foreignTouched],
  ['foreign subscriptions lost', Array.from({ length: report.foreignMade - report.foreignLeft })],
  ['timer runs cut off by the platform', Array.from({ length: report.cutOff })],
];

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      mailboxes: { type: 'string', default: '10000' },
      days: { type: 'string', default: '365' },
      seed: { type: 'string', default: '1' },
      dead: { type: 'string', default: 'none' },
      verbose: { type: 'boolean', default: false },
    },
  });
  const [mailboxes, days, seed] = [Number(values.mailboxes), Number(values.days), Number(values.seed)];
  const dead = DEAD.find((name) => name === values.dead);
  if (!dead || ![mailboxes, days, seed].every((number) => Number.isSafeInteger(number) && number > 0)) {
    console.error(`--mailboxes, --days and --seed take whole numbers above 0, --dead one of ${DEAD.join(', ')}`);
    return 2;
  }
  const startedAt = performance.now();
  const report = await liveAYear({
    mailboxes,
    days,
    seed,
    dead,
    onDay: (day, { created, renewed, expiriesOfOurMaking, orphans }) => {
      if (values.verbose || day % 30 === 0)
        console.log(
          `day ${day}: ${created} created, ${renewed} renewed, ${expiriesOfOurMaking.length} lapsed by us, ${orphans.length} orphans now, ${((performance.now() - startedAt) / 1000).toFixed(0)} s`,
        );
    },
  });
  console.log(`\n${mailboxes} mailboxes, ${days} days, seed ${seed}, dead trigger: ${dead}`);
  print(report);
  if (values.verbose) console.log(report.logged);
  const broken = mustBeNone(report).filter(([, list]) => list.length > 0);
  for (const [name, list] of broken) console.log(`BROKEN ${name}: ${list.slice(0, 5).join(', ')}`);
  return broken.length > 0 ? 1 : 0;
}

process.exitCode = await main();
