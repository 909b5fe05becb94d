/** Issues and checks the access tokens of the local tenant. Knows nothing of HTTP or of Graph. */
import { createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import * as z from 'zod';

const tokenClaims = z.object({
  aud: z.string(),
  iss: z.string(),
  iat: z.number(),
  nbf: z.number(),
  exp: z.number(),
  appid: z.string(),
  oid: z.string(),
  tid: z.string(),
  roles: z.array(z.string()),
  idtyp: z.literal('app'),
  /** Counts the issued tokens, so that a revocation is exact however fast tokens are issued. */
  uti: z.string(),
});

/** What a token of the local tenant says. */
export type TokenClaims = z.infer<typeof tokenClaims>;

/** Outcome of checking a bearer token. */
export type TokenCheck =
  | { outcome: 'valid'; claims: TokenClaims }
  | { outcome: 'malformed' | 'forged' | 'expired' | 'revoked' };

export type IssuedToken = { token: string; expiresAt: number; issuedAt: number };

const header = Buffer.from(JSON.stringify({ typ: 'JWT', alg: 'HS256', kid: 'local' })).toString('base64url');

/** The object id that the local tenant gives to the service principal of an app: always the same for one app. */
export function servicePrincipalIdOf(clientId: string): string {
  const hex = createHash('sha256').update(`service principal ${clientId.toLowerCase()}`).digest('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20, 32)].join('-');
}

/** Issues HMAC-signed tokens and remembers which were revoked. */
export class AccessTokens {
  readonly #tenantId: string;
  readonly #now: () => number;
  readonly #key = randomBytes(32);
  readonly #checked = new Map<string, TokenClaims>();
  #issued = 0;
  #revokedUpTo = 0;

  constructor(tenantId: string, now: () => number) {
    this.#tenantId = tenantId;
    this.#now = now;
  }

  /** Issues a token for one audience; lifetimes follow the real clock of the clients, not the advanced one. */
  issue(options: { audience: string; clientId: string; lifetimeSeconds: number; roles?: string[] }): IssuedToken {
    const issuedAt = Math.floor(this.#now() / 1000);
    this.#issued += 1;
    const claims: TokenClaims = {
      aud: options.audience,
      iss: `https://sts.windows.net/${this.#tenantId}/`,
      iat: issuedAt,
      nbf: issuedAt,
      exp: issuedAt + options.lifetimeSeconds,
      appid: options.clientId,
      oid: servicePrincipalIdOf(options.clientId),
      tid: this.#tenantId,
      roles: options.roles ?? [],
      idtyp: 'app',
      uti: String(this.#issued),
    };
    const signed = `${header}.${Buffer.from(JSON.stringify(claims)).toString('base64url')}`;
    return { token: `${signed}.${this.#sign(signed)}`, expiresAt: claims.exp, issuedAt };
  }

  /** Checks signature, lifetime and revocation; the audience is the caller's to judge. */
  check(token: string): TokenCheck {
    const known = this.#checked.get(token) ?? this.#read(token);
    if (typeof known === 'string') return { outcome: known };
    this.#remember(token, known);
    if (Number(known.uti) <= this.#revokedUpTo) return { outcome: 'revoked' };
    if (known.exp * 1000 <= this.#now()) return { outcome: 'expired' };
    return { outcome: 'valid', claims: known };
  }

  /** Makes every token issued so far worthless, as after a critical event of Continuous Access Evaluation. */
  revokeAll(): void {
    this.#revokedUpTo = this.#issued;
  }

  /** Takes the revocations back. */
  reset(): void {
    this.#revokedUpTo = 0;
  }

  #read(token: string): TokenClaims | 'malformed' | 'forged' {
    const [head, body, signature, ...rest] = token.split('.');
    if (head === undefined || body === undefined || signature === undefined || rest.length > 0) return 'malformed';
    const expected = Buffer.from(this.#sign(`${head}.${body}`));
    const given = Buffer.from(signature);
    if (expected.length !== given.length || !timingSafeEqual(expected, given)) return 'forged';
    const claims = tokenClaims.safeParse(JSON.parse(Buffer.from(body, 'base64url').toString()));
    return claims.success ? claims.data : 'malformed';
  }

  #remember(token: string, claims: TokenClaims): void {
    if (this.#checked.size > 10_000) this.#checked.clear();
    this.#checked.set(token, claims);
  }

  #sign(text: string): string {
    return createHmac('sha256', this.#key).update(text).digest('base64url');
  }
}
