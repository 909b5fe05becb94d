import { beforeEach, describe, expect, it } from 'vitest';
import { MailboxUnavailableError, type MailboxTrouble } from '../../shared/errors.ts';
import type { DirectoryMailbox, GraphDirectory } from '../../shared/ports.ts';

export interface DirectoryUnderTest {
  directory: GraphDirectory;
  addUser(user: DirectoryMailbox): void;
  setGroup(id: string, members: DirectoryMailbox[]): void;
  /** Adds a folder given by its path; returns its id. */
  addFolder(mailbox: string, path: string): Promise<string>;
  /** The folder of that well-known name. */
  inboxOf(mailbox: string): Promise<string>;
  refuse(mailbox: string, trouble: MailboxTrouble): void;
}

const AMARA = { id: '1e52b8d7-3a94-4c6f-8f20-d61b90e7a3c5', address: 'Amara@contoso.example' };
const SALES = { id: '94c0f3e6-7d18-4b52-a8ee-05f3c1b7d92a', address: 'sales@contoso.example' };
const GROUP = '0d6b5f1a-77aa-4a0e-9b0f-6f5c2d1e8a44';

/** Every directory, fake or real, does this. `make` gives an empty one. */
export function graphDirectoryContract(name: string, make: () => Promise<DirectoryUnderTest>): void {
  describe(`Graph directory: ${name}`, () => {
    let tenant: DirectoryUnderTest;
    beforeEach(async () => {
      tenant = await make();
      tenant.addUser(AMARA);
      tenant.addUser(SALES);
    });

    it.each([AMARA.id, AMARA.id.toUpperCase(), AMARA.address, AMARA.address.toUpperCase()])(
      'finds a mailbox by %s',
      async (addressOrId) => {
        expect(await tenant.directory.findMailbox(addressOrId)).toEqual(AMARA);
      },
    );

    it.each(['nobody@contoso.example', '00000000-0000-4000-8000-000000000000'])('does not find %s', async (nobody) => {
      expect(await tenant.directory.findMailbox(nobody)).toBe('not-found');
    });

    it('lists the members of a group', async () => {
      tenant.setGroup(GROUP, [SALES, AMARA]);
      const members = await tenant.directory.listGroup(GROUP);
      expect(members.toSorted((a, b) => a.id.localeCompare(b.id))).toEqual([AMARA, SALES]);
    });

    it('lists an empty group as empty', async () => {
      tenant.setGroup(GROUP, []);
      expect(await tenant.directory.listGroup(GROUP)).toEqual([]);
    });

    it('finds a folder by its well-known name', async () => {
      expect(await tenant.directory.findFolder(SALES.id, 'inbox')).toBe(await tenant.inboxOf(SALES.id));
    });

    it('finds a folder by its name, its path and its id', async () => {
      const top = await tenant.addFolder(SALES.id, 'Leads & more');
      const below = await tenant.addFolder(SALES.id, 'Leads & more/Köln #1');
      expect(await tenant.directory.findFolder(SALES.id, 'Leads & more')).toBe(top);
      expect(await tenant.directory.findFolder(SALES.id, 'Leads & more/Köln #1')).toBe(below);
      expect(await tenant.directory.findFolder(SALES.id, below)).toBe(below);
    });

    it.each(['Nowhere', 'inbox/Nowhere', 'Nowhere/At all'])('finds no folder %s', async (path) => {
      expect(await tenant.directory.findFolder(SALES.id, path)).toBeUndefined();
    });

    it.each(['no-access', 'not-found'] as const)(
      'says why the folders of a mailbox are out of reach: %s',
      async (why) => {
        tenant.refuse(SALES.id, why);
        const error = await tenant.directory.findFolder(SALES.id, 'inbox').then(
          () => undefined,
          (cause: unknown) => cause,
        );
        expect(error).toBeInstanceOf(MailboxUnavailableError);
        expect(error).toMatchObject({ trouble: why });
      },
    );
  });
}
