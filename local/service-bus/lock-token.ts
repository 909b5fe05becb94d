/**
 * A lock token is a uuid. As a delivery tag it has .NET's byte order (the first three groups reversed); in
 * management requests it has the order of RFC 9562.
 */

/** The delivery tag of a lock. */
export function lockTokenToTag(token: string): Buffer {
  return swapGroups(lockTokenToUuid(token));
}

/** The lock a delivery tag stands for; undefined when it is no tag of this broker. */
export function tagToLockToken(tag: Buffer | string): string | undefined {
  return Buffer.isBuffer(tag) && tag.length === 16 ? uuidToLockToken(swapGroups(tag)) : undefined;
}

export function lockTokenToUuid(token: string): Buffer {
  return Buffer.from(token.replaceAll('-', ''), 'hex');
}

export function uuidToLockToken(uuid: Buffer): string {
  const hex = uuid.toString('hex');
  const groups = [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)];
  return groups.join('-');
}

function swapGroups(uuid: Buffer): Buffer {
  const swapped = Buffer.from(uuid);
  swapped.subarray(0, 4).reverse();
  swapped.subarray(4, 6).reverse();
  swapped.subarray(6, 8).reverse();
  return swapped;
}
