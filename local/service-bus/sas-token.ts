import { createHmac } from 'node:crypto';

/** The shared access rule clients sign their tokens with. */
export interface SasRule {
  readonly keyName: string;
  readonly key: string;
}

/** A key for local development only: the literal that Microsoft's own Service Bus emulator uses. It guards nothing. */
export const LOCAL_SAS_RULE: SasRule = { keyName: 'RootManageSharedAccessKey', key: 'SAS_KEY_VALUE' };

/**
 * Judges a shared access signature the way the service does. Returns the reason for a refusal, undefined when
 * the token is good for `audience` at `nowMs`.
 */
export function refuseSasToken(token: string, audience: string, rule: SasRule, nowMs: number): string | undefined {
  const [scheme, query] = token.split(' ', 2);
  if (scheme !== 'SharedAccessSignature' || query === undefined) return 'The token is not a shared access signature.';
  // Not URLSearchParams: the signature covers `sr` exactly as it was sent, still encoded.
  const fields = new Map<string, string>();
  for (const pair of query.split('&')) {
    const split = pair.indexOf('=');
    fields.set(pair.slice(0, split), pair.slice(split + 1));
  }
  const resource = fields.get('sr') ?? '';
  const expiry = fields.get('se') ?? '';
  const keyName = decode(fields.get('skn'));
  if (keyName !== rule.keyName) return `There is no shared access rule named "${keyName}".`;
  const signature = createHmac('sha256', rule.key).update(`${resource}\n${expiry}`).digest('base64');
  if (decode(fields.get('sig')) !== signature)
    return 'The signature does not match: the client uses another SharedAccessKey than this broker.';
  if (!(Number(expiry) * 1000 > nowMs)) return `The token expired at ${expiry} seconds since 1970.`;
  const covered = resourcePath(decode(resource));
  if (!isAtOrBelow(resourcePath(audience), covered)) return `The token is for "${covered}", not for "${audience}".`;
  return undefined;
}

/** The entity path of an audience such as `sb://host:port/crm-mail`, in lower case. */
export function resourcePath(audience: string): string {
  return audience
    .toLowerCase()
    .replace(/^[a-z]+:\/\/[^/]*/, '')
    .replace(/^\/+|\/+$/g, '');
}

/** Whether a right on `granted` reaches `path`: the namespace reaches all, an entity what lies below it. */
export function isAtOrBelow(path: string, granted: string): boolean {
  return granted === '' || path === granted || path.startsWith(`${granted}/`);
}

function decode(text: string | undefined): string {
  try {
    return decodeURIComponent(text ?? '');
  } catch {
    return '';
  }
}
