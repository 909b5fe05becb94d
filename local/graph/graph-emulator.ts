/** The Microsoft Graph emulator with its identity endpoints: one server on one port of the loopback address. */
import { randomUUID } from 'node:crypto';
import type { AccessTokens } from '../identity/access-tokens.ts';
import { managedIdentityPath } from '../identity/managed-identity.ts';
import { authenticate } from './authentication.ts';
import { runBatch } from './batch.ts';
import type { GraphControl } from './control.ts';
import { answerControl } from './control-routes.ts';
import { countRequest, type GraphCounters } from './counters.ts';
import { dispatch, failureReply } from './dispatch.ts';
import { type GraphReply, type GraphRequest, readODataOptions, readSegments } from './graph-exchange.ts';
import { badRequest } from './graph-failure.ts';
import type { GraphState } from './graph-state.ts';
import { type HttpReply, type HttpRequest, startHttpServer } from './http-server.ts';
import { answerIdentity, type IdentityDeps, isIdentityPath } from './identity-routes.ts';
import { makeWorld, type WorldOptions } from './world.ts';

export type GraphEmulatorOptions = WorldOptions & {
  /** Port to listen on; a free one if not given. */
  port?: number;
  /** Client id of the app, which also is the system-assigned managed identity. */
  appId: string;
  /** Value of `IDENTITY_HEADER`; a new one if not given. */
  identityHeader?: string;
  /** The only secret, and the only certificate or public key (PEM), that the token endpoint takes; any if not given. */
  clientSecret?: string;
  clientCertificate?: string;
};

export type GraphEmulator = {
  /** `http://127.0.0.1:PORT` */
  url: string;
  /** `url` + `/v1.0` */
  graphUrl: string;
  /** Values of `IDENTITY_ENDPOINT` and `IDENTITY_HEADER`. */
  identityEndpoint: string;
  identityHeader: string;
  /** The tenant's OAuth 2.0 token endpoint. */
  tokenEndpoint: string;
  counters: () => GraphCounters;
  /** Back to how it started: users and groups as given, no mail, no subscriptions, no faults. */
  reset: () => void;
  close: () => Promise<void>;
  control: GraphControl;
};

/** Starts the emulator. */
export async function startGraphEmulator(options: GraphEmulatorOptions): Promise<GraphEmulator> {
  const closing = new AbortController();
  const { state, tokens, control, reset } = makeWorld(options, closing.signal);
  const identityHeader = options.identityHeader ?? randomUUID().toUpperCase();
  let url = '';
  const tokenEndpoint = (): string => `${url}/${options.tenantId}/oauth2/v2.0/token`;
  const { clientSecret, clientCertificate, appId } = options;
  const identity: IdentityDeps = {
    state,
    tokens,
    appId,
    identityHeader,
    tokenEndpoint,
    clientSecret,
    clientCertificate,
  };
  const server = await startHttpServer({
    port: options.port ?? 0,
    now: () => state.clock.now(),
    answer: (request) => answer({ state, tokens, control, identity }, request),
  });
  url = `http://127.0.0.1:${server.port}`;
  return {
    url,
    graphUrl: `${url}/v1.0`,
    identityEndpoint: `${url}${managedIdentityPath}`,
    identityHeader,
    tokenEndpoint: tokenEndpoint(),
    counters: control.counters,
    reset,
    control,
    close: async () => {
      closing.abort();
      state.notifier.close();
      state.clock.close();
      await server.close();
    },
  };
}

type AnswerDeps = { state: GraphState; tokens: AccessTokens; control: GraphControl; identity: IdentityDeps };

async function answer(deps: AnswerDeps, request: HttpRequest): Promise<HttpReply> {
  const { method, pathname, search, headers, body } = request;
  const query = new URLSearchParams(search);
  if (pathname.startsWith('/control/')) {
    return answerControl(deps.control, { method, segments: readSegments(pathname).slice(1), query, body });
  }
  if (isIdentityPath(pathname)) {
    const { answer: found, wireFault } = await answerIdentity(deps.identity, {
      method,
      pathname,
      query,
      headers,
      body,
    });
    return { ...found, wireFault };
  }
  return answerGraph(deps, request);
}

async function answerGraph({ state, tokens }: AnswerDeps, request: HttpRequest): Promise<HttpReply> {
  const { method, pathname, search, headers, body } = request;
  state.counters.httpRequests += 1;
  try {
    const version = /^\/(v1\.0)(?=\/|$)/i.exec(pathname)?.[0];
    if (version === undefined) throw badRequest(`Invalid version: the emulator serves /v1.0/, not ${pathname}.`);
    const app = authenticated(state, tokens, headers['authorization']);
    const path = pathname.slice(version.length);
    const question: GraphRequest = {
      method,
      path,
      segments: readSegments(path),
      query: readODataOptions(search),
      headers,
      body,
      app,
      // Links name the host that was called, as the real service's do.
      root: `http://${headers['host'] ?? '127.0.0.1'}/v1.0`,
      params: {},
    };
    if (method === 'POST' && /^\/\$batch\/?$/i.test(path)) return await answerBatch(state, question);
    const { reply, wireFault } = await dispatch(state, question);
    return { ...reply, wireFault };
  } catch (error) {
    return failureReply(state, { headers }, error, randomUUID());
  }
}

function authenticated(
  state: GraphState,
  tokens: AccessTokens,
  authorization: string | undefined,
): GraphRequest['app'] {
  try {
    return authenticate(tokens, authorization, state.clock.baseNow());
  } catch (error) {
    state.counters.unauthorized += 1;
    throw error;
  }
}

async function answerBatch(state: GraphState, request: GraphRequest): Promise<GraphReply> {
  countRequest(state.counters, 'batch');
  return runBatch(state, request);
}
