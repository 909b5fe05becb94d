import { withInvocationLog } from '../../shared/log.ts';
import { aConfig } from '../support/builders.ts';
import { FakeBlobs } from '../support/fakes/claim-store-fake.ts';
import { FakeDeliveriesTable } from '../support/fakes/deliveries-fake.ts';
import { FakeFoldersTable } from '../support/fakes/watched-folders-fake.ts';
import { makeDice } from './dice.ts';
import { type FaultKind, Faults } from './faults.ts';
import { type Breach, findBreaches } from './invariants.ts';
import { Notifier } from './notifier.ts';
import { ARCHIVE, drawPlan, FOLDER_IDS, GROUP, type Plan } from './plan.ts';
import { Platform, type Stores } from './platform.ts';
import { Scenario } from './scenario.ts';
import { SimulatedBus } from './simulated-bus.ts';
import { SimulatedGraph } from './simulated-graph.ts';
import { SimulatedMailboxes } from './simulated-mailboxes.ts';
import type { Surroundings } from './simulated-process.ts';
import { SimulatedSubscriptions } from './simulated-subscriptions.ts';
import { SimulatedTime } from './simulated-time.ts';
import { Trace } from './trace.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const START = Date.parse('2026-10-12T08:00:00Z');
/** An orphan falls on its second sighting, half an hour after the first. */
const SWEEP_MS = 35 * MINUTE;
const LONGEST_PROBE_MS = 24 * HOUR;

export interface History {
  seed: number;
  plan: Plan;
  hash: string;
  breaches: Breach[];
  struck: ReadonlyMap<FaultKind, number>;
  steps: number;
  mails: number;
  sends: number;
  /** Only where asked for. */
  lines: string[];
}

/** Plays the history of a seed from its first mail to its last check. Nothing but the seed decides what happens. */
export async function playHistory(seed: number, keepLines = false): Promise<History> {
  const time = new SimulatedTime(START);
  const trace = new Trace(() => time.now(), keepLines);
  const plan = drawPlan(makeDice(seed, 1));
  const faults = new Faults(makeDice(seed, 2));
  const dice = makeDice(seed, 3);
  const skew = () => Math.round(dice.between(-1_200, 1_200));
  const around: Surroundings = {
    time,
    faults,
    trace,
    downUntil: new Map(),
    serviceSkew: { tables: skew(), bus: skew(), blobs: 0, graph: skew() },
  };
  const mailboxes = new SimulatedMailboxes(time, makeDice(seed, 4), faults);
  const subscriptions = new SimulatedSubscriptions(time, plan.maxMinutes, plan.clampsLifetime);
  const graph = new SimulatedGraph(around, mailboxes, subscriptions);
  const stores: Stores = {
    deliveries: new FakeDeliveriesTable(),
    folders: new FakeFoldersTable(),
    blobs: new FakeBlobs(),
    bus: new SimulatedBus(time, around.serviceSkew.bus),
    graph,
  };
  for (const { id, address } of plan.mailboxes) {
    graph.users.push({ id, address });
    for (const folder of [...Object.values(FOLDER_IDS), ARCHIVE]) mailboxes.addFolder(id, folder);
    mailboxes.receive(id, 'inbox-id', { receivedAt: START - 2 * HOUR });
  }
  const grouped = plan.mailboxes.filter(({ named }) => named === 'group').map(({ id }) => id);
  graph.groups.set(GROUP, grouped);
  const config = aConfig({
    mailboxes: plan.mailboxes
      .filter(({ named }) => named !== 'group')
      .map((item) => (item.named === 'id' ? item.id : item.address)),
    groupId: grouped.length > 0 ? GROUP : undefined,
    folderNames: plan.folderNames,
    catchUpMs: plan.catchUpMs,
    includeMime: plan.includeMime,
  });
  const platform = new Platform(around, stores, plan, config, makeDice(seed, 5));
  const notifier = new Notifier(around, stores, platform, makeDice(seed, 6));
  const scenario = new Scenario(around, stores, platform, notifier, plan, makeDice(seed, 7));
  mailboxes.onArrival = (mail) => notifier.arrived(mail);
  graph.handshake = () => platform.up().length > 0;

  const logLines: string[] = [];
  const write = (_level: string, line: string) => {
    logLines.push(line);
    trace.note('log', line);
  };
  await withInvocationLog(write, async () => {
    for (let slot = 0; slot < plan.processes; slot++) platform.start(slot);
    platform.startTimers();
    scenario.begin();
    await time.run(START + plan.days * DAY);
    await settle({ around, stores, plan, platform });
  });

  const breaches = findBreaches({ plan, stores, notifier, logLines, startedAt: START, now: time.now() });
  return {
    seed,
    plan,
    hash: trace.hash(),
    breaches,
    struck: faults.struck,
    steps: time.steps,
    mails: mailboxes.mails.size,
    sends: stores.bus.sends.length,
    lines: trace.lines,
  };
}

interface Settling {
  around: Surroundings;
  stores: Stores;
  plan: Plan;
  platform: Platform;
}

/** Faults stop; two reconcile intervals pass (a suspended mailbox counts from its next probe), and then all is quiet. */
async function settle({ around, stores, plan, platform }: Settling): Promise<void> {
  const { time, faults, downUntil, trace } = around;
  trace.note('world', 'faults stop');
  faults.over = true;
  downUntil.clear();
  stores.graph.refusing.clear();
  for (const running of platform.running) if (running) running.process.skew = 0;
  await time.run(time.now() + DAY / 24);
  for (let slot = 0; slot < plan.processes; slot++) platform.start(slot);
  const probes = stores.folders
    .all()
    .filter((row) => row.probeAt.getTime() > time.now())
    .map((row) => Math.min(LONGEST_PROBE_MS, row.probeAt.getTime() - time.now()));
  const interval = plan.catchUpMs + plan.tickMs;
  const sweep = 2 * plan.renewMs + SWEEP_MS;
  await time.run(time.now() + Math.max(0, ...probes) + Math.max(2 * interval, sweep) + 30 * MINUTE);
  platform.stopTimers();
  await time.run(time.now() + 20 * MINUTE);
}
