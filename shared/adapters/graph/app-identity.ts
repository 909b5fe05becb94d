import { createHash, X509Certificate } from 'node:crypto';
import type { ConfidentialClientApplication, ManagedIdentityApplication } from '@azure/msal-node';
import type { Config } from '../../config.ts';
import { pemParts } from '../../setting-values.ts';
import type { Acquire } from './token-source.ts';

type Settings = Pick<
  Config,
  'credential' | 'clientId' | 'tenant' | 'loginRoot' | 'authorityMetadata' | 'identityClientId'
>;

/** Audience of a managed identity's token that stands in for an application's secret (workload identity federation). */
const EXCHANGE_AUDIENCE = 'api://AzureADTokenExchange';

const toResource = (scope: string) => scope.replace(/\/\.default$/, '');

// MSAL is loaded with the first token: a webhook that only puts rings on the queue may never need it.
const loadMsal = () => import('@azure/msal-node');

/** Tokens of the managed identity; `IDENTITY_ENDPOINT` and `IDENTITY_HEADER` are read by MSAL itself. */
export function managedIdentity(clientId: string | undefined): Acquire {
  let application: ManagedIdentityApplication | undefined;
  return async (scope, claims) => {
    const { ManagedIdentityApplication } = await loadMsal();
    application ??= new ManagedIdentityApplication(
      clientId ? { managedIdentityIdParams: { userAssignedClientId: clientId } } : {},
    );
    return application.acquireToken({ resource: toResource(scope), ...(claims && { claims, forceRefresh: true }) });
  };
}

/** Tokens of an application: by secret, certificate, or a managed identity that it trusts. */
export function graphIdentity(settings: Settings): Acquire {
  const { credential, clientId, identityClientId } = settings;
  const identity = managedIdentity(identityClientId);
  if (credential.kind === 'managed-identity' || !clientId) return identity;
  let application: ConfidentialClientApplication | undefined;
  return async (scope, claims) => {
    application ??= await openApplication(settings, clientId, identity);
    return application.acquireTokenByClientCredential({ scopes: [scope], ...(claims && { claims }) });
  };
}

async function openApplication(
  settings: Settings,
  clientId: string,
  identity: Acquire,
): Promise<ConfidentialClientApplication> {
  const { ConfidentialClientApplication } = await loadMsal();
  const { credential, tenant, loginRoot, authorityMetadata } = settings;
  const auth = {
    clientId,
    authority: `${loginRoot}/${tenant}`,
    // CP1 asks for long-lived tokens that the service may challenge (continuous access evaluation).
    clientCapabilities: ['CP1'],
    ...(authorityMetadata && { authorityMetadata: wholeMetadata(authorityMetadata, loginRoot, tenant) }),
  };
  switch (credential.kind) {
    case 'secret':
      return new ConfidentialClientApplication({ auth: { ...auth, clientSecret: credential.secret } });
    case 'certificate':
      return new ConfidentialClientApplication({
        auth: { ...auth, clientCertificate: readCertificate(credential.pem) },
      });
    case 'federated':
    case 'managed-identity':
      return new ConfidentialClientApplication({
        auth: {
          ...auth,
          clientAssertion: async () => (await identity(EXCHANGE_AUDIENCE, undefined))?.accessToken ?? '',
        },
      });
  }
}

/** MSAL refuses metadata with the token endpoint alone (`empty_url_error`). */
function wholeMetadata(metadata: string, loginRoot: string, tenant: string): string {
  const defaults = {
    issuer: `${loginRoot}/${tenant}/v2.0`,
    authorization_endpoint: `${loginRoot}/${tenant}/oauth2/v2.0/authorize`,
  };
  return JSON.stringify({ ...defaults, ...JSON.parse(metadata) });
}

function readCertificate(pem: string) {
  const { certificate, privateKey } = pemParts(pem);
  // Bare hex: MSAL cuts a thumbprint with colons down to one byte without a word.
  const thumbprintSha256 = createHash('sha256').update(new X509Certificate(certificate).raw).digest('hex');
  return { thumbprintSha256, privateKey, x5c: certificate };
}
