/** What all routes of the emulator share. */
import type { StepObserver } from '../observed-step.ts';
import type { GraphCounters } from './counters.ts';
import type { Directory, GraphUser } from './directory.ts';
import type { EmulatorClock } from './emulator-clock.ts';
import type { Faults } from './faults.ts';
import { GraphFailure, invalidUser } from './graph-failure.ts';
import type { GraphReply, GraphRequest } from './graph-exchange.ts';
import type { GraphKnobs } from './knobs.ts';
import type { Mailbox } from './mailbox.ts';
import type { Notifier } from './notifier.ts';
import type { Random } from './random.ts';
import type { Subscriptions } from './subscriptions.ts';
import type { Throttle } from './throttle.ts';

export type GraphState = {
  readonly tenantId: string;
  readonly clock: EmulatorClock;
  /** Changed in place by the control routes. */
  readonly knobs: GraphKnobs;
  readonly counters: GraphCounters;
  readonly random: Random;
  readonly directory: Directory;
  /** By lower-case user id. */
  readonly mailboxes: Map<string, Mailbox>;
  readonly subscriptions: Subscriptions;
  readonly notifier: Notifier;
  readonly faults: Faults;
  readonly throttle: Throttle;
  /** Counts the resets: delta tokens of an earlier life are worthless. */
  epoch: number;
  readonly onStep: StepObserver | undefined;
  /** Ends every wait when the emulator closes. */
  readonly closing: AbortSignal;
};

export type RouteHandler = (state: GraphState, request: GraphRequest) => GraphReply | Promise<GraphReply>;

/** The mailbox of a user named by id or address, whatever state it is in. */
export function findMailbox(state: GraphState, idOrAddress: string): { user: GraphUser; mailbox: Mailbox } | undefined {
  const user = state.directory.findUser(idOrAddress);
  const mailbox = user === undefined ? undefined : state.mailboxes.get(user.id.toLowerCase());
  return user === undefined || mailbox === undefined ? undefined : { user, mailbox };
}

/** The refusal that the state of a mailbox brings, if any. */
export function stateFailure(mailbox: Mailbox): GraphFailure | undefined {
  switch (mailbox.state) {
    case 'active':
      return undefined;
    case 'accessDenied':
      return new GraphFailure(403, 'ErrorAccessDenied', 'Access is denied. Check credentials and try again.');
    case 'accessDeniedByPolicy':
      return new GraphFailure(403, 'ErrorAccessDenied', 'Access to OData is disabled.');
    case 'notEnabled':
      return new GraphFailure(
        404,
        'MailboxNotEnabledForRESTAPI',
        'The mailbox is either inactive, soft-deleted, or is hosted on-premise.',
      );
  }
}

/** The mailbox that a request names, or the refusal that Graph would answer. */
export function mailboxOf(state: GraphState, request: GraphRequest): { user: GraphUser; mailbox: Mailbox } {
  const name = request.params['user'] ?? '';
  const found = findMailbox(state, name);
  if (found === undefined) throw invalidUser(name);
  const failure = stateFailure(found.mailbox);
  if (failure !== undefined) throw failure;
  return found;
}
