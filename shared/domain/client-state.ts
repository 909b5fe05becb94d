import { createHmac, timingSafeEqual } from 'node:crypto';

/** What a clientState vouches for. */
export interface SubscriptionSlot {
  tenant: string;
  /** Object id of the mailbox, lower case. */
  mailbox: string;
  /** Short hash of the mail folder. */
  folder: string;
}

/** One secret for signing clientStates. `secret` is base64url, 32 bytes. */
export interface SigningKey {
  id: string;
  secret: string;
  createdAt: string;
}

/** Keys that are accepted, and the one that signs. */
export interface KeyRing {
  signing: SigningKey;
  accepted: ReadonlyMap<string, SigningKey>;
}

export type Verdict = { genuine: true; mailbox: string; folder: string; keyId: string } | { genuine: false };

const VERSION = '1';
const GUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

const packGuid = (guid: string) => Buffer.from(guid.replaceAll('-', ''), 'hex').toString('base64url');

const unpackGuid = (packed: string) => {
  const hex = Buffer.from(packed, 'base64url').toString('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
};

const mac = (secret: string, tenant: string, head: string) =>
  createHmac('sha256', Buffer.from(secret, 'base64url')).update(`${tenant.toLowerCase()}\n${head}`).digest();

/**
 * The secret of one subscription, derived instead of stored, so that a notification is judged without any I/O.
 * Form `1.<key id>.<mailbox, 22>.<folder, 11>.<HMAC-SHA256, 43>`: 86 to 88 of the 128 characters that Graph allows
 * (subscription resource, `clientState`).
 */
export function signClientState(key: SigningKey, slot: SubscriptionSlot): string {
  const mailbox = slot.mailbox.toLowerCase();
  if (!GUID.test(mailbox)) throw new TypeError('a clientState needs the object id of the mailbox');
  const head = [VERSION, key.id, packGuid(mailbox), slot.folder].join('.');
  return `${head}.${mac(key.secret, slot.tenant, head).toString('base64url')}`;
}

/**
 * Tells whether `clientState` was made by us for this tenant, and for which mailbox and folder.
 * The comparison takes the same time for any wrong value of the right form.
 */
export function verifyClientState(keys: KeyRing, tenant: string, clientState: unknown): Verdict {
  if (typeof clientState !== 'string' || clientState.length > 128) return { genuine: false };
  const [version, keyId, mailbox, folder, given, ...rest] = clientState.split('.');
  if (version !== VERSION || !keyId || !mailbox || !folder || !given || rest.length > 0) return { genuine: false };
  if (mailbox.length !== 22 || given.length !== 43) return { genuine: false };
  const key = keys.accepted.get(keyId);
  if (!key) return { genuine: false };
  // As texts: base64 has several spellings for the same bytes.
  const expected = mac(key.secret, tenant, [version, keyId, mailbox, folder].join('.')).toString('base64url');
  const bytes = Buffer.from(given);
  if (bytes.length !== expected.length || !timingSafeEqual(bytes, Buffer.from(expected))) return { genuine: false };
  return { genuine: true, mailbox: unpackGuid(mailbox), folder, keyId };
}
