import { beforeEach, describe, expect, it } from 'vitest';
import type { Source, WatchedFolder } from '../../../shared/domain/watched-folder.ts';
import {
  makeWantedMailboxes,
  type MembershipSettings,
  unresolvedKey,
} from '../../../shared/use-cases/wanted-mailboxes.ts';
import { aFolder, MAILBOX } from '../../support/builders.ts';
import type { Gate } from '../../support/fakes/gate.ts';
import { makeWorld, START, type World } from '../../support/in-memory-ports.ts';
import { quietly } from '../../support/quiet-log.ts';

const SALES = 'sales@northwind.example';
const OTHER = '99999999-2222-4333-8444-555555555555';
const GROUP = '77777777-2222-4333-8444-555555555555';
const MINUTE = 60_000;

let world: World;
let gate: Gate;
let wanted: (rows?: WatchedFolder[]) => ReturnType<ReturnType<typeof makeWantedMailboxes>>;

function open(settings: Partial<MembershipSettings>) {
  const process = world.startProcess();
  gate = process.gate;
  const read = makeWantedMailboxes(process.ports, { mailboxes: [], groupId: undefined, ...settings }, () =>
    world.clock.now(),
  );
  wanted = (rows = []) => quietly([], () => read(rows));
}

beforeEach(() => {
  world = makeWorld();
  world.tenant.addUser(MAILBOX, SALES);
  world.tenant.addUser(OTHER, 'support@northwind.example');
});

const sourcesOf = async (rows?: WatchedFolder[]) =>
  Object.fromEntries((await wanted(rows)).wanted.map(({ id, source }) => [id, source]));
const row = (mailbox: string, source: Source, changes: Partial<WatchedFolder> = {}) =>
  aFolder({ mailbox, source, address: mailbox === MAILBOX ? SALES : 'support@northwind.example', ...changes });

describe('the mailboxes of the settings', () => {
  it('are found by address, and named as the setting names them', async () => {
    open({ mailboxes: ['SALES@northwind.example'] });
    expect(await wanted()).toEqual({
      wanted: [{ id: MAILBOX, address: 'SALES@northwind.example', source: 'settings' }],
      unresolved: [],
      waiting: [],
      complete: true,
    });
  });

  it('cost no look-up by object id, or once they are watched', async () => {
    open({ mailboxes: [OTHER.toUpperCase(), SALES] });
    const { wanted: found } = await wanted([row(MAILBOX, 'settings')]);
    expect(found.map(({ id }) => id).toSorted()).toEqual([MAILBOX, OTHER].toSorted());
    expect(gate.calls).toEqual([]);
  });

  it('that are named twice are wanted once', async () => {
    open({ mailboxes: [SALES, MAILBOX, SALES.toUpperCase()] });
    expect((await wanted()).wanted).toHaveLength(1);
  });

  it('that nobody knows are named with the reason, and not asked for again before their time', async () => {
    open({ mailboxes: ['typo@northwind.example'] });
    expect(await wanted()).toMatchObject({ unresolved: [{ address: 'typo@northwind.example', trouble: 'not-found' }] });
    const placeholder = aFolder({
      mailbox: unresolvedKey('typo@northwind.example'),
      address: 'typo@northwind.example',
      folderId: '',
      probeAt: new Date(START + MINUTE),
    });
    gate.calls.length = 0;
    expect(await wanted([placeholder])).toMatchObject({ unresolved: [], waiting: ['typo@northwind.example'] });
    expect(gate.calls).toEqual([]);
    await world.clock.advance(MINUTE);
    expect((await wanted([placeholder])).unresolved).toHaveLength(1);
  });

  it('that could not be asked for make the reading incomplete', async () => {
    open({ mailboxes: [SALES, OTHER] });
    gate.inject({ call: 'directory.findMailbox', kind: 'error' });
    const membership = await wanted();
    expect(membership.complete).toBe(false);
    expect(membership.wanted.map(({ id }) => id)).toEqual([OTHER]);
  });
});

describe('the members of the group', () => {
  beforeEach(() => {
    world.tenant.groups.set(GROUP, [...world.tenant.users]);
  });

  it('are wanted, but the settings win', async () => {
    open({ groupId: GROUP, mailboxes: [SALES] });
    expect(await sourcesOf()).toEqual({ [MAILBOX]: 'settings', [OTHER]: 'group' });
  });

  it('are read at most every ten minutes', async () => {
    open({ groupId: GROUP });
    await wanted();
    await world.clock.advance(10 * MINUTE - 1);
    await wanted();
    expect(gate.count('directory.listGroup')).toBe(1);
    await world.clock.advance(1);
    await wanted();
    expect(gate.count('directory.listGroup')).toBe(2);
  });

  it.each(['an error', 'an empty group'])('stay as they were after %s, and absence proves nothing', async (what) => {
    open({ groupId: GROUP });
    if (what === 'an error') gate.inject({ call: 'directory.listGroup', kind: 'error' });
    else world.tenant.groups.set(GROUP, []);
    const membership = await wanted([row(OTHER, 'group')]);
    expect(membership.wanted.map(({ id, source }) => ({ id, source }))).toEqual([{ id: OTHER, source: 'group' }]);
    expect(membership.complete).toBe(false);
  });

  it('who were stopped do not come back by a failed reading', async () => {
    open({ groupId: GROUP });
    gate.inject({ call: 'directory.listGroup', kind: 'error' });
    expect((await wanted([row(OTHER, 'group', { wanted: false })])).wanted).toEqual([]);
  });

  it('who left are not wanted any more', async () => {
    open({ groupId: GROUP });
    world.tenant.groups.set(GROUP, [{ id: MAILBOX, address: SALES }]);
    const membership = await wanted([row(OTHER, 'group')]);
    expect(membership.wanted.map(({ id }) => id)).toEqual([MAILBOX]);
    expect(membership.complete).toBe(true);
  });
});

describe('the mailboxes of an administrator', () => {
  it('stay until they are removed, whatever settings and group say', async () => {
    open({});
    expect(await sourcesOf([row(OTHER, 'admin')])).toEqual({ [OTHER]: 'admin' });
    expect(await sourcesOf([row(OTHER, 'admin', { wanted: false })])).toEqual({});
  });

  it('belong to the settings once they are named there', async () => {
    open({ mailboxes: ['support@northwind.example'] });
    expect(await sourcesOf([row(OTHER, 'admin')])).toEqual({ [OTHER]: 'settings' });
  });
});

it('the key of an address that is not resolved hides it and fits a table', () => {
  expect(unresolvedKey('Typo@northwind.example')).toBe(unresolvedKey('typo@NORTHWIND.example'));
  expect(unresolvedKey('typo@northwind.example')).toMatch(/^\?[\w-]{22}$/);
});
