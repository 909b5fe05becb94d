/** The tenant that the emulator plays, without any server: its clock, users, mailboxes, subscriptions and rules. */
import { AccessTokens } from '../identity/access-tokens.ts';
import type { StepObserver } from '../observed-step.ts';
import { type GraphControl, makeControl } from './control.ts';
import { zeroCounters } from './counters.ts';
import { Directory, type GraphGroup, type GraphUser } from './directory.ts';
import { EmulatorClock } from './emulator-clock.ts';
import { Faults } from './faults.ts';
import type { GraphState } from './graph-state.ts';
import { defaultKnobs, type GraphKnobs } from './knobs.ts';
import { Mailbox } from './mailbox.ts';
import { Notifier } from './notifier.ts';
import { makeRandom } from './random.ts';
import { Subscriptions } from './subscriptions.ts';
import { Throttle } from './throttle.ts';

export type WorldOptions = {
  tenantId: string;
  users: GraphUser[];
  groups?: GraphGroup[];
  /** The base clock, which the clients share. */
  now?: () => number;
  knobs?: Partial<GraphKnobs>;
  /** Sees every request, notification and handshake. */
  onStep?: StepObserver | undefined;
};

/** All that the emulator keeps, and what may be done to it. */
export type World = { state: GraphState; tokens: AccessTokens; control: GraphControl; reset: () => void };

/** Makes a world with the users and groups of the start; a reset brings it back to that. */
export function makeWorld(options: WorldOptions, closing: AbortSignal): World {
  const { tenantId, onStep } = options;
  const clock = new EmulatorClock(options.now ?? Date.now);
  const startKnobs = { ...defaultKnobs(), ...options.knobs };
  const knobs = structuredClone(startKnobs);
  const counters = zeroCounters();
  let generator = makeRandom(knobs.seed);
  const random = (): number => generator();
  const tokens = new AccessTokens(tenantId, () => clock.baseNow());
  const throttle = new Throttle(knobs, counters, () => clock.now());
  const faults = new Faults(random);
  const subscriptions: Subscriptions = new Subscriptions({
    clock,
    knobs,
    onReauthorizationDue: (subscription) => notifier.announceLifecycle(subscription, 'reauthorizationRequired'),
  });
  const notifier = new Notifier({ tenantId, clock, knobs, counters, random, subscriptions, onStep });
  const state: GraphState = {
    tenantId,
    clock,
    knobs,
    counters,
    random,
    directory: new Directory(),
    mailboxes: new Map(),
    subscriptions,
    notifier,
    faults,
    throttle,
    epoch: 1,
    onStep,
    closing,
  };
  const addMailbox = (user: GraphUser): void => {
    state.directory.addUser(user);
    const onChange: Notifier['announce'] = (change) => notifier.announce(change);
    state.mailboxes.set(user.id.toLowerCase(), new Mailbox({ userId: user.id, now: () => clock.now(), onChange }));
  };
  const reset = (): void => {
    clock.reset();
    subscriptions.clear();
    notifier.reset();
    faults.clear();
    throttle.reset();
    tokens.reset();
    state.directory.clear();
    state.mailboxes.clear();
    state.epoch += 1;
    Object.assign(knobs, structuredClone(startKnobs));
    Object.assign(counters, zeroCounters());
    generator = makeRandom(knobs.seed);
    for (const user of options.users) addMailbox(user);
    for (const group of options.groups ?? []) state.directory.setGroup({ ...group, members: [...group.members] });
  };
  reset();
  const reseed = (seed: number): void => {
    generator = makeRandom(seed);
  };
  return { state, tokens, reset, control: makeControl({ state, tokens, reset, reseed, addMailbox }) };
}
