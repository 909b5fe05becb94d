import { BlobServiceClient } from '@azure/storage-blob';
import { expect, onTestFinished, test } from 'vitest';
import { startStorage } from '../../local/storage/storage.ts';

test('a list of blobs says by the clock that was moved when each was written', async () => {
  let now = Date.UTC(2026, 9, 12, 8);
  const storage = await startStorage({ now: () => now });
  onTestFinished(() => storage.close());
  const container = BlobServiceClient.fromConnectionString(storage.connectionString).getContainerClient('things');
  await container.create();
  await container.getBlockBlobClient('a/first').upload('1', 1);
  now += 5 * 86_400_000;
  await container.getBlockBlobClient('a/second').upload('2', 1);
  const times: [string, string | undefined][] = [];
  for await (const { name, properties } of container.listBlobsFlat({ prefix: 'a/' }))
    times.push([name, properties.lastModified.toISOString()]);
  expect(times).toEqual([
    ['a/first', '2026-10-12T08:00:00.000Z'],
    ['a/second', '2026-10-17T08:00:00.000Z'],
  ]);
});
