/** Who calls: the bearer token, its audience, and the challenges that Graph answers with. */
import type { AccessTokens } from '../identity/access-tokens.ts';
import type { AppPrincipal } from './graph-exchange.ts';
import { GraphFailure } from './graph-failure.ts';

/** Graph's own app id, and its roots in all clouds: a token is for one of them. */
const audiences: ReadonlySet<string> = new Set([
  '00000003-0000-0000-c000-000000000000',
  'https://graph.microsoft.com',
  'https://graph.microsoft.us',
  'https://dod-graph.microsoft.us',
  'https://microsoftgraph.chinacloudapi.cn',
]);

const challenge =
  'Bearer realm="", authorization_uri="https://login.microsoftonline.com/common/oauth2/authorize", client_id="00000003-0000-0000-c000-000000000000"';

function refusal(message: string): GraphFailure {
  return new GraphFailure(401, 'InvalidAuthenticationToken', message, { headers: { 'WWW-Authenticate': challenge } });
}

/** The refusal of Continuous Access Evaluation: the client must fetch a token that is younger than the claim says. */
export function claimsChallengeFailure(now: number): GraphFailure {
  const claims = { access_token: { nbf: { essential: true, value: String(Math.floor(now / 1000)) } } };
  const encoded = Buffer.from(JSON.stringify(claims)).toString('base64');
  const header = `${challenge}, error="insufficient_claims", claims="${encoded}"`;
  const message =
    'Continuous access evaluation resulted in challenge with result: InteractionRequired and code: TokenIssuedBeforeRevocationTimestamp';
  return new GraphFailure(401, 'InvalidAuthenticationToken', message, { headers: { 'WWW-Authenticate': header } });
}

/** The app that a request's token speaks for; throws 401 if there is none. */
export function authenticate(tokens: AccessTokens, authorization: string | undefined, now: number): AppPrincipal {
  const token = /^Bearer\s+(\S+)$/i.exec(authorization ?? '')?.[1];
  if (token === undefined) throw refusal('Access token is empty.');
  const check = tokens.check(token);
  switch (check.outcome) {
    case 'malformed':
      throw refusal('IDX14100: JWT is not well formed: the access token was not issued by this emulator.');
    case 'forged':
      throw refusal('Access token validation failure. Invalid signature.');
    case 'expired':
      throw refusal('Lifetime validation failed, the token is expired.');
    case 'revoked':
      throw claimsChallengeFailure(now);
    case 'valid': {
      const { aud, appid, oid, tid } = check.claims;
      if (!audiences.has(aud.replace(/\/+$/, '')))
        throw refusal(`Access token validation failure. Invalid audience '${aud}'.`);
      return { appId: appid, objectId: oid, tenantId: tid };
    }
  }
}
