import type { AccessToken, GetTokenOptions, TokenCredential } from '@azure/core-auth';
import type { AuthenticationResult } from '@azure/msal-node';
import { errorCode, TransientError } from '../../errors.ts';
import { log } from '../../log.ts';

/** Asks the identity provider for a token; `claims` is a claims challenge that a service sent with a 401. */
export type Acquire = (scope: string, claims: string | undefined) => Promise<AuthenticationResult | null>;

interface Held {
  token: string;
  expiresAt: number;
  refreshAt: number;
}

/** MSAL counts a token as expired five minutes early; so do we. */
const EARLY_MS = 300_000;
const USABLE_MS = 60_000;

/**
 * One source of app tokens for Graph and, as a TokenCredential, for the Azure SDKs. Around MSAL it adds what MSAL lacks:
 * one request for many callers, an answer without a token is a failure, and a failed early refresh leaves the good token
 * in use (microsoft-authentication-library-for-js#6115).
 */
export class TokenSource implements TokenCredential {
  readonly #acquire: Acquire;
  readonly #now: () => number;
  readonly #held = new Map<string, Held>();
  readonly #pending = new Map<string, Promise<Held>>();

  constructor(acquire: Acquire, now: () => number) {
    this.#acquire = acquire;
    this.#now = now;
  }

  async getToken(scopes: string | string[], options: GetTokenOptions = {}): Promise<AccessToken> {
    const scope = Array.isArray(scopes) ? scopes.join(' ') : scopes;
    const { claims } = options;
    const held = this.#held.get(scope);
    if (held && !claims && this.#now() < held.refreshAt) return toAccessToken(held);
    try {
      return toAccessToken(claims ? await this.#fetch(scope, claims) : await this.#fetchOnce(scope));
    } catch (error) {
      if (claims || !held || held.expiresAt - this.#now() < USABLE_MS) {
        throw error instanceof TransientError
          ? error
          : new TransientError(`token:${errorCode(error)}`, { cause: error });
      }
      log('warn', 'token not refreshed early, the old one still holds', { code: errorCode(error) });
      return toAccessToken(held);
    }
  }

  #fetchOnce(scope: string): Promise<Held> {
    const pending = this.#pending.get(scope);
    if (pending) return pending;
    const fetched = this.#fetch(scope, undefined).finally(() => this.#pending.delete(scope));
    this.#pending.set(scope, fetched);
    return fetched;
  }

  async #fetch(scope: string, claims: string | undefined): Promise<Held> {
    const result = await this.#acquire(scope, claims);
    const expiresAt = result?.expiresOn?.getTime() ?? 0;
    if (!result?.accessToken || expiresAt <= this.#now()) throw new TransientError('token:empty-answer');
    const refreshAt = result.refreshOn?.getTime() ?? expiresAt - EARLY_MS;
    const held = { token: result.accessToken, expiresAt, refreshAt };
    this.#held.set(scope, held);
    return held;
  }
}

const toAccessToken = (held: Held): AccessToken => ({
  token: held.token,
  expiresOnTimestamp: held.expiresAt,
  refreshAfterTimestamp: held.refreshAt,
  tokenType: 'Bearer',
});
