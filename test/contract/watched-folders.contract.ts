import { beforeEach, describe, expect, it } from 'vitest';
import type { WatchedFolders } from '../../shared/ports.ts';
import { aFolder, MAILBOX } from '../support/builders.ts';

const OTHER = '22222222-2222-4333-8444-555555555555';
const NOW = new Date('2026-10-12T08:00:00Z');

/** Every store of watched folders, fake or real, does this. `make` gives an empty one. */
export function watchedFoldersContract(name: string, make: () => Promise<WatchedFolders>): void {
  describe(`watched folders: ${name}`, () => {
    let folders: WatchedFolders;
    beforeEach(async () => {
      folders = await make();
    });

    const full = aFolder({
      subscription: 'sub-1',
      expiresAt: new Date('2026-10-19T08:00:00Z'),
      renewAt: new Date('2026-10-15T20:00:00Z'),
      patchedAt: NOW,
      missingSince: NOW,
      reason: 'no access: grant this app Mail.Read',
    });

    it('gives a row back as it was created', async () => {
      expect(await folders.create(full)).toBe(true);
      expect(await folders.get(full)).toEqual(full);
      expect(await folders.list()).toEqual([full]);
    });

    it('gives a row back whose optional parts are not set', async () => {
      const bare = aFolder({ keyId: undefined });
      await folders.create(bare);
      expect(await folders.get(bare)).toEqual(bare);
    });

    it('creates a row only once [F63]', async () => {
      await folders.create(full);
      expect(await folders.create({ ...full, state: 'stopped' })).toBe(false);
      expect((await folders.get(full))?.state).toBe('active');
    });

    it('knows no row that nobody created', async () => {
      expect(await folders.get(full)).toBeUndefined();
      expect(await folders.list()).toEqual([]);
    });

    it('stores rows of addresses and folders that were not found, whatever their names hold [T14]', async () => {
      const rows = [
        aFolder({ mailbox: '?9aFt-_x', folder: 'mailbox', folderId: '' }),
        aFolder({ folder: '?Inbox/Sales & more=%"\'#\\ü', folderId: '' }),
      ];
      for (const row of rows) expect(await folders.create(row)).toBe(true);
      expect((await folders.list()).toSorted((a, b) => (a.mailbox < b.mailbox ? -1 : 1))).toEqual(
        rows.toSorted((a, b) => (a.mailbox < b.mailbox ? -1 : 1)),
      );
      for (const row of rows) expect(await folders.get(row)).toEqual(row);
    });

    it('lists the rows of one mailbox', async () => {
      const sales = aFolder({ folder: 'f-sales' });
      for (const row of [full, sales, aFolder({ mailbox: OTHER })]) await folders.create(row);
      const listed = await folders.list({ mailbox: MAILBOX });
      expect(listed.map((row) => row.folder).toSorted()).toEqual([full.folder, 'f-sales'].toSorted());
    });

    it('changes what is named, clears what is undefined and returns the row as it is then', async () => {
      await folders.create(full);
      const changes = { state: 'suspended' as const, subscription: undefined, expiresAt: undefined, probes: 2 };
      expect(await folders.update(full, () => changes)).toEqual({ ...full, ...changes });
      expect(await folders.get(full)).toEqual({ ...full, ...changes });
    });

    it('leaves the row when the change declines, and does nothing where there is none', async () => {
      await folders.create(full);
      expect(await folders.update(full, () => undefined)).toBeUndefined();
      expect(await folders.update({ mailbox: OTHER, folder: 'f' }, () => ({ probes: 9 }))).toBeUndefined();
      expect(await folders.get(full)).toEqual(full);
    });

    it('loses no change of two who update at the same time [F63]', async () => {
      await folders.create(full);
      await Promise.all([
        ...[1, 2, 3].map(() => folders.update(full, (row) => ({ probes: row.probes + 1 }))),
        folders.update(full, () => ({ reason: 'changed' })),
      ]);
      expect(await folders.get(full)).toEqual({ ...full, probes: 3, reason: 'changed' });
    });

    it('gives a claim to one of many who want it [F23, F63]', async () => {
      await folders.create(full);
      const claims = await Promise.all(
        ['a', 'b', 'c', 'd'].map((claim) => folders.update(full, (row) => (row.claim === '' ? { claim } : undefined))),
      );
      const winners = claims.filter((row) => row !== undefined);
      expect(winners).toHaveLength(1);
      expect((await folders.get(full))?.claim).toBe(winners[0]?.claim);
    });

    it('touches times without reading, and creates nothing by that', async () => {
      await folders.create(full);
      await folders.touch(full, { rungAt: NOW });
      await folders.touch({ mailbox: OTHER, folder: 'f' }, { rungAt: NOW });
      expect(await folders.list()).toEqual([{ ...full, rungAt: NOW }]);
    });

    it('removes a row, also one that is gone', async () => {
      await folders.create(full);
      await folders.remove(full);
      await folders.remove(full);
      expect(await folders.list()).toEqual([]);
    });

    it('remembers when an orphan was seen first, beside the rows', async () => {
      const later = new Date(NOW.getTime() + 1_800_000);
      expect(await folders.sightOrphan('sub-9', NOW)).toEqual(NOW);
      expect(await folders.sightOrphan('sub-9', later)).toEqual(NOW);
      expect(await folders.list()).toEqual([]);
      await folders.forgetOrphan('sub-9');
      await folders.forgetOrphan('sub-9');
      expect(await folders.sightOrphan('sub-9', later)).toEqual(later);
    });
  });
}
