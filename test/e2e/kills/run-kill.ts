import { seededRandom } from '../../support/seeded-random.ts';
import { type Failpoint, failpointOf, matches } from './failpoints.ts';
import { notification } from './operations.ts';
import { scenarioNamed } from './scenarios.ts';
import { openStage, type Stage } from './stage.ts';
import { coverageFaults, looksWell, type Verdict, verify } from './verify.ts';

export interface KillOptions {
  failpoint: Failpoint;
  seed: number;
  /** Kill once more while it recovers, at a failpoint drawn by the seed. */
  double: boolean;
}

export interface KillResult extends Verdict {
  failpoint: Failpoint;
  seed: number;
  kills: number;
  /** Where the second blow fell. */
  second: string | undefined;
  mails: number;
  /** Sends that the CRM queue dropped because it had them before. */
  repeatsDropped: number;
  seconds: number;
}

const MINUTE_MS = 60_000;
/** Longer than a lease (90 s) and a lock on the work queue (2 min). */
const AFTER_A_CRASH_MS = 150_000;
/** Guards, locks that end, Graph's own repetitions: far less than the catch-up interval that is set here. */
const RECOVERY_MS = 15 * MINUTE_MS;
/** Later than any guard, second look and retry that a ring left behind. */
const AFTERMATH_MS = 5 * MINUTE_MS;
const MOST_STEPS_TO_SECOND = 14;

/** Kills the app, again and again, in one environment. Opened on first use. */
export class KillRunner {
  #stage: Stage | undefined;
  /** The environment is as scenarios expect it. */
  #isSound = false;

  async run(options: KillOptions): Promise<KillResult> {
    this.#stage ??= await openStage();
    const startedAt = performance.now();
    const sound = this.#isSound;
    this.#isSound = false;
    const result = await this.#kill(this.#stage, options, sound);
    const { spoils } = scenarioNamed(options.failpoint.scenario);
    this.#isSound = !spoils && result.lost.length + result.doubled.length + result.broken.length === 0;
    return { ...result, seconds: (performance.now() - startedAt) / 1000 };
  }

  /** Nobody is killed: Graph loses our answer to a notification, and posts it again later. */
  async loseAcknowledgement(count: number): Promise<Verdict & { posts: number }> {
    this.#stage ??= await openStage();
    const stage = this.#stage;
    await this.#prepare(stage, this.#isSound, false);
    const { control } = stage.environment.graph;
    control.clearDeliveries();
    const { struck } = stage.arm((step) => notification(step) && step.side === 'after', 1, true);
    stage.deliver(count);
    await stage.until(() => struck() !== undefined && looksWell(stage), RECOVERY_MS);
    const posts = control.deliveries().filter(({ kind }) => kind === 'notification').length;
    return { ...(await verify(stage)), posts };
  }

  /** What the host printed since the last reset. */
  get log(): readonly string[] {
    return this.#stage?.log ?? [];
  }

  async close(): Promise<void> {
    await this.#stage?.close();
  }

  async #kill(stage: Stage, options: KillOptions, sound: boolean): Promise<Omit<KillResult, 'seconds'>> {
    const { failpoint, seed, double } = options;
    const scenario = scenarioNamed(failpoint.scenario);
    const random = seededRandom(seed * 7919 + Number(failpoint.id.slice(1, -1)));
    const count = 1 + Math.floor(random() * 4);
    const limitMs = scenario.limitMs ?? RECOVERY_MS;
    let kills = scenario.kills ?? 0;

    await this.#prepare(stage, sound, scenario.fresh === true);
    const dropped = () => stage.environment.serviceBus.counters().queues['crm-mail']?.duplicatesDropped ?? 0;
    const droppedBefore = dropped();

    await scenario.prepare?.(stage, count);
    const { struck } = stage.arm((step) => matches(failpoint, step), failpoint.nth);
    await scenario.act(stage, count);
    if (!(await stage.until(() => struck() !== undefined, limitMs)))
      throw new Error(`${failpoint.id} (${failpoint.side}: ${failpoint.what}) was never reached.`);
    await stage.killHost();
    kills += 1;
    scenario.after?.(stage);

    // Odd seeds start it long after; even ones as fast as a supervisor does, with lease and lock still standing.
    if (seed % 2 === 1) stage.pass(AFTER_A_CRASH_MS);
    let second: string | undefined;
    if (double) {
      const nth = 1 + Math.floor(random() * MOST_STEPS_TO_SECOND);
      second = await this.#killAgain(stage, nth, limitMs);
      kills += 1;
      if (random() < 0.5) stage.pass(AFTER_A_CRASH_MS);
    }
    stage.disarm();
    await stage.startHost();
    if (await stage.until(() => looksWell(stage), limitMs)) {
      // Mail goes on, and whatever the dead left behind comes due.
      stage.deliver(1);
      stage.deliver(1, stage.mailboxes.second);
      await stage.until(async () => looksWell(stage) && (await coverageFaults(stage)).length === 0, limitMs);
      stage.pass(AFTERMATH_MS);
      await stage.until(() => looksWell(stage), RECOVERY_MS);
    }
    const verdict = await verify(stage);
    return {
      ...verdict,
      failpoint,
      seed,
      kills,
      second,
      mails: stage.sent.length,
      repeatsDropped: dropped() - droppedBefore,
    };
  }

  /** Nothing stored and no host, or everything subscribed and nothing to do. */
  async #prepare(stage: Stage, sound: boolean, fresh: boolean): Promise<void> {
    if (fresh || !sound || !stage.isUp()) {
      await stage.killHost();
      await stage.reset();
    }
    if (!fresh && !stage.isUp()) {
      await stage.startHost();
      if (!(await stage.until(() => looksWell(stage), RECOVERY_MS))) throw new Error('The app did not get going.');
      // The second look after each subscription would find what a kill has lost.
      stage.pass(AFTERMATH_MS);
      await stage.until(() => looksWell(stage), RECOVERY_MS);
    }
    stage.arrivals.length = 0;
    stage.sent.length = 0;
  }

  /** Another blow at the nth failpoint that the recovery comes to; mail keeps coming in until it falls. */
  async #killAgain(stage: Stage, nth: number, limitMs: number): Promise<string> {
    const { struck } = stage.arm((step) => failpointOf(step) !== undefined, nth);
    await stage.startHost();
    await stage.until(() => struck() !== undefined || looksWell(stage), limitMs);
    while (struck() === undefined) {
      stage.deliver(1);
      if (!(await stage.until(() => struck() !== undefined || looksWell(stage), limitMs)))
        throw new Error('The second failpoint was never reached.');
    }
    await stage.killHost();
    const step = struck();
    return step ? (failpointOf(step)?.id ?? '') : '';
  }
}
