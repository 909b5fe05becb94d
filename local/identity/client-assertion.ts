/** Judges a client assertion: one signed with a certificate, or a token of a managed identity (federated credential). */
import { constants, createPublicKey, verify, X509Certificate } from 'node:crypto';
import * as z from 'zod';
import type { AccessTokens } from './access-tokens.ts';

export type AssertionQuestion = {
  assertion: string;
  clientId: string;
  audiences: string[];
  tokens: AccessTokens;
  clientCertificate: string | undefined;
  now: () => number;
};

/** What Azure expects in a managed identity's token that stands in for a credential. */
const federatedAudience = 'api://AzureADTokenExchange';

const assertionHeader = z.looseObject({
  alg: z.string(),
  'x5t#S256': z.string().optional(),
  x5t: z.string().optional(),
});
const assertionClaims = z.looseObject({
  aud: z.string(),
  iss: z.string(),
  sub: z.string(),
  exp: z.number(),
});

function decode(part: string | undefined): unknown {
  if (part === undefined) return undefined;
  try {
    return JSON.parse(Buffer.from(part, 'base64url').toString('utf8'));
  } catch {
    return undefined;
  }
}

/** Says what is wrong with an assertion, or undefined if it is good. */
export function findAssertionFault(question: AssertionQuestion): string | undefined {
  const federated = question.tokens.check(question.assertion);
  if (federated.outcome === 'valid') {
    return federated.claims.aud === federatedAudience
      ? undefined
      : `The assertion audience '${federated.claims.aud}' is not ${federatedAudience}.`;
  }
  const [head, body, signature] = question.assertion.split('.');
  const header = assertionHeader.safeParse(decode(head));
  const claims = assertionClaims.safeParse(decode(body));
  if (!header.success || !claims.success || signature === undefined) return 'The client assertion is not a signed JWT.';
  if (!question.audiences.includes(claims.data.aud))
    return `Client assertion audience '${claims.data.aud}' is not valid.`;
  if (claims.data.exp * 1000 <= question.now()) return 'Client assertion is not within its valid time range.';
  if (claims.data.iss !== question.clientId || claims.data.sub !== question.clientId) {
    return 'The issuer and the subject of a client assertion must be the client id.';
  }
  if (question.clientCertificate === undefined) return undefined;
  if (question.clientCertificate.includes('CERTIFICATE')) {
    const { fingerprint256 } = new X509Certificate(question.clientCertificate);
    const thumbprint = Buffer.from(fingerprint256.replaceAll(':', ''), 'hex').toString('base64url');
    if (header.data['x5t#S256'] !== thumbprint) {
      return 'Client assertion contains an invalid signature. The key was not found by its thumbprint.';
    }
  }
  const publicKey = createPublicKey(question.clientCertificate);
  const pss = header.data.alg === 'PS256';
  const key = pss
    ? { key: publicKey, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 }
    : { key: publicKey, padding: constants.RSA_PKCS1_PADDING };
  const good = verify('sha256', Buffer.from(`${head}.${body}`), key, Buffer.from(signature, 'base64url'));
  return good ? undefined : 'Client assertion contains an invalid signature.';
}
