import { withInvocationLog } from '../../shared/log.ts';
import { aConfig } from '../support/builders.ts';
import { FakeBlobs } from '../support/fakes/claim-store-fake.ts';
import { FakeDeliveriesTable } from '../support/fakes/deliveries-fake.ts';
import { makeDice } from './dice.ts';
import { type FaultKind, Faults } from './faults.ts';
import type { Breach } from './evidence.ts';
import { findBreaches } from './invariants.ts';
import { Notifier } from './notifier.ts';
import { ARCHIVE, drawPlan, FOLDER_IDS, GROUP, mostFaults, type Plan } from './plan.ts';
import { Platform, type Stores } from './platform.ts';
import { beginScenario } from './scenario.ts';
import { settle } from './settle.ts';
import { SimulatedBus } from './simulated-bus.ts';
import { SimulatedFolders } from './simulated-folders.ts';
import { SimulatedGraph } from './simulated-graph.ts';
import { SimulatedKeys } from './simulated-keys.ts';
import { SimulatedMailboxes } from './simulated-mailboxes.ts';
import type { Surroundings } from './simulated-process.ts';
import { SimulatedSubscriptions } from './simulated-subscriptions.ts';
import { SimulatedTime } from './simulated-time.ts';
import { Stays } from './stays.ts';
import { Trace } from './trace.ts';
import { Wishes } from './wishes.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const START = Date.parse('2026-10-12T08:00:00Z');

export interface History {
  seed: number;
  plan: Plan;
  hash: string;
  breaches: Breach[];
  struck: ReadonlyMap<FaultKind, number>;
  steps: number;
  mails: number;
  sends: number;
  /** Mails that were judged when they left their folder. */
  judged: number;
  /** Only where asked for. */
  lines: string[];
}

/** Plays the history of a seed from its first mail to its last check. Nothing but the seed decides what happens. */
export async function playHistory(seed: number, keepLines = false): Promise<History> {
  // Thousands of simulated failures a history, and nobody reads where each was made.
  const { stackTraceLimit } = Error;
  if (!keepLines) Error.stackTraceLimit = 0;
  try {
    return await play(seed, keepLines);
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
  }
}

async function play(seed: number, keepLines: boolean): Promise<History> {
  const time = new SimulatedTime(START);
  const trace = new Trace(() => time.now(), keepLines);
  const plan = drawPlan(makeDice(seed, 1));
  const faults = new Faults(makeDice(seed, 2), mostFaults(plan));
  const dice = makeDice(seed, 3);
  const skew = () => Math.round(dice.between(-1_200, 1_200));
  const around: Surroundings = {
    time,
    faults,
    trace,
    downUntil: new Map(),
    refusedUntil: new Map(),
    serviceSkew: { tables: skew(), bus: skew(), blobs: 0, graph: skew() },
  };
  const mailboxes = new SimulatedMailboxes(time, makeDice(seed, 4), faults);
  const subscriptions = new SimulatedSubscriptions(time, plan.maxMinutes, plan.clampsLifetime);
  const graph = new SimulatedGraph(around, mailboxes, subscriptions);
  const stores: Stores = {
    deliveries: new FakeDeliveriesTable(),
    folders: new SimulatedFolders(time),
    blobs: new FakeBlobs(time),
    keys: new SimulatedKeys(START, plan.keyDaysLeft),
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
      .filter(({ named }) => named === 'id' || named === 'address')
      .map((item) => (item.named === 'id' ? item.id : item.address)),
    groupId: grouped.length > 0 ? GROUP : undefined,
    folderNames: plan.folderNames,
    catchUpMs: plan.catchUpMs,
    includeMime: plan.includeMime,
    includeAttachments: plan.includeAttachments,
  });
  const platform = new Platform(around, stores, plan, config, makeDice(seed, 5));
  const notifier = new Notifier(around, stores, platform, makeDice(seed, 6));
  const wishes = new Wishes(plan, START);
  const stays = new Stays({ around, stores, platform, wishes, plan });
  mailboxes.onArrival = (mail) => notifier.arrived(mail);
  mailboxes.onLeaving = (mail) => stays.leaves(mail);
  graph.handshake = (url) => platform.isAt(url) && platform.up().length > 0;

  const logLines: string[] = [];
  const write = (_level: string, line: string) => {
    logLines.push(line);
    trace.note('log', line);
  };
  const span = plan.days * DAY;
  const stage = { around, stores, platform, notifier, wishes, plan, span, endsAt: START + span };
  const administrator = beginScenario(seed, stage);
  await withInvocationLog(write, async () => {
    for (let slot = 0; slot < plan.processes; slot++) platform.start(slot);
    platform.startTimers();
    await time.run(START + span);
    await settle({ around, stores, plan, platform });
  });

  const breaches = findBreaches({
    plan,
    stores,
    wishes,
    replays: administrator.replays,
    broken: [...notifier.broken, ...graph.traffic.broken, ...administrator.broken, ...stays.broken],
    logLines,
    isAt: (url) => platform.isAt(url),
    startedAt: START,
    starts: platform.starts,
    now: time.now(),
    isExhausted: time.isExhausted,
  });
  return {
    seed,
    plan,
    hash: trace.hash(),
    breaches,
    struck: faults.struck,
    steps: time.steps,
    mails: mailboxes.mails.size,
    sends: stores.bus.crm.all.length,
    judged: stays.judged,
    lines: trace.lines,
  };
}
