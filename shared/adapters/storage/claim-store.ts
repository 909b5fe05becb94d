import { createHash } from 'node:crypto';
import { PermanentError } from '../../errors.ts';
import { Readable, Transform } from 'node:stream';
import type { ClaimStore } from '../../ports.ts';
import type { StorageAccount } from './connection.ts';
import { atStorage, isStatus } from './storage-failure.ts';

const CONTAINER = 'mail-content';
/** Create-only: a mail's content is never replaced under a consumer that holds its digest. */
const ONLY_IF_ABSENT = { conditions: { ifNoneMatch: '*' } };
const BLOCK_BYTES = 4 * 1024 * 1024;
/** Graph takes no larger mail in (outlook-large-attachments): anything beyond is an endless body. */
const MAX_BYTES = 400 * 1024 * 1024;

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
      await atStorage(async () => {
        const source = Readable.from(content);
        source.on('error', (error) => measured.destroy(error));
        try {
          await container.getBlockBlobClient(blob).uploadStream(source.pipe(measured), BLOCK_BYTES, 2, {
            ...ONLY_IF_ABSENT,
            blobHTTPHeaders: { blobContentType: contentType },
          });
        } catch (error) {
          if (!isStatus(error, 409)) throw error;
        }
      });
      return { container: CONTAINER, blob, contentType, size, sha256: hash.digest('hex') };
    },

    async erase(mailbox) {
      const container = await account.container(CONTAINER);
      let removed = 0;
      await atStorage(async () => {
        for await (const { name } of container.listBlobsFlat({ prefix: `${mailbox}/` })) {
          await container.deleteBlob(name);
          removed++;
        }
      });
      return removed;
    },
  };
}
