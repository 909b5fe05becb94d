import { createHash } from 'node:crypto';
import type { ClaimStore, Clock } from '../../../shared/ports.ts';
import type { Gate } from './gate.ts';

const CONTAINER = 'mail-content';

/** Blobs by name. */
export class FakeBlobs {
  readonly blobs = new Map<string, { contentType: string; content: Buffer; storedAt: Date }>();
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  putNew(name: string, contentType: string, content: Buffer): void {
    const storedAt = new Date(this.#clock.now());
    if (!this.blobs.has(name)) this.blobs.set(name, { contentType, content, storedAt });
  }
}

/** The port as one process sees it. */
export const fakeClaimStore = (store: FakeBlobs, gate: Gate): ClaimStore => ({
  container: CONTAINER,

  put: ({ claimCheck, content }) =>
    gate.pass('claims.put', () => store.putNew(claimCheck.blob, claimCheck.contentType, content)),

  async copy(blob, contentType, content) {
    const chunks: Uint8Array[] = [];
    for await (const chunk of content) chunks.push(chunk);
    return gate.pass('claims.copy', () => {
      store.putNew(blob, contentType, Buffer.concat(chunks));
      const stored = store.blobs.get(blob);
      const bytes = stored?.content ?? Buffer.alloc(0);
      const sha256 = createHash('sha256').update(bytes).digest('hex');
      return {
        container: CONTAINER,
        blob,
        contentType: stored?.contentType ?? contentType,
        size: bytes.length,
        sha256,
      };
    });
  },

  visit: (mailbox, page) =>
    gate
      .pass('claims.visit', () =>
        [...store.blobs]
          .filter(([blob]) => blob.startsWith(`${mailbox}/`))
          .map(([blob, { storedAt }]) => ({ blob, storedAt })),
      )
      .then(page),

  remove: (blob) =>
    gate.pass('claims.remove', () => {
      store.blobs.delete(blob);
    }),

  erase: (mailbox) =>
    gate.pass('claims.erase', () => {
      const names = [...store.blobs.keys()].filter((name) => name.startsWith(`${mailbox}/`));
      for (const name of names) store.blobs.delete(name);
      return names.length;
    }),
});
