import type { Config } from '../config.ts';

type Settings = Pick<Config, 'admin' | 'tenant' | 'loginRoot'>;
type Verdict = 'unauthorized' | 'forbidden' | undefined;

/**
 * Who may use the admin routes, beyond the function key: with ADMIN_AUDIENCE set, whoever has an Entra token of this
 * tenant for that audience and, with ADMIN_ROLE, that app role. Keys come from the tenant's own key endpoint only.
 */
export function makeAuthorize({
  admin,
  tenant,
  loginRoot,
}: Settings): (authorization: string | null) => Promise<Verdict> {
  if (!admin) return () => Promise.resolve(undefined);
  const { audience, role } = admin;
  const issuers = [`${loginRoot}/${tenant}/v2.0`, `https://sts.windows.net/${tenant}/`];
  const keysUrl = new URL(`${loginRoot}/${tenant}/discovery/v2.0/keys`);
  const load = async () => {
    const { createRemoteJWKSet, jwtVerify } = await import('jose');
    return { keys: createRemoteJWKSet(keysUrl), jwtVerify };
  };
  let loaded: ReturnType<typeof load> | undefined;

  return async (authorization) => {
    const token = /^Bearer ([\w.-]+)$/i.exec(authorization ?? '')?.[1];
    if (!token) return 'unauthorized';
    loaded ??= load();
    const { keys, jwtVerify } = await loaded;
    const claims = await jwtVerify(token, keys, {
      algorithms: ['RS256'],
      audience,
      issuer: issuers,
      clockTolerance: 60,
    }).then(
      ({ payload }) => payload,
      (error: unknown) => {
        // An invalid token has a code of its own; a key endpoint that does not answer is not the caller's fault.
        if (
          error instanceof Error &&
          'code' in error &&
          error.code !== 'ERR_JOSE_GENERIC' &&
          error.code !== 'ERR_JWKS_TIMEOUT'
        )
          return undefined;
        throw error;
      },
    );
    if (!claims) return 'unauthorized';
    const roles = Array.isArray(claims.roles) ? claims.roles : [];
    return role && !roles.includes(role) ? 'forbidden' : undefined;
  };
}
