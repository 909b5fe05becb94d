import { beforeEach, describe, expect, it } from 'vitest';
import type { SigningKey } from '../../shared/domain/client-state.ts';
import type { KeyRingStore } from '../../shared/ports.ts';
import { aSigningKey } from '../support/fakes/key-ring-fake.ts';

export interface KeyRingUnderTest {
  /** One more process with no memory, on the same blob. */
  open(): KeyRingStore;
  /** Replaces the keys in the blob. */
  write(keys: SigningKey[]): Promise<void>;
  now(): number;
  advance(ms: number): Promise<void>;
}

const MINUTE = 60_000;

/** Every key ring, fake or real, does this. `make` gives one without any key. */
export function keyRingContract(name: string, make: () => Promise<KeyRingUnderTest>): void {
  describe(`key ring: ${name}`, () => {
    let ring: KeyRingUnderTest;
    beforeEach(async () => {
      ring = await make();
    });

    it('has no keys before the first read', () => {
      expect(ring.open().current()).toBeUndefined();
    });

    it('makes the first key, and signs with it at once', async () => {
      const store = ring.open();
      const { signing, accepted } = await store.refresh();
      expect(accepted.get(signing.id)).toEqual(signing);
      expect(store.current()?.signing).toEqual(signing);
      expect(Buffer.from(signing.secret, 'base64url')).toHaveLength(32);
    });

    it('gives every process the same first key, even if they start together', async () => {
      const rings = await Promise.all([ring.open(), ring.open(), ring.open()].map((store) => store.refresh()));
      expect(new Set(rings.map(({ signing }) => signing.secret)).size).toBe(1);
    });

    it('counts keys as not loaded when the last read is half an hour old [F79]', async () => {
      const store = ring.open();
      await store.refresh();
      await ring.advance(30 * MINUTE - 1);
      expect(store.current()).toBeDefined();
      await ring.advance(1);
      expect(store.current()).toBeUndefined();
      await store.refresh();
      expect(store.current()).toBeDefined();
    });

    it('accepts a new key at once but signs with it only after an hour [F28, F79]', async () => {
      const old = aSigningKey('old', new Date(ring.now() - 90 * 86_400_000));
      const fresh = aSigningKey('fresh', new Date(ring.now()));
      await ring.write([fresh, old]);
      const store = ring.open();
      const before = await store.refresh();
      expect([before.signing.id, [...before.accepted.keys()].toSorted()]).toEqual(['old', ['fresh', 'old']]);
      await ring.advance(60 * MINUTE);
      expect((await store.refresh()).signing.id).toBe('fresh');
    });

    const DAY = 86_400_000;
    const ids = async () => [...(await ring.open().refresh()).accepted.keys()].toSorted();

    it('adds a key beside one that is 90 days old, and only one [F28, F79]', async () => {
      await ring.write([aSigningKey('old', new Date(ring.now() - 90 * DAY + 1_000))]);
      await ring.open().rotate(new Set(['old']));
      expect(await ids()).toEqual(['old']);
      await ring.advance(1_000);
      for (const store of [ring.open(), ring.open()]) await store.rotate(new Set(['old']));
      expect(await ids()).toHaveLength(2);
      expect(await ids()).toContain('old');
      expect((await ring.open().refresh()).signing.id).toBe('old');
    });

    it('drops a key that was replaced a week ago, unless a subscription is signed with it [F28, T04]', async () => {
      await ring.write([
        aSigningKey('old', new Date(ring.now() - 98 * DAY)),
        aSigningKey('older', new Date(ring.now() - 99 * DAY)),
        aSigningKey('now', new Date(ring.now() - 8 * DAY)),
      ]);
      await ring.open().rotate(new Set(['old', 'now']));
      expect(await ids()).toEqual(['now', 'old']);
    });

    it('keeps a replaced key for a week: notifications signed with it may still come [F03]', async () => {
      await ring.write([
        aSigningKey('old', new Date(ring.now() - 90 * DAY)),
        aSigningKey('now', new Date(ring.now() - 6 * DAY)),
      ]);
      await ring.open().rotate(new Set(['now']));
      expect(await ids()).toEqual(['now', 'old']);
    });

    it('rotates once when several processes do it at the same time', async () => {
      await ring.write([aSigningKey('old', new Date(ring.now() - 91 * DAY))]);
      await Promise.all([ring.open(), ring.open(), ring.open()].map((store) => store.rotate(new Set(['old']))));
      expect(await ids()).toHaveLength(2);
    });

    it('does not honour a key that was taken away [F79, T04]', async () => {
      await ring.write([aSigningKey('a', new Date(0)), aSigningKey('b', new Date(1))]);
      const store = ring.open();
      await store.refresh();
      await ring.write([aSigningKey('b', new Date(1))]);
      await store.refresh();
      expect([...(store.current()?.accepted.keys() ?? [])]).toEqual(['b']);
    });
  });
}
