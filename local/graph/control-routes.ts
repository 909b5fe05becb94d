/** Control over HTTP, under `/control/`: every function of `control.ts`, with JSON in and out. */
import * as z from 'zod';
import { ControlFault, type GraphControl } from './control.ts';
import { faultRule } from './faults.ts';
import { graphKnobs } from './knobs.ts';
import { notificationPlan } from './notification-plan.ts';

export type ControlQuestion = { method: string; segments: readonly string[]; query: URLSearchParams; body: Buffer };
export type ControlAnswer = { status: number; body?: unknown };

const done: ControlAnswer = { status: 204 };
const ok = (body: unknown): ControlAnswer => ({ status: 200, body });

const user = z.strictObject({ id: z.guid(), address: z.string().min(3), displayName: z.string().optional() });
const clock = z.strictObject({ advanceMs: z.number().min(0) });
const bulk = z.strictObject({
  count: z.number().int().min(1).max(1_000_000),
  subject: z.string().optional(),
  spacingMs: z.number().min(0).optional(),
  folder: z.string().optional(),
});
const lifecycle = z.strictObject({
  event: z.enum(['reauthorizationRequired', 'subscriptionRemoved', 'missed']),
  subscriptionId: z.string().optional(),
});
const deltaPlace = z.strictObject({ user: z.string().optional(), folder: z.string().optional() });
const mailboxState = z.strictObject({
  state: z.enum(['active', 'accessDenied', 'accessDeniedByPolicy', 'notEnabled']),
});
const group = z.strictObject({ members: z.array(z.string()) });

function read<T>(question: ControlQuestion, schema: z.ZodType<T>): T {
  let value: unknown;
  try {
    value = question.body.length === 0 ? {} : JSON.parse(question.body.toString('utf8'));
  } catch {
    throw new ControlFault('The body of a control request must be JSON.');
  }
  const result = schema.safeParse(value);
  if (!result.success) throw new ControlFault(`The control request is not valid: ${z.prettifyError(result.error)}`);
  return result.data;
}

type ControlRoute = (control: GraphControl, question: ControlQuestion, name: string) => ControlAnswer;

function answer(change: () => void): ControlAnswer {
  change();
  return done;
}

/** By method and path below `/control/`; `*` is an id or address. */
const routes: Record<string, ControlRoute> = {
  'GET counters': (control) => ok(control.counters()),
  'POST reset': (control) => answer(control.reset),
  'GET clock': (control) => ok(control.clock()),
  'POST clock': (control, question) => {
    control.advanceClock(read(question, clock).advanceMs);
    return ok(control.clock());
  },
  'GET knobs': (control) => ok(control.knobs()),
  'POST knobs': (control, question) => {
    control.setKnobs(read(question, graphKnobs.partial()));
    return ok(control.knobs());
  },
  'GET faults': (control) => ok(control.faults()),
  'POST faults': (control, question) => ok({ id: control.addFault(read(question, faultRule)) }),
  'DELETE faults': (control) => answer(control.clearFaults),
  'DELETE faults/*': (control, _, id) => (control.removeFault(id) ? done : { status: 404 }),
  'POST users/*/eml': (control, question, name) => {
    const received = question.query.get('received');
    const receivedAt = received === null ? undefined : new Date(received);
    if (receivedAt !== undefined && Number.isNaN(receivedAt.getTime()))
      throw new ControlFault(`received=${received} is not a date.`);
    const folder = question.query.get('folder') ?? undefined;
    return ok(control.deliverEml(name, question.body, { receivedAt, folder }));
  },
  'POST users/*/bulk': (control, question, name) =>
    ok({ delivered: control.deliverBulk(name, read(question, bulk)).length }),
  'GET users/*/messages': (control, _, name) => ok(control.messages(name)),
  'POST users/*/state': (control, question, name) =>
    answer(() => control.setMailboxState(name, read(question, mailboxState).state)),
  'POST users': (control, question) => answer(() => control.addUser(read(question, user))),
  'DELETE users/*': (control, _, name) => (control.removeUser(name) ? done : { status: 404 }),
  'PUT groups/*': (control, question, id) =>
    answer(() => control.setGroup({ id, members: read(question, group).members })),
  'DELETE groups/*': (control, _, id) => answer(() => control.removeGroup(id)),
  'GET subscriptions': (control) =>
    ok(control.subscriptions().map((each) => ({ ...each, changeTypes: [...each.changeTypes] }))),
  'DELETE subscriptions/*': (control, _, id) => (control.removeSubscription(id) ? done : { status: 404 }),
  'POST lifecycle': (control, question) => {
    const { event, subscriptionId } = read(question, lifecycle);
    return ok({ announced: control.sendLifecycle(event, subscriptionId) });
  },
  'GET notifications': (control) => ok({ ...control.notifications(), idle: control.notificationsIdle() }),
  'POST notifications': (control, question) => {
    control.setNotifications(read(question, notificationPlan.partial()));
    return ok(control.notifications());
  },
  'GET deliveries': (control) => ok(control.deliveries()),
  'DELETE deliveries': (control) => answer(control.clearDeliveries),
  'POST delta/expire': (control, question) => ok({ folders: control.expireDeltaTokens(read(question, deltaPlace)) }),
  'POST tokens/revoke': (control) => answer(control.revokeTokens),
};

function findControlRoute(
  method: string,
  segments: readonly string[],
): { route: ControlRoute; name: string } | undefined {
  const named = segments.map((segment, index) => (index === 1 ? '*' : segment)).join('/');
  const plain = routes[`${method} ${segments.join('/')}`];
  const route = plain ?? routes[`${method} ${named}`];
  return route === undefined ? undefined : { route, name: segments[1] ?? '' };
}

/** Answers one control request. */
export function answerControl(control: GraphControl, question: ControlQuestion): ControlAnswer {
  const found = findControlRoute(question.method, question.segments);
  if (found === undefined) {
    return {
      status: 404,
      body: {
        error: `No control route ${question.method} /control/${question.segments.join('/')}.`,
        routes: Object.keys(routes),
      },
    };
  }
  try {
    return found.route(control, question, found.name);
  } catch (error) {
    if (error instanceof ControlFault) return { status: 400, body: { error: error.message } };
    throw error;
  }
}
