import { describe, expect, it } from 'vitest';
import { TransientError } from '../../../shared/errors.ts';
import { oneMailbox, startApp, watchMailbox } from '../../support/app-under-test.ts';
import { MAILBOX } from '../../support/builders.ts';
import { makeWorld } from '../../support/in-memory-ports.ts';
import { passMinutes, startAppNow } from '../../support/passing-time.ts';

const ADDRESS = 'sales@northwind.example';

/** The watched inbox as an administrator sees it. */
async function shown(app: ReturnType<typeof startApp>, name = MAILBOX) {
  const report = await app.manageMailboxes.report(name);
  return report?.folders[0];
}

describe('a mailbox that could not be read for a while', () => {
  it('is shown as failing, with the code and the operator’s move', async () => {
    const { world } = oneMailbox();
    const app = startApp(world, { mailboxes: [ADDRESS] });
    app.gate.inject({ call: 'mail.openChain', kind: 'error', error: () => new TransientError('graph:500:oops') });
    await passMinutes(world, app, 60);
    const folder = await shown(app);
    expect(folder).toMatchObject({ state: 'failing', move: 'operator' });
    expect(folder?.reason).toContain('graph:500:oops');
  });

  it('is shown as active again, with no reason left, once it was read', async () => {
    const { world } = oneMailbox();
    const app = startApp(world, { mailboxes: [ADDRESS] });
    app.gate.inject({ call: 'mail.openChain', kind: 'error', error: () => new TransientError('graph:500:oops') });
    await passMinutes(world, app, 60);
    app.gate.mend();
    await passMinutes(world, app, 25);
    expect(await shown(app)).toMatchObject({ state: 'active', reason: '', move: 'none' });
  });

  it('says since when, and not since the last try', async () => {
    const { world } = oneMailbox();
    const app = startApp(world, { mailboxes: [ADDRESS] });
    const startedAt = world.clock.now();
    app.gate.inject({ call: 'mail.openChain', kind: 'error', error: () => new TransientError('graph:500:oops') });
    await passMinutes(world, app, 180);
    const since = Date.parse((await shown(app))?.since ?? '');
    expect(since - startedAt).toBeLessThan(3_600_000);
  });

  it('is not shown as failing for one hiccup', async () => {
    const { world } = oneMailbox();
    const app = startApp(world, { mailboxes: [ADDRESS] });
    app.gate.inject({ call: 'mail.openChain', nth: 1, kind: 'error' });
    await passMinutes(world, app, 15);
    expect(await shown(app)).toMatchObject({ state: 'active' });
    expect(world.folders.all().map((row) => row.since.getTime())).toEqual([Date.parse('2026-10-12T08:00:00Z')]);
  });

  it('stays suspended where Graph refuses it, although other requests fail as well', async () => {
    const { world } = oneMailbox();
    const app = startApp(world, { mailboxes: [ADDRESS] });
    world.mailboxes.troubles.set(MAILBOX, 'no-access');
    await passMinutes(world, app, 20);
    expect(await shown(app)).toMatchObject({ state: 'suspended', move: 'administrator' });
  });
});

describe('a fresh installation whose token is refused', () => {
  it('shows each mailbox of the settings with the reason [F79]', async () => {
    const world = makeWorld();
    const app = startAppNow(world, { mailboxes: [ADDRESS] });
    const error = () => new TransientError('token:invalid_client');
    app.gate.inject({ call: 'directory.findMailbox', kind: 'error', error });
    await passMinutes(world, app, 3);
    expect(await app.manageMailboxes.list()).toMatchObject([{ address: ADDRESS }]);
    const folder = await shown(app, ADDRESS);
    expect(folder?.state).toMatch(/^(starting|failing)$/);
    expect(folder?.reason).toContain('token:invalid_client');
    expect(folder?.move).toBe('operator');
  });

  it('watches the mailbox within minutes once the token is given, and leaves no other row [F79]', async () => {
    const world = makeWorld();
    world.tenant.addUser(MAILBOX, ADDRESS);
    const app = startAppNow(world, { mailboxes: [ADDRESS] });
    const error = () => new TransientError('token:invalid_client');
    app.gate.inject({ call: 'directory.findMailbox', kind: 'error', error });
    await passMinutes(world, app, 120);
    app.gate.mend();
    await passMinutes(world, app, 5);
    expect(world.folders.all()).toMatchObject([{ mailbox: MAILBOX, state: 'active', wanted: true }]);
    expect(world.subscriptions.live()).toHaveLength(1);
  });

  it('shows a mailbox that is named by object id too', async () => {
    const world = makeWorld();
    const app = startAppNow(world, { mailboxes: [MAILBOX] });
    const error = () => new TransientError('token:invalid_client');
    app.gate.inject({ call: 'directory.findFolder', kind: 'error', error });
    await passMinutes(world, app, 3);
    expect((await shown(app))?.reason).toContain('token:invalid_client');
  });

  it('is no reason to stop what is watched already', async () => {
    const world = makeWorld();
    watchMailbox(world);
    const app = startAppNow(world, { mailboxes: [MAILBOX, 'new@northwind.example'] });
    const error = () => new TransientError('token:invalid_client');
    app.gate.inject({ call: 'directory.findMailbox', kind: 'error', error });
    await passMinutes(world, app, 130);
    expect(world.folders.all().find((row) => row.mailbox === MAILBOX)).toMatchObject({ wanted: true, state: 'active' });
  });
});

describe('an address that could not be looked up for hours', () => {
  it('is no reason to stop the mailbox that it may stand for', async () => {
    const world = makeWorld();
    world.tenant.addUser(MAILBOX, ADDRESS);
    await passMinutes(world, startAppNow(world, { mailboxes: [ADDRESS] }), 3);
    const app = startAppNow(world, { mailboxes: ['verkauf@northwind.example'] }, (call) =>
      call === 'directory.findMailbox' ? 100 : 1,
    );
    const error = () => new TransientError('graph:503:busy');
    app.gate.inject({ call: 'directory.findMailbox', kind: 'error', error });
    await passMinutes(world, app, 180);
    expect(world.folders.all()).toContainEqual(expect.objectContaining({ mailbox: MAILBOX, wanted: true }));
  });
});

describe('a subscription that cannot be made because Graph fails', () => {
  it('leaves its reason with the folder', async () => {
    const world = makeWorld();
    world.tenant.addUser(MAILBOX, ADDRESS);
    const app = startAppNow(world, { mailboxes: [ADDRESS] });
    const error = () => new TransientError('graph:503:busy');
    app.gate.inject({ call: 'subscriptions.create', kind: 'error', error });
    await passMinutes(world, app, 5);
    const folder = await shown(app);
    expect(folder?.state).not.toBe('active');
    expect(folder?.reason).toContain('graph:503:busy');
    expect(folder?.move).toBe('operator');
    app.gate.mend();
    await passMinutes(world, app, 10);
    expect(await shown(app)).toMatchObject({ state: 'active', reason: '', move: 'none' });
  });
});
