// What leads the app to its failpoints. Each begins with all mailboxes subscribed and nothing to do, unless it says `fresh`.
import { encodeRing } from '../../../shared/domain/work-item.ts';
import { graph } from './operations.ts';
import { largeMail } from './large-mail.ts';
import { sendToDeadLetters } from './dead-letters.ts';
import type { Stage } from './stage.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

interface Scenario {
  /** Begins with nothing stored and no host. */
  fresh?: true;
  /** Whatever has to have happened before the blow is armed. */
  prepare?(stage: Stage, count: number): Promise<void>;
  /** Makes the app do it; `count` is how many mails, by the seed. */
  act(stage: Stage, count: number): Promise<void> | void;
  /** Puts back what the others do not expect; before the recovery is judged. */
  after?(stage: Stage): void;
  /** Nobody can use the environment afterwards. */
  spoils?: true;
  /** Kills that are part of the preparation. */
  kills?: number;
  /** Virtual time within which all has to be well again. */
  limitMs?: number;
}

/** Less than half of a life is left (seven days): every subscription is due. */
export const LATE_FOR_RENEWAL_MS = 72 * HOUR_MS;
const SUBSCRIPTION_WAIT_MS = 20 * MINUTE_MS;

async function killedWhileReading(stage: Stage, count: number): Promise<void> {
  const { struck } = stage.arm((step) => graph('delta')(step) && step.side === 'before', 1);
  stage.deliver(count);
  if (!(await stage.until(() => struck() !== undefined, MINUTE_MS))) throw new Error('The first kill never came.');
  await stage.killHost();
}

/** Loses a subscription and says so; mail comes in meanwhile. */
function loseSubscription(stage: Stage, count: number): void {
  const { control } = stage.environment.graph;
  const lost = control.subscriptions().find(({ target }) => target.userId === stage.mailboxes.first);
  control.sendLifecycle('subscriptionRemoved', lost?.id);
  stage.deliver(count);
}

const scenarios = {
  mail: {
    act(stage, count) {
      stage.deliver(count);
      if (count > 2) stage.deliver(1, stage.mailboxes.second);
    },
  },

  pages: {
    act: (stage, count) => stage.deliver(55 + count),
  },

  content: {
    act(stage, count) {
      stage.deliverEml(largeMail(count));
      stage.deliver(1);
    },
  },

  folders: {
    act(stage, count) {
      stage.deliver(count);
      stage.deliver(count, stage.mailboxes.first, 'archive');
    },
  },

  laggingDelta: {
    act(stage, count) {
      stage.environment.graph.control.setKnobs({ deltaLagMs: 2 * MINUTE_MS });
      stage.deliver(count);
    },
    after: (stage) => stage.environment.graph.control.setKnobs({ deltaLagMs: 0 }),
  },

  lostChain: {
    act(stage, count) {
      const { control } = stage.environment.graph;
      control.setNotifications({ off: true });
      stage.deliver(count);
      control.expireDeltaTokens({ user: stage.mailboxes.first });
      control.setNotifications({ off: false });
      stage.deliver(1);
    },
  },

  heldLane: {
    kills: 1,
    prepare: killedWhileReading,
    async act(stage, count) {
      // At once, while the lane still belongs to the dead.
      await stage.startHost();
      stage.deliver(count);
    },
  },

  takeover: {
    kills: 1,
    prepare: killedWhileReading,
    async act(stage) {
      stage.pass(3 * MINUTE_MS);
      await stage.startHost();
    },
  },

  pause: {
    act(stage, count) {
      const { control } = stage.environment.graph;
      // Longer than a request waits by itself.
      control.addFault({ kind: 'delta', path: stage.mailboxes.first, status: 429, retryAfter: 30 });
      stage.deliver(count);
    },
    after: (stage) => stage.environment.graph.control.clearFaults(),
  },

  start: {
    fresh: true,
    limitMs: SUBSCRIPTION_WAIT_MS,
    act: (stage) => stage.startHost(),
  },

  resubscribe: {
    limitMs: SUBSCRIPTION_WAIT_MS,
    act: loseSubscription,
  },

  lostCreation: {
    limitMs: SUBSCRIPTION_WAIT_MS,
    act(stage, count) {
      // The creation is done, and neither the app nor its retries hear of it.
      stage.environment.graph.control.addFault({ kind: 'subscriptionCreate', reset: true, when: 'after', count: 1 });
      loseSubscription(stage, count);
    },
    after: (stage) => stage.environment.graph.control.clearFaults(),
  },

  renewal: {
    limitMs: SUBSCRIPTION_WAIT_MS,
    async act(stage, count) {
      const { control } = stage.environment.graph;
      const end = Math.min(...control.subscriptions().map(({ expiresAt }) => expiresAt));
      stage.pass(Math.max(0, end - Date.parse(control.clock().now) - LATE_FOR_RENEWAL_MS));
      stage.deliver(count);
      await stage.run('renewSubscriptions');
    },
  },

  catchUp: {
    async act(stage, count) {
      const { control } = stage.environment.graph;
      control.setNotifications({ off: true });
      stage.deliver(count);
      stage.pass(6 * HOUR_MS + MINUTE_MS);
      await stage.run('reconcileMailboxes');
    },
    after: (stage) => stage.environment.graph.control.setNotifications({ off: false }),
  },

  removal: {
    spoils: true,
    // A reading of the group, another an hour later, and the sweep's two sightings of what may be left over.
    limitMs: 4 * HOUR_MS,
    async act(stage) {
      stage.setGroup(false);
      stage.pass(11 * MINUTE_MS);
      await stage.run('reconcileMailboxes');
    },
  },

  deadLetter: {
    async prepare(stage, count) {
      const { environment, mailboxes } = stage;
      environment.graph.control.setNotifications({ off: true });
      stage.deliver(count);
      await stage.killHost();
      const ring = encodeRing({ mailbox: mailboxes.first, folders: [], ids: [] });
      await sendToDeadLetters(environment.settings.serviceBusConnectionString, ring);
    },
    act: (stage) => stage.startHost(),
    after: (stage) => stage.environment.graph.control.setNotifications({ off: false }),
  },
} satisfies Record<string, Scenario>;

export type ScenarioName = keyof typeof scenarios;

export const scenarioNamed = (name: ScenarioName): Scenario => scenarios[name];
