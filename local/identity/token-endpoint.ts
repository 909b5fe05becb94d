/** The tenant's OAuth 2.0 token endpoint, client credentials only. */
import { randomUUID } from 'node:crypto';
import type { AccessTokens } from './access-tokens.ts';
import { findAssertionFault } from './client-assertion.ts';
import type { HttpAnswer, HttpQuestion } from './http-question.ts';

export type TokenEndpointDeps = {
  tokens: AccessTokens;
  tenantId: string;
  /** Where clients reach the endpoint: the audience that an assertion must name. */
  tokenEndpoint: () => string;
  /** The only secret accepted; any non-empty one if undefined. */
  clientSecret: string | undefined;
  /** PEM of the only certificate (or public key) accepted; any assertion with the right claims if undefined. */
  clientCertificate: string | undefined;
  now: () => number;
  lifetimeSeconds: () => number;
};

const assertionType = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';
const guid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** Whether a path is that of a token endpoint, of whatever tenant. */
export function isTokenEndpointPath(pathname: string): boolean {
  return /^\/[^/]+\/oauth2\/v2\.0\/token\/?$/i.test(pathname);
}

function refusal(deps: TokenEndpointDeps, status: number, error: string, code: number, text: string): HttpAnswer {
  const [trace, correlation] = [randomUUID(), randomUUID()];
  const timestamp = new Date(deps.now())
    .toISOString()
    .replace('T', ' ')
    .replace(/\.\d+Z$/, 'Z');
  return {
    status,
    body: {
      error,
      error_description: `AADSTS${code}: ${text} Trace ID: ${trace} Correlation ID: ${correlation} Timestamp: ${timestamp}`,
      error_codes: [code],
      timestamp,
      trace_id: trace,
      correlation_id: correlation,
      error_uri: `https://login.microsoftonline.com/error?code=${code}`,
    },
  };
}

/** Answers one POST to `/{tenant}/oauth2/v2.0/token`. */
export function answerTokenRequest(deps: TokenEndpointDeps, question: HttpQuestion): HttpAnswer {
  const refuse = (status: number, error: string, code: number, text: string): HttpAnswer =>
    refusal(deps, status, error, code, text);
  const tenant = decodeURIComponent(question.pathname.split('/')[1] ?? '');
  if (question.method !== 'POST')
    return refuse(405, 'invalid_request', 900561, 'The endpoint only accepts POST requests.');
  if (tenant.toLowerCase() !== deps.tenantId.toLowerCase()) {
    return refuse(400, 'invalid_request', 90002, `Tenant '${tenant}' not found.`);
  }
  const form = new URLSearchParams(question.body.toString('utf8'));
  const grant = form.get('grant_type');
  if (grant !== 'client_credentials') {
    return refuse(
      400,
      'unsupported_grant_type',
      70003,
      `The app requested an unsupported grant type '${grant ?? ''}'.`,
    );
  }
  const clientId = form.get('client_id') ?? '';
  if (!guid.test(clientId)) {
    return refuse(400, 'unauthorized_client', 700016, `Application with identifier '${clientId}' was not found.`);
  }
  const scope = form.get('scope') ?? '';
  if (!scope.endsWith('/.default')) {
    return refuse(
      400,
      'invalid_scope',
      1002012,
      `The provided value for scope ${scope} is not valid: it must end in /.default.`,
    );
  }
  const secret = form.get('client_secret');
  const assertion = form.get('client_assertion');
  if (secret !== null && deps.clientSecret !== undefined && secret !== deps.clientSecret) {
    return refuse(401, 'invalid_client', 7000215, 'Invalid client secret provided.');
  }
  if (assertion !== null) {
    if (form.get('client_assertion_type') !== assertionType) {
      return refuse(400, 'invalid_request', 50027, 'client_assertion_type is missing or wrong.');
    }
    const audiences = [deps.tokenEndpoint(), `https://login.microsoftonline.com/${deps.tenantId}/oauth2/v2.0/token`];
    const fault = findAssertionFault({ ...deps, assertion, clientId, audiences });
    if (fault !== undefined) return refuse(401, 'invalid_client', 700027, fault);
  } else if (secret === null || secret === '') {
    return refuse(401, 'invalid_client', 7000216, "'client_assertion' or 'client_secret' is required.");
  }
  const audience = scope.slice(0, -'/.default'.length);
  const issued = deps.tokens.issue({ audience, clientId, lifetimeSeconds: deps.lifetimeSeconds() });
  const seconds = issued.expiresAt - issued.issuedAt;
  return {
    status: 200,
    headers: { 'Cache-Control': 'no-store, no-cache', Pragma: 'no-cache' },
    body: { token_type: 'Bearer', expires_in: seconds, ext_expires_in: seconds, access_token: issued.token },
  };
}
