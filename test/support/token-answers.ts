import type { AuthenticationResult } from '@azure/msal-node';

/** What MSAL answers with. */
export const aTokenAnswer = (changes: Partial<AuthenticationResult> = {}): AuthenticationResult => ({
  authority: 'https://login.test/tenant',
  uniqueId: '',
  tenantId: 'tenant',
  scopes: [],
  account: null,
  idToken: '',
  idTokenClaims: {},
  accessToken: 'token-1',
  fromCache: false,
  expiresOn: null,
  tokenType: 'Bearer',
  correlationId: '',
  ...changes,
});
