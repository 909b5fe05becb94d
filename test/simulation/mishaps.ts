import type { Service, WorldFault } from './faults.ts';
import { someFolder, sometimes, type Stage } from './stage.ts';

const SECOND = 1_000;
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

const OUTAGES = [
  ['tables down', 'tables'],
  ['bus down', 'bus'],
  ['blobs down', 'blobs'],
  ['graph down', 'graph'],
] as const satisfies readonly (readonly [WorldFault, Service])[];

/** Services that fail for a while, mailboxes that refuse us, tokens that Graph forgets. */
export function planOutages(stage: Stage): void {
  const { around, dice, stores } = stage;
  const { faults, downUntil, refusedUntil, time, trace } = around;
  for (const [kind, service] of OUTAGES)
    sometimes(stage, 3, () => {
      if (!faults.strikes(kind, 1)) return;
      const ms = dice.pick([MINUTE, 10 * MINUTE, HOUR]) * dice.between(0.3, 1.5);
      trace.note('world', kind, `${Math.round(ms / SECOND)} s`);
      downUntil.set(service, time.now() + ms);
    });
  sometimes(stage, 3, () => {
    if (!faults.strikes('mailbox refused', 1)) return;
    const { mailbox } = someFolder(stage);
    const ms = dice.pick([5 * MINUTE, HOUR, 8 * HOUR]) * dice.between(0.3, 1.5);
    trace.note('world', 'mailbox refused', `${mailbox} ${Math.round(ms / SECOND)} s`);
    refusedUntil.set(mailbox, { status: dice.pick([403, 404] as const), until: time.now() + ms });
  });
  sometimes(stage, 4, () => {
    if (faults.strikes('delta tokens expired', 1)) stores.graph.mailboxes.forgetTokens();
  });
}

/** Processes that die, end or stand still, clocks that jump, timers that stop. */
export function planDeaths(stage: Stage): void {
  const { around, dice, platform, plan } = stage;
  const { faults } = around;
  const someSlot = () => dice.whole(0, plan.processes - 1);
  sometimes(stage, 6, () => {
    if (faults.strikes('process killed', 1)) platform.kill(someSlot(), dice.pick([SECOND, MINUTE, HOUR]));
  });
  sometimes(stage, 6, () => {
    if (faults.strikes('process drained', 1)) platform.terminate(someSlot(), dice.pick([SECOND, MINUTE, HOUR]));
  });
  sometimes(stage, 2, () => {
    if (!faults.strikes('all processes down', 1)) return;
    const ms = dice.pick([MINUTE, HOUR, 6 * HOUR, DAY]) * dice.between(0.3, 1.2);
    for (let slot = 0; slot < plan.processes; slot++) platform.kill(slot, ms);
  });
  sometimes(stage, 3, () => {
    if (!faults.strikes('clock jump', 1)) return;
    const up = platform.up();
    if (up.length > 0) dice.pick(up).process.setSkew(dice.between(-10, 10) * MINUTE);
  });
  sometimes(stage, 2, () => {
    if (faults.strikes('timer dead', 1))
      platform.killTimer(dice.pick(['reconcile', 'renew'] as const), dice.between(HOUR, 3 * DAY));
  });
}

/** A rolling deployment under another host name: Graph goes on to call the old one, where nobody lives any more. */
export function planMove(stage: Stage): void {
  const { around, dice, platform, plan, span } = stage;
  if (!plan.moves) return;
  around.time.after(dice.between(HOUR, span), () => {
    around.trace.note('world', 'moves to another address');
    platform.moveTo('https://mail-ingest.northwind.example');
    for (let slot = 0; slot < plan.processes; slot++)
      around.time.after(dice.between(0, 5 * MINUTE), () => platform.terminate(slot, SECOND));
  });
}
