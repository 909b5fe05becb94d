import { createHash } from 'node:crypto';
import type { BlobServiceClient } from '@azure/storage-blob';
import * as z from 'zod';
import type { MailEvent } from '../../../shared/domain/mail-event.ts';

const claimCheck = z.looseObject({ container: z.string(), blob: z.string(), size: z.number(), sha256: z.string() });

function claimChecksIn(value: unknown): z.infer<typeof claimCheck>[] {
  if (typeof value !== 'object' || value === null) return [];
  const found = claimCheck.safeParse(value);
  if (found.success) return [found.data];
  return Object.values(value).flatMap(claimChecksIn);
}

/** Fetches every blob that an event refers to, as the CRM does; says which is missing or not what was promised. */
export async function findBlobFaults(blobs: BlobServiceClient, event: MailEvent): Promise<string[]> {
  const faults = await Promise.all(
    claimChecksIn(event.data).map(async ({ container, blob, size, sha256 }) => {
      try {
        const bytes = await blobs.getContainerClient(container).getBlobClient(blob).downloadToBuffer();
        const digest = createHash('sha256').update(bytes).digest('hex');
        return bytes.length === size && digest === sha256 ? [] : [`the content of blob ${blob} is another`];
      } catch (error) {
        return [`blob ${blob} cannot be read: ${error instanceof Error ? error.message : String(error)}`];
      }
    }),
  );
  return faults.flat();
}
