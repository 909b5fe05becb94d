import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { makeGraphDirectory } from '../../shared/adapters/graph/graph-directory.ts';
import { TransientError } from '../../shared/errors.ts';
import { USER, addFolder, emulator, failureOf, folderOf, openGraph, reset, strike, useGraph } from './graph-fixture.ts';

useGraph();

describe('the directory', () => {
  const GROUP = '0d6b5f1a-77aa-4a0e-9b0f-6f5c2d1e8a44';

  it('lists users only: no devices, no groups in the group', async () => {
    reset();
    emulator.control.setGroup({ id: randomUUID(), members: [] });
    const inner = randomUUID();
    emulator.control.setGroup({ id: inner, members: [] });
    emulator.control.setGroup({ id: GROUP, members: [randomUUID(), USER.id, inner] });
    expect(await makeGraphDirectory(openGraph()).listGroup(GROUP)).toEqual([USER]);
  });

  it('lists a group of several pages whole', async () => {
    reset();
    const users = Array.from({ length: 7 }, (_, number) => ({
      id: randomUUID(),
      address: `u${number}@contoso.example`,
    }));
    for (const user of users) emulator.control.addUser(user);
    emulator.control.setKnobs({ directoryPageSize: 3 });
    emulator.control.setGroup({ id: GROUP, members: users.map(({ id }) => id) });
    expect(await makeGraphDirectory(openGraph()).listGroup(GROUP)).toEqual(users);
  });

  it('rejects rather than list half a group', async () => {
    reset();
    const users = Array.from({ length: 4 }, (_, number) => ({
      id: randomUUID(),
      address: `u${number}@contoso.example`,
    }));
    for (const user of users) emulator.control.addUser(user);
    emulator.control.setKnobs({ directoryPageSize: 2 });
    emulator.control.setGroup({ id: GROUP, members: users.map(({ id }) => id) });
    strike({ kind: 'group', skip: 1, status: 500 });
    expect(await failureOf(makeGraphDirectory(openGraph()).listGroup(GROUP))).toBeInstanceOf(TransientError);
  });

  it.each([
    [403, 'no-access'],
    [404, 'not-found'],
    [400, 'not-found'],
  ])('gives %i for a user as %s', async (status, outcome) => {
    reset();
    strike({ kind: 'user', status });
    expect(await makeGraphDirectory(openGraph()).findMailbox(USER.address)).toBe(outcome);
  });

  it('rejects with TransientError while users cannot be looked up', async () => {
    reset();
    strike({ kind: 'user', status: 500 });
    expect(await failureOf(makeGraphDirectory(openGraph()).findMailbox(USER.address))).toBeInstanceOf(TransientError);
  });

  it('finds folders in any letter case, and beyond the first page', async () => {
    reset();
    let last = '';
    for (let number = 0; number < 110; number++) last = await addFolder(USER.id, `Folder ${number}`);
    const { findFolder } = makeGraphDirectory(openGraph());
    expect(await findFolder(USER.id, 'fOLDER 109')).toBe(last);
    expect(await findFolder(USER.id, 'Inbox')).toBe(await folderOf('inbox'));
  });

  it.each(['..', '.', '../../messages', 'inbox/../../..', 'inbox?$select=x', "inbox')/messages('", 'a#b', '%2e%2e'])(
    'is not led out of the folders by one of the name %s [T13]',
    async (name) => {
      reset();
      expect(await makeGraphDirectory(openGraph()).findFolder(USER.id, name)).toBeUndefined();
    },
  );

  it.each(['..', '.', '../groups', 'x?$select=id', 'x#y'])('finds no mailbox of the name %s [T13]', async (name) => {
    reset();
    expect(await makeGraphDirectory(openGraph()).findMailbox(name)).toBe('not-found');
  });

  it('is in no doubt when a list of folders fails: no folder is not the same as no answer', async () => {
    reset();
    strike({ kind: 'folder', skip: 1, status: 500 });
    expect(await failureOf(makeGraphDirectory(openGraph()).findFolder(USER.id, 'No where'))).toBeInstanceOf(
      TransientError,
    );
  });
});
