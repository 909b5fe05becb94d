import { createHash } from 'node:crypto';
import { beforeEach, describe, expect, it } from 'vitest';
import { claimCheckFor } from '../../shared/domain/mail-event.ts';
import type { ClaimStore } from '../../shared/ports.ts';

export interface ClaimStoreUnderTest {
  store: ClaimStore;
  read(blob: string): Promise<{ content: Buffer; contentType: string | undefined } | undefined>;
}

const sha256 = (content: Buffer) => createHash('sha256').update(content).digest('hex');
const streamOf = (...chunks: Buffer[]) => ReadableStream.from<Uint8Array>(chunks);
let numbers = 0;

/** Every claim store, fake or real, does this. */
export function claimStoreContract(name: string, make: () => Promise<ClaimStoreUnderTest>): void {
  describe(`claim store: ${name}`, () => {
    let blobs: ClaimStoreUnderTest;
    let mailbox: string;
    beforeEach(async () => {
      blobs = await make();
      mailbox = `mailbox-${++numbers}`;
    });

    const aPart = (text: string, blob = `${mailbox}/d-1/body`) => {
      const content = Buffer.from(text);
      return { claimCheck: claimCheckFor(blobs.store.container, blob, 'text/html; charset=utf-8', content), content };
    };

    it('stores a part under the name of its claim check', async () => {
      const part = aPart('<p>grüße</p>');
      await blobs.store.put(part);
      expect(await blobs.read(part.claimCheck.blob)).toEqual({
        content: part.content,
        contentType: 'text/html; charset=utf-8',
      });
    });

    it('takes the same part again [F68]', async () => {
      const part = aPart('same');
      await blobs.store.put(part);
      await expect(blobs.store.put(part)).resolves.toBeUndefined();
    });

    it('never replaces what is stored [F69]', async () => {
      await blobs.store.put(aPart('first'));
      await blobs.store.put(aPart('second'));
      expect((await blobs.read(aPart('').claimCheck.blob))?.content.toString()).toBe('first');
    });

    it('copies a stream and says what was stored [F69, T20]', async () => {
      const chunks = [Buffer.from('one '), Buffer.alloc(300_000, 'x'), Buffer.from(' end')];
      const whole = Buffer.concat(chunks);
      const blob = `${mailbox}/d-1/mime`;
      expect(await blobs.store.copy(blob, 'message/rfc822', streamOf(...chunks))).toEqual({
        container: blobs.store.container,
        blob,
        contentType: 'message/rfc822',
        size: whole.length,
        sha256: sha256(whole),
      });
      expect(await blobs.read(blob)).toEqual({ content: whole, contentType: 'message/rfc822' });
    });

    it('copies an empty stream', async () => {
      const claimCheck = await blobs.store.copy(`${mailbox}/d-1/empty`, 'text/plain', streamOf());
      expect(claimCheck).toMatchObject({ size: 0, sha256: sha256(Buffer.alloc(0)) });
    });

    it('copies a stream of several blocks', async () => {
      const chunks = Array.from({ length: 9 }, (_, index) => Buffer.alloc(1_000_000, String(index)));
      const claimCheck = await blobs.store.copy(`${mailbox}/d-1/large`, 'text/plain', streamOf(...chunks));
      expect(claimCheck).toMatchObject({ size: 9_000_000, sha256: sha256(Buffer.concat(chunks)) });
      expect((await blobs.read(claimCheck.blob))?.content.length).toBe(9_000_000);
    });

    it('describes what is stored when a second copy brings something else [F69]', async () => {
      const blob = `${mailbox}/d-1/mime`;
      const first = await blobs.store.copy(blob, 'message/rfc822', streamOf(Buffer.from('boundary one')));
      const second = await blobs.store.copy(blob, 'message/rfc822', streamOf(Buffer.from('another boundary')));
      expect(second).toEqual(first);
      expect((await blobs.read(blob))?.content.toString()).toBe('boundary one');
    });

    it('stores nothing of a stream that breaks off [F70]', async () => {
      const broken = new ReadableStream<Uint8Array>({
        start(controller) {
          controller.enqueue(Buffer.from('half'));
        },
        pull(controller) {
          controller.error(new Error('connection reset'));
        },
      });
      await expect(blobs.store.copy(`${mailbox}/d-1/half`, 'text/plain', broken)).rejects.toThrow();
      expect(await blobs.read(`${mailbox}/d-1/half`)).toBeUndefined();
    });

    it('shows every blob of a mailbox with the time it was stored, and removes one [T29]', async () => {
      const names = ['d-1/body', 'd-2/mime'].map((rest) => `${mailbox}/${rest}`);
      for (const blob of [...names, `${mailbox}0/d-1/body`]) await blobs.store.put(aPart('x', blob));
      const shown: { blob: string; storedAt: Date }[] = [];
      const look = () =>
        blobs.store.visit(mailbox, (page) => {
          shown.push(...page);
          return Promise.resolve();
        });
      await look();
      expect(shown.map(({ blob }) => blob)).toEqual(names);
      expect(shown.every(({ storedAt }) => storedAt instanceof Date && storedAt.getTime() > 1e12)).toBe(true);
      for (let turn = 0; turn < 2; turn++) await blobs.store.remove(names[0] ?? '');
      shown.length = 0;
      await look();
      expect(shown.map(({ blob }) => blob)).toEqual(names.slice(1));
    });

    it('erases all of a mailbox and nothing of others [T29]', async () => {
      const mine = ['d-1/body', 'd-2/mime'].map((rest) => aPart('x', `${mailbox}/${rest}`));
      const other = aPart('x', `${mailbox}0/d-1/body`);
      for (const part of [...mine, other]) await blobs.store.put(part);
      expect(await blobs.store.erase(mailbox)).toBe(2);
      expect(await blobs.store.erase(mailbox)).toBe(0);
      for (const part of mine) expect(await blobs.read(part.claimCheck.blob)).toBeUndefined();
      expect(await blobs.read(other.claimCheck.blob)).toBeDefined();
    });
  });
}
