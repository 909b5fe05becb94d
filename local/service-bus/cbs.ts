import rhea from 'rhea';
import type { Counters } from './counters.ts';
import type { Peer } from './peer.ts';
import type { Answer, Request } from './request-reply.ts';
import type { SasRule } from './sas-token.ts';
import { refuseSasToken, resourcePath } from './sas-token.ts';

const SAS_TOKEN_TYPE = 'servicebus.windows.net:sastoken';
const ENTRA_TOKEN_TYPE = 'jwt';

/**
 * `$cbs`, where a client shows its token before it opens a link. A shared access signature is checked as the
 * service checks it; an Entra token only has to be there, because there is no authority here to ask.
 */
export function answerAuthorization(
  request: Request,
  peer: Pick<Peer, 'grant'>,
  rule: SasRule,
  counters: Counters,
): Answer {
  const refusal = refuse(request, rule);
  if (refusal === undefined) {
    counters.tokensAccepted += 1;
    peer.grant(resourcePath(String(request.properties['name'])));
    return status(202, 'Accepted');
  }
  counters.tokensRefused += 1;
  return status(401, refusal);
}

function refuse({ operation, properties, body }: Request, rule: SasRule): string | undefined {
  const { name: audience, type } = properties;
  if (operation !== 'put-token') return `$cbs knows put-token only, not "${operation}".`;
  if (typeof audience !== 'string' || typeof body !== 'string' || body === '')
    return 'A put-token request names an audience and carries a token.';
  if (type === ENTRA_TOKEN_TYPE) return undefined;
  // Tokens are dated by the client's own clock, so not the queues' (settable) one is asked here.
  if (type === SAS_TOKEN_TYPE) return refuseSasToken(body, audience, rule, Date.now());
  return `Tokens of type "${String(type)}" are not known; use ${SAS_TOKEN_TYPE} or ${ENTRA_TOKEN_TYPE}.`;
}

function status(code: number, description: string): Answer {
  return {
    properties: { 'status-code': rhea.types.wrap_int(code), 'status-description': description },
    body: null,
  };
}
