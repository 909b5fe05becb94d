import { compose } from '../../shared/compose.ts';
import type { Config } from '../../shared/config.ts';
import { type App, runRings } from './app-under-test.ts';
import { aConfig } from './builders.ts';
import type { World } from './in-memory-ports.ts';

/** A process that starts now, and not when the world began. */
export function startAppNow(world: World, config: Partial<Config> = {}, latency?: (call: string) => number): App {
  const process = world.startProcess(latency);
  return { ...compose(aConfig(config), process.ports, new Date(world.clock.now())), ...process };
}

/** Lets minutes pass as in production: each brings the timer, and rings are answered as they become due. */
export async function passMinutes(world: World, app: App, minutes: number): Promise<void> {
  for (let minute = 0; minute < minutes; minute++) {
    const start = world.clock.now();
    await world.clock.runUntilDone(app.reconcileMailboxes());
    await runRings(world, app, Math.max(0, start + 60_000 - world.clock.now()));
    await world.clock.advance(Math.max(0, start + 60_000 - world.clock.now()));
  }
}
