import { createHash } from 'node:crypto';
import { Readable, Transform } from 'node:stream';
import type { BlockBlobClient } from '@azure/storage-blob';
import { PermanentError } from '../../errors.ts';
import type { ClaimStore } from '../../ports.ts';
import type { StorageAccount } from './connection.ts';
import { atStorage, isStatus } from './storage-failure.ts';

const CONTAINER = 'mail-content';
/** Create-only: a mail's content is never replaced under a consumer that holds its digest. */
const ONLY_IF_ABSENT = { conditions: { ifNoneMatch: '*' } };
/** The most that one answer holds (list-blobs). */
const BLOBS_OF_A_PAGE = 5_000;
const BLOCK_BYTES = 4 * 1024 * 1024;
/** Graph takes no larger mail in (outlook-large-attachments): anything beyond is an endless body. */
const MAX_BYTES = 400 * 1024 * 1024;

async function digestOf(blob: BlockBlobClient): Promise<{ size: number; sha256: string }> {
  const hash = createHash('sha256');
  let size = 0;
  const { readableStreamBody } = await blob.download();
  for await (const chunk of readableStreamBody ?? []) {
    const bytes = Buffer.from(chunk);
    hash.update(bytes);
    size += bytes.length;
  }
  return { size, sha256: hash.digest('hex') };
}

/** Blobs for claim checks: `<mailbox>/<ledger key>/<part>` in container `mail-content`. */
export function makeClaimStore(account: StorageAccount): ClaimStore {
  return {
    container: CONTAINER,

    async put({ claimCheck, content }) {
      const container = await account.container(CONTAINER);
      await atStorage(async () => {
        try {
          const blobHTTPHeaders = { blobContentType: claimCheck.contentType };
          await container
            .getBlockBlobClient(claimCheck.blob)
            .upload(content, content.length, { ...ONLY_IF_ABSENT, blobHTTPHeaders });
        } catch (error) {
          // There from an earlier try with the same content: names depend on mail and part, content on the mail.
          if (!isStatus(error, 409)) throw error;
        }
      });
    },

    async copy(blob, contentType, content) {
      const hash = createHash('sha256');
      let size = 0;
      const measured = new Transform({
        transform(chunk: Buffer, _encoding, done) {
          hash.update(chunk);
          size += chunk.length;
          if (size > MAX_BYTES) done(new PermanentError('content-too-large'));
          else done(null, chunk);
        },
      });
      const container = await account.container(CONTAINER);
      const target = container.getBlockBlobClient(blob);
      return atStorage(async () => {
        const source = Readable.from(content);
        source.on('error', (error) => measured.destroy(error));
        try {
          await target.uploadStream(source.pipe(measured), BLOCK_BYTES, 2, {
            ...ONLY_IF_ABSENT,
            blobHTTPHeaders: { blobContentType: contentType },
          });
          return { container: CONTAINER, blob, contentType, size, sha256: hash.digest('hex') };
        } catch (error) {
          if (!isStatus(error, 409)) throw error;
          // Stored by an earlier try: Graph may render a mail anew each time, so the digest is that of what is stored.
          return { container: CONTAINER, blob, contentType, ...(await digestOf(target)) };
        }
      });
    },

    async visit(mailbox, page) {
      const container = await account.container(CONTAINER);
      const pages = container.listBlobsFlat({ prefix: `${mailbox}/` }).byPage({ maxPageSize: BLOBS_OF_A_PAGE });
      for (;;) {
        const next = await atStorage(() => pages.next());
        if (next.done) return;
        const items = next.value.segment.blobItems;
        await page(
          items.map(({ name, properties }) => ({
            blob: name,
            storedAt: properties.createdOn ?? properties.lastModified,
          })),
        );
      }
    },

    async remove(blob) {
      const container = await account.container(CONTAINER);
      await atStorage(() => container.getBlobClient(blob).deleteIfExists());
    },

    async erase(mailbox) {
      const container = await account.container(CONTAINER);
      let removed = 0;
      await atStorage(async () => {
        for await (const { name } of container.listBlobsFlat({ prefix: `${mailbox}/` })) {
          await container.getBlobClient(name).deleteIfExists();
          removed++;
        }
      });
      return removed;
    },
  };
}
