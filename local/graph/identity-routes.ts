/** Tokens over the emulator's server, with the same fault rules as Graph. */
import { setTimeout as wait } from 'node:timers/promises';
import type { AccessTokens } from '../identity/access-tokens.ts';
import type { HttpAnswer, HttpQuestion } from '../identity/http-question.ts';
import { answerManagedIdentity, managedIdentityPath } from '../identity/managed-identity.ts';
import { answerTokenRequest, isTokenEndpointPath } from '../identity/token-endpoint.ts';
import { countRequest } from './counters.ts';
import type { WireFault } from './dispatch.ts';
import type { GraphState } from './graph-state.ts';

export type IdentityDeps = {
  state: GraphState;
  tokens: AccessTokens;
  appId: string;
  identityHeader: string;
  tokenEndpoint: () => string;
  clientSecret: string | undefined;
  clientCertificate: string | undefined;
};

/** Whether a path belongs to the identity endpoints. */
export function isIdentityPath(pathname: string): boolean {
  return pathname.replace(/\/$/, '') === managedIdentityPath || isTokenEndpointPath(pathname);
}

function answerQuestion({ state, ...deps }: IdentityDeps, question: HttpQuestion): HttpAnswer {
  const now = (): number => state.clock.baseNow();
  if (isTokenEndpointPath(question.pathname)) {
    const lifetimeSeconds = (): number => state.knobs.tokenLifetimeSeconds;
    return answerTokenRequest({ ...deps, tenantId: state.tenantId, now, lifetimeSeconds }, question);
  }
  const lifetimeSeconds = (): number => state.knobs.managedIdentityTokenLifetimeSeconds;
  return answerManagedIdentity({ ...deps, systemAssignedClientId: deps.appId, lifetimeSeconds }, question);
}

/** Answers one token request, unless a fault strikes it. */
export async function answerIdentity(
  deps: IdentityDeps,
  question: HttpQuestion,
): Promise<{ answer: HttpAnswer; wireFault: WireFault | undefined }> {
  const { state } = deps;
  countRequest(state.counters, 'token');
  const rule = state.faults.strike({ kind: 'token', method: question.method, path: question.pathname });
  if (rule === undefined) return { answer: answerQuestion(deps, question), wireFault: undefined };
  state.counters.faultsInjected += 1;
  if (rule.delayMs !== undefined && rule.delayMs > 0) await wait(rule.delayMs, undefined, { signal: state.closing });
  if (rule.status === undefined || rule.html === true)
    return { answer: answerQuestion(deps, question), wireFault: rule };
  const headers: Record<string, string> = { ...rule.headers };
  if (rule.retryAfter !== undefined) headers['Retry-After'] = String(rule.retryAfter);
  const text = rule.message ?? 'Refused by a fault rule of the emulator.';
  const body = {
    error: rule.code ?? 'temporarily_unavailable',
    error_description: text,
    statusCode: rule.status,
    message: text,
  };
  return { answer: { status: rule.status, headers, body }, wireFault: rule };
}
