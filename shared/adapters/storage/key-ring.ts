import { randomBytes } from 'node:crypto';
import * as z from 'zod';
import type { KeyRing, SigningKey } from '../../domain/client-state.ts';
import { rotateKeys, toKeyRing } from '../../domain/key-ring.ts';
import { TransientError } from '../../errors.ts';
import { log } from '../../log.ts';
import type { KeyRingStore } from '../../ports.ts';
import type { StorageAccount } from './connection.ts';
import { atStorage, isStatus } from './storage-failure.ts';

const CONTAINER = 'key-ring';
const BLOB = 'client-state-keys.json';
/** Keys this old count as not loaded: a key that was withdrawn must not be honoured for ever. */
const STALE_MS = 30 * 60_000;

const ringSchema = z.object({
  version: z.literal(1),
  keys: z
    .array(z.object({ id: z.string().regex(/^\w{1,8}$/), secret: z.string().min(43), createdAt: z.iso.datetime() }))
    .min(1),
});

const newKey = (now: number): SigningKey => ({
  id: randomBytes(3).toString('hex'),
  secret: randomBytes(32).toString('base64url'),
  createdAt: new Date(now).toISOString(),
});

const encode = (keys: SigningKey[]) => JSON.stringify({ version: 1, keys });

function decode(content: Buffer): SigningKey[] {
  try {
    return ringSchema.parse(JSON.parse(content.toString('utf8'))).keys;
  } catch {
    // Without the cause: an error about JSON quotes it, and here that would be a key.
    throw new TransientError('keys:unreadable');
  }
}

/** The clientState keys, in one blob that is created once and read by identity: no secret in any setting. */
export function makeKeyRing(account: StorageAccount, now: () => number): KeyRingStore {
  let loaded: { ring: KeyRing; at: number } | undefined;
  let pending: Promise<KeyRing> | undefined;

  const openBlob = async () => (await account.container(CONTAINER)).getBlockBlobClient(BLOB);

  async function read(): Promise<KeyRing> {
    const blob = await openBlob();
    const content = await atStorage(async () => {
      const first = encode([newKey(now())]);
      try {
        return await blob.downloadToBuffer();
      } catch (error) {
        if (!isStatus(error, 404)) throw error;
      }
      try {
        await blob.upload(first, Buffer.byteLength(first), { conditions: { ifNoneMatch: '*' } });
      } catch (error) {
        // Another instance was first; its key counts.
        if (!isStatus(error, 409) && !isStatus(error, 412)) throw error;
      }
      return blob.downloadToBuffer();
    });
    const ring = toKeyRing(decode(content), now());
    if (!ring) throw new TransientError('keys:none');
    loaded = { ring, at: now() };
    return ring;
  }

  return {
    current: () => (loaded && now() - loaded.at < STALE_MS ? loaded.ring : undefined),
    pending: () => pending?.catch(() => undefined) ?? Promise.resolve(undefined),
    refresh() {
      pending ??= read().finally(() => {
        pending = undefined;
      });
      return pending;
    },
    async rotate(named) {
      const blob = await openBlob();
      await atStorage(async () => {
        try {
          const { etag } = await blob.getProperties();
          const conditions = { ifMatch: etag };
          const keys = decode(await blob.downloadToBuffer(0, undefined, { conditions }));
          const next = rotateKeys(keys, named, now(), () => newKey(now()));
          if (!next) return;
          const text = encode(next);
          await blob.upload(text, Buffer.byteLength(text), { conditions });
          log('info', 'clientState keys rotated', { count: next.length });
        } catch (error) {
          // Another instance was first, or no key was ever read; what is left to do is done with the next turn.
          if (!isStatus(error, 412) && !isStatus(error, 404)) throw error;
        }
      });
    },
  };
}
