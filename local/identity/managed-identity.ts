/** The managed-identity endpoint that App Service and Functions give to an app (`IDENTITY_ENDPOINT`). */
import type { AccessTokens } from './access-tokens.ts';
import type { HttpAnswer, HttpQuestion } from './http-question.ts';

/** Path of the endpoint on the local server. */
export const managedIdentityPath = '/msi/token';

export type ManagedIdentityDeps = {
  tokens: AccessTokens;
  /** The value expected in `X-IDENTITY-HEADER`. */
  identityHeader: string;
  /** The identity that answers when the request names none. */
  systemAssignedClientId: string;
  lifetimeSeconds: () => number;
};

const guid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

function refusal(status: number, message: string): HttpAnswer {
  return { status, body: { statusCode: status, message } };
}

/** Answers one token request of a managed identity. */
export function answerManagedIdentity(deps: ManagedIdentityDeps, question: HttpQuestion): HttpAnswer {
  if (question.method !== 'GET')
    return refusal(405, `The managed identity endpoint answers GET, not ${question.method}.`);
  // The secret header keeps a forged server-side request from fetching tokens: such a request cannot set headers.
  if (question.headers['x-identity-header'] !== deps.identityHeader) {
    return refusal(401, 'The header X-IDENTITY-HEADER is missing or wrong: send the value of IDENTITY_HEADER.');
  }
  const version = question.query.get('api-version');
  if (version !== '2019-08-01') {
    return refusal(400, `api-version must be 2019-08-01, not ${version === null ? 'absent' : `"${version}"`}.`);
  }
  const resource = question.query.get('resource');
  if (resource === null || resource === '') return refusal(400, 'The query parameter resource is missing.');
  const named = question.query.get('client_id');
  if (named !== null && !guid.test(named)) return refusal(400, `No managed identity has the client id "${named}".`);
  const clientId = named ?? deps.systemAssignedClientId;
  const issued = deps.tokens.issue({ audience: resource, clientId, lifetimeSeconds: deps.lifetimeSeconds() });
  return {
    status: 200,
    body: {
      access_token: issued.token,
      // The real endpoint gives seconds since 1970 as text.
      expires_on: String(issued.expiresAt),
      resource,
      token_type: 'Bearer',
      client_id: clientId,
    },
  };
}
