import { describe, expect, it, vi } from 'vitest';
import { GROUP } from './people.ts';
import { resourceOf, settledInstallation } from './settled-installation.ts';
import { DAY, HOUR, MINUTE } from './tenant.ts';

vi.setConfig({ testTimeout: 240_000 });

const PAGE = 10;
const MANY = 25;

/** Twenty-five members on three pages, and the timers of production. */
function group() {
  const settled = settledInstallation({ mailboxes: MANY, config: { catchUpMs: DAY } });
  settled.tenant.pageSize = PAGE;
  settled.installation.start();
  settled.startTimers();
  const wanted = () => settled.installation.folders.all().filter((row) => row.wanted).length;
  const leave = (mailbox: string) =>
    settled.tenant.groups.set(
      GROUP,
      (settled.tenant.groups.get(GROUP) ?? []).filter((other) => other !== mailbox),
    );
  return { ...settled, wanted, leave };
}

describe('a reading of the group', () => {
  it.each([
    ['fails', 0],
    ['fails on its second page', 1],
    ['fails on its last page', 2],
  ])('that %s for a day drops nobody, however long it lasts', async (_, page) => {
    const { tenant, runFor, wanted, bare, coverage } = group();
    tenant.trouble = (_method, path) =>
      path.startsWith('/groups') && Number(/skiptoken=(\d+)/.exec(path)?.[1] ?? 0) === page * PAGE
        ? { status: 500 }
        : undefined;
    await runFor(DAY);
    expect(wanted()).toBe(MANY);
    expect(bare()).toEqual([]);
    expect(coverage.created).toBe(MANY);
  });

  it('that is empty for a day drops nobody', async () => {
    const { tenant, runFor, wanted, coverage } = group();
    tenant.readingOf = () => [];
    await runFor(DAY);
    expect(wanted()).toBe(MANY);
    expect(coverage.created).toBe(MANY);
  });

  it('that lacks half of them once, or again and again within the hour, drops nobody', async () => {
    const { tenant, runFor, wanted, coverage } = group();
    for (let time = 0; time < 12; time++) {
      tenant.readingOf = (members) => members.slice(0, MANY / 2);
      await runFor(45 * MINUTE);
      tenant.readingOf = (members) => members;
      await runFor(15 * MINUTE);
    }
    expect(wanted()).toBe(MANY);
    expect(coverage.created).toBe(MANY);
  });
});

describe('a member that leaves', () => {
  it('is dropped an hour after the first reading without it, with its subscription', async () => {
    const { tenant, members, runFor, wanted, leave, row } = group();
    const [mailbox = ''] = members;
    await runFor(15 * MINUTE);
    leave(mailbox);
    await runFor(55 * MINUTE);
    expect(row(mailbox)?.wanted).toBe(true);
    await runFor(20 * MINUTE);
    expect(row(mailbox)).toMatchObject({ wanted: false, state: 'stopped', subscription: undefined });
    expect(tenant.on(resourceOf(mailbox))).toBeUndefined();
    expect(wanted()).toBe(MANY - 1);
  });

  it('is dropped in the end although readings fail in between, and although Graph refuses to remove its subscription', async () => {
    const { tenant, members, runFor, leave, row, bare } = group();
    const [mailbox = ''] = members;
    leave(mailbox);
    let turns = 0;
    tenant.trouble = (method, path) => {
      if (path.startsWith('/groups')) return ++turns % 7 === 0 ? { status: 503 } : undefined;
      return method === 'DELETE' ? { status: 500 } : undefined;
    };
    await runFor(6 * HOUR);
    expect(row(mailbox)?.wanted).toBe(false);
    // It is an orphan now, which the sweep removes once Graph lets it.
    expect(bare()).toEqual([]);
    tenant.trouble = () => undefined;
    await runFor(2 * HOUR);
    expect(bare()).toEqual([mailbox]);
  });

  it.each([
    ['six days', 6, true],
    ['eight days', 8, false],
  ])('and comes back after %s goes on with its chain or begins anew', async (_, days, goesOn) => {
    const { tenant, members, runFor, leave, row, installation, time } = group();
    const [mailbox = ''] = members;
    const before = row(mailbox)?.watchStart;
    leave(mailbox);
    await runFor(days * DAY);
    expect(row(mailbox)?.wanted).toBe(false);
    tenant.groups.set(GROUP, [...(tenant.groups.get(GROUP) ?? []), mailbox]);
    await runFor(30 * MINUTE);
    expect(row(mailbox)).toMatchObject({ wanted: true, state: 'active' });
    const chain = installation.deliveries.chain(mailbox, row(mailbox)?.folder ?? '');
    expect(chain?.wanted).toBe(true);
    expect(chain?.watchStart).toEqual(row(mailbox)?.watchStart);
    if (goesOn) expect(row(mailbox)?.watchStart).toEqual(before);
    else expect(row(mailbox)?.watchStart.getTime()).toBeGreaterThan(time.now() - HOUR);
  });
});

describe('a mailbox that an administrator added', () => {
  it('stays whatever the group does, also when it was a member meanwhile, and goes when it is removed', async () => {
    const { tenant, installation, runFor, addUser, leave, row } = group();
    const mailbox = addUser();
    const [running] = installation.running;
    const manage = running?.app.manageMailboxes;
    if (!manage) throw new Error('no process');
    const added = installation.quietly(() => manage.add(mailbox));
    await runFor(MINUTE);
    await added;
    tenant.groups.set(GROUP, [...(tenant.groups.get(GROUP) ?? []), mailbox]);
    await runFor(HOUR);
    leave(mailbox);
    await runFor(4 * HOUR);
    expect(row(mailbox)).toMatchObject({ wanted: true, state: 'active' });
    expect(tenant.on(resourceOf(mailbox))).toBeDefined();
    const removed = installation.quietly(() => manage.remove(mailbox, false));
    await runFor(MINUTE);
    await removed;
    await runFor(2 * HOUR);
    expect(row(mailbox)?.wanted).toBe(false);
    expect(tenant.on(resourceOf(mailbox))).toBeUndefined();
  });
});
