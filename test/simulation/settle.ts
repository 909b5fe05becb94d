import { WHOLE_WATCH_MS } from '../../shared/domain/delta.ts';
import type { Plan } from './plan.ts';
import type { Platform, Stores } from './platform.ts';
import type { Surroundings } from './simulated-process.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
/** An orphan falls on its second sighting, half an hour after the first. */
const SWEEP_MS = 35 * MINUTE;
const LONGEST_PROBE_MS = 24 * HOUR;

const AUDIT_EVERY_MS = 24 * HOUR;

/**
 * Older mail that is moved into a folder so full that its chain has a short window is in no delta: where no notification
 * comes it waits for an audit, which looks up to a catch-up interval ago.
 */
export function waitForAudit(
  { deliveries }: Stores,
  { mailboxes, catchUpMs }: Plan,
  isConcerned: (mailbox: string, folderId: string | undefined) => boolean = () => true,
): number {
  const chains = mailboxes.flatMap(({ id }) =>
    [...deliveries.of(id).chains.values()].filter(({ folderId }) => isConcerned(id, folderId)),
  );
  const isShort = chains.some(({ window }) => window !== undefined && window < WHOLE_WATCH_MS);
  return isShort ? AUDIT_EVERY_MS + catchUpMs : 0;
}

interface Settling {
  around: Surroundings;
  stores: Stores;
  plan: Plan;
  platform: Platform;
}

/** Faults stop; two reconcile intervals pass (a suspended mailbox counts from its next probe), and then all is quiet. */
export async function settle({ around, stores, plan, platform }: Settling): Promise<void> {
  const { time, faults, downUntil, trace } = around;
  trace.note('world', 'faults stop');
  faults.over = true;
  downUntil.clear();
  around.refusedUntil.clear();
  for (const running of platform.running) if (running) running.process.setSkew(0);
  await time.run(time.now() + HOUR);
  for (let slot = 0; slot < plan.processes; slot++) platform.start(slot);
  const probes = stores.folders
    .all()
    .filter((row) => row.probeAt.getTime() > time.now())
    .map((row) => Math.min(LONGEST_PROBE_MS, row.probeAt.getTime() - time.now()));
  const interval = plan.catchUpMs + plan.tickMs;
  const audit = waitForAudit(stores, plan) + interval;
  const sweep = 2 * plan.renewMs + SWEEP_MS;
  await time.run(time.now() + Math.max(0, ...probes) + Math.max(2 * interval, sweep, audit) + 30 * MINUTE);
  platform.stopTimers();
  await time.run(time.now() + 20 * MINUTE);
}
