/** One request from recognition to reply: counting, faults, throttling, the route, and failures in Graph's form. */
import { randomUUID } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';
import type { ObservedStep } from '../observed-step.ts';
import { countRequest } from './counters.ts';
import { claimsChallengeFailure } from './authentication.ts';
import { type FaultRule, faultFailure } from './faults.ts';
import { failureBody, GraphFailure } from './graph-failure.ts';
import type { GraphReply, GraphRequest } from './graph-exchange.ts';
import { findMailbox, type GraphState } from './graph-state.ts';
import { findRoute, type FoundRoute, mailboxUserOf, noRouteFailure } from './routes.ts';

/** What a fault rule does to the bytes of the answer, for the HTTP server to carry out. */
export type WireFault = Pick<FaultRule, 'truncateBody' | 'html' | 'reset' | 'status'>;

export type Dispatched = { reply: GraphReply; wireFault: WireFault | undefined; requestId: string };

const jsonType = 'application/json;odata.metadata=minimal;odata.streaming=true;IEEE754Compatible=false;charset=utf-8';

/** Handles a request that is already authenticated. */
export async function dispatch(state: GraphState, request: GraphRequest): Promise<Dispatched> {
  const found = findRoute(request.method, request.segments);
  const kind = found?.route.kind ?? 'other';
  countRequest(state.counters, kind);
  const requestId = randomUUID();
  const rule = state.faults.strike({ kind, method: request.method, path: request.path });
  if (rule !== undefined) state.counters.faultsInjected += 1;
  const content = request.method === 'GET' ? '' : request.body.toString('utf8');
  const step = { service: 'graph', operation: kind, target: request.path, content } satisfies Partial<ObservedStep>;
  const dropped: Dispatched = { reply: { status: 502 }, wireFault: { reset: true }, requestId };
  if (state.onStep?.({ ...step, side: 'before' }) === 'drop') return dropped;
  let reply: GraphReply;
  try {
    reply = await handleWithFault(state, request, found, rule);
  } catch (error) {
    reply = failureReply(state, request, error, requestId);
  }
  if (state.onStep?.({ ...step, side: 'after', status: reply.status }) === 'drop') return dropped;
  return { reply: withHeaders(request, reply, requestId), wireFault: wireFaultOf(rule), requestId };
}

function wireFaultOf(rule: FaultRule | undefined): WireFault | undefined {
  if (rule === undefined) return undefined;
  return rule.truncateBody === undefined && rule.html !== true && rule.reset !== true ? undefined : rule;
}

async function handleWithFault(
  state: GraphState,
  request: GraphRequest,
  found: FoundRoute | undefined,
  rule: FaultRule | undefined,
): Promise<GraphReply> {
  if (rule === undefined) return handle(state, request, found);
  if (rule.delayMs !== undefined && rule.delayMs > 0) await wait(rule.delayMs, undefined, { signal: state.closing });
  const failure = rule.claimsChallenge === true ? claimsChallengeFailure(state.clock.now()) : faultFailure(rule);
  const broken = failure !== undefined || rule.html === true || rule.reset === true;
  if (!broken) return handle(state, request, found);
  // Work that is done although its answer is lost: what a client repeats must not happen twice.
  if (rule.when === 'after') await handle(state, request, found);
  if (failure !== undefined) throw failure;
  return { status: 200 };
}

async function handle(state: GraphState, request: GraphRequest, found: FoundRoute | undefined): Promise<GraphReply> {
  if (found === undefined) throw noRouteFailure(request.method, request.segments);
  const user = mailboxUserOf(found);
  const mailbox = user === undefined ? undefined : findMailbox(state, user);
  const leave = mailbox === undefined ? undefined : state.throttle.enterMailbox(request.app.appId, mailbox.user.id);
  try {
    const { latencyMs } = state.knobs;
    const latency = latencyMs[found.route.kind] ?? latencyMs['all'] ?? 0;
    if (latency > 0) await wait(latency, undefined, { signal: state.closing });
    return await found.route.handler(state, { ...request, params: found.params });
  } finally {
    leave?.();
  }
}

/** Any failure as Graph words it; what is no `GraphFailure` is a fault of the emulator and says so. */
export function failureReply(
  state: GraphState,
  request: Pick<GraphRequest, 'headers'>,
  error: unknown,
  requestId: string,
): GraphReply {
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  const failure = error instanceof GraphFailure ? error : new GraphFailure(500, 'EmulatorFault', text);
  const clientRequestId = request.headers['client-request-id'] ?? requestId;
  const body = failureBody(failure, { requestId, clientRequestId, now: state.clock.now() });
  return { status: failure.status, headers: { 'Content-Type': 'application/json', ...failure.headers }, body };
}

function withHeaders(request: GraphRequest, reply: GraphReply, requestId: string): GraphReply {
  const hasJson = reply.body !== undefined && !Buffer.isBuffer(reply.body);
  return {
    ...reply,
    headers: {
      'Cache-Control': 'private',
      ...(hasJson ? { 'Content-Type': jsonType, 'OData-Version': '4.0' } : {}),
      ...reply.headers,
      'request-id': requestId,
      'client-request-id': request.headers['client-request-id'] ?? requestId,
    },
  };
}
