import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { signClientState } from '../../shared/domain/client-state.ts';
import type { Mail } from '../../shared/domain/mail.ts';
import { MailboxUnavailableError, PermanentError } from '../../shared/errors.ts';
import { adminEndpoint } from '../../shared/triggers/admin-endpoint.ts';
import { notificationEndpoint } from '../../shared/triggers/notification-endpoint.ts';
import { type App, runRings, startApp } from '../support/app-under-test.ts';
import { aMail, aNotification, INBOX_KEY, MAILBOX, TENANT } from '../support/builders.ts';
import type { Fault } from '../support/fakes/gate.ts';
import { makeWorld, START, type World } from '../support/in-memory-ports.ts';
import { anInvocation, aRequest } from '../support/invocation.ts';
import { quietly } from '../support/quiet-log.ts';

/** Stands in every place that no log line may show. */
const CANARY = 'kanarienvogel';
const ADDRESS = `${CANARY}@northwind.example`;
const ADDED = '99999999-2222-4333-8444-555555555555';
const HOUR = 3_600_000;
const key = {
  id: 'first',
  secret: Buffer.from(`${CANARY}-${CANARY}-of-32+`).toString('base64url').slice(0, 43).padEnd(43, 'A'),
  createdAt: new Date(START - 24 * HOUR).toISOString(),
};

const person = { name: `${CANARY}, Ada`, address: ADDRESS };

const tellingMail = (changes: Partial<Mail> = {}): Mail =>
  aMail({
    internetMessageId: `<${CANARY}@sender.example>`,
    conversationId: CANARY,
    subject: `${CANARY} order`,
    from: person,
    sender: person,
    to: [person],
    cc: [person],
    bcc: [person],
    replyTo: [person],
    headers: [{ name: `X-${CANARY}`, value: CANARY }],
    body: { contentType: 'html', content: `<p>${CANARY}</p>` },
    attachments: [
      {
        id: 'att-1',
        kind: 'file',
        name: `${CANARY}.pdf`,
        contentType: CANARY,
        size: 3,
        isInline: false,
        contentId: CANARY,
      },
    ],
    ...changes,
  });

let lines: string[];

beforeEach(() => {
  lines = [];
  for (const method of ['log', 'info', 'warn', 'error', 'debug'] as const)
    vi.spyOn(console, method).mockImplementation((...args: unknown[]) => void lines.push(args.map(String).join(' ')));
});

afterEach(() => {
  vi.restoreAllMocks();
});

function aTellingWorld(): { world: World; app: App } {
  const world = makeWorld();
  world.keys.keys = [key];
  world.tenant.addUser(MAILBOX, ADDRESS);
  world.tenant.addUser(ADDED, `added-${ADDRESS}`);
  const settings = { mailboxes: [ADDRESS, `unknown-${ADDRESS}`], folderNames: ['inbox', CANARY], admin: undefined };
  return { world, app: startApp(world, { ...settings, includeMime: true, includeAttachments: true }) };
}

/** Whatever goes wrong inside, the next step comes: here only the log counts. */
const step = async (world: World, app: App, work: () => Promise<unknown>) => {
  await world.clock.runUntilDone(Promise.race([work().catch(() => undefined), app.gate.crashed]));
};

/** A day with everything in it: mail of all kinds, notifications genuine and forged, timers, an administrator. */
async function liveADay(world: World, app: App): Promise<void> {
  const clientState = signClientState(key, { tenant: TENANT, mailbox: MAILBOX, folder: INBOX_KEY });
  const receive = notificationEndpoint(app.receiveNotifications);
  const administer = adminEndpoint(app.manageMailboxes, app.authorize);
  const post = (body: unknown) => receive(aRequest({ body: { string: JSON.stringify(body) } }), anInvocation(lines));
  const admin = (method: 'GET' | 'POST' | 'DELETE', params: Record<string, string>, body?: unknown) =>
    administer(
      aRequest({
        method,
        params,
        query: { erase: 'true' },
        ...(body !== undefined && { body: { string: JSON.stringify(body) } }),
      }),
      anInvocation(lines),
    );

  await step(world, app, () => app.ports.keys.refresh());
  await step(world, app, () => app.reconcileMailboxes());
  const mails = [
    world.mailboxes.add(MAILBOX, tellingMail()),
    world.mailboxes.add(MAILBOX, tellingMail({ body: { contentType: 'html', content: CANARY.repeat(30_000) } })),
    world.mailboxes.add(MAILBOX, tellingMail(), { shape: 'partial', breaks: 2 }),
    world.mailboxes.add(MAILBOX, tellingMail(), { shape: 'unreadable' }),
    world.mailboxes.add(MAILBOX, tellingMail(), { byIdLagMs: 10_000, deltaLagMs: 60_000 }),
  ];
  const genuine = mails.map(({ id }) => aNotification({ clientState, id }));
  const forged = [
    aNotification({ clientState: `${clientState}x`, mailbox: CANARY, id: CANARY }),
    { ...aNotification({ clientState }), resource: `users/${ADDED}/messages/${CANARY}` },
    { [CANARY]: CANARY },
  ];
  for (const body of [{ value: [...genuine, ...forged] }, { value: CANARY }, CANARY])
    await step(world, app, () => post(body));
  await runRings(world, app, HOUR);
  await step(world, app, () =>
    post({ value: [{ ...aNotification({ clientState }), resourceData: null, lifecycleEvent: CANARY }] }),
  );
  world.workQueue.put(CANARY);
  world.workQueue.put(JSON.stringify({ v: 1, mailbox: MAILBOX, folders: [CANARY], ids: [`../${CANARY}`] }));
  world.workQueue.bury(CANARY);
  await runRings(world, app, HOUR);
  await step(world, app, () => admin('POST', {}, { mailbox: `added-${ADDRESS}` }));
  await step(world, app, () => admin('POST', {}, { mailbox: `nobody-${ADDRESS}` }));
  await step(world, app, () => admin('POST', { id: ADDRESS, action: 'sync' }, { retryParked: true }));
  await step(world, app, () => admin('GET', { id: ADDRESS }));
  world.mailboxes.add(ADDED, tellingMail());
  world.subscriptions.put({ mailbox: MAILBOX, folderId: CANARY, expiresAt: new Date(START + 100 * HOUR), ours: true });
  for (let hour = 0; hour < 4; hour++) {
    await step(world, app, () => app.reconcileMailboxes());
    await step(world, app, () => app.renewSubscriptions());
    await runRings(world, app, HOUR);
    await world.clock.advance(HOUR);
  }
  world.mailboxes.troubles.set(MAILBOX, 'no-access');
  await step(world, app, () => app.reconcileMailboxes());
  await runRings(world, app, HOUR);
  await step(world, app, () => admin('DELETE', { id: ADDED }));
}

const liveQuietly = ({ world, app }: { world: World; app: App }) => quietly(lines, () => liveADay(world, app));
const told = () => lines.filter((line) => line.toLowerCase().includes(CANARY));

/** Messages of errors, which may quote anything. */
const KINDS: Pick<Fault, 'kind' | 'error' | 'when'>[] = [
  { kind: 'error', error: () => new Error(`AccountKey=${CANARY};${ADDRESS}`) },
  {
    kind: 'error',
    when: 'after',
    error: () => Object.assign(new TypeError(CANARY), { code: `${CANARY} in a code`, name: 'TypeError' }),
  },
  { kind: 'error', error: () => new PermanentError('graph:message-unreadable', { cause: new Error(CANARY) }) },
  { kind: 'error', error: () => new MailboxUnavailableError('no-access', 'graph:403', { cause: new Error(CANARY) }) },
  { kind: 'conflict' },
];

describe('no log line tells an address, a mail, a secret or a message of an error', () => {
  it('on a day when all is well', async () => {
    const day = aTellingWorld();
    await liveQuietly(day);
    expect(day.world.crmQueue.events.length).toBeGreaterThan(3);
    expect(lines.length).toBeGreaterThan(10);
    expect(told()).toEqual([]);
  });

  it('whatever call fails, and in whatever way', async () => {
    const well = aTellingWorld();
    await liveQuietly(well);
    const calls = [...new Set(well.app.gate.calls)];
    expect(calls.length).toBeGreaterThan(25);
    let failures = 0;
    for (const call of calls)
      for (const kind of KINDS) {
        const day = aTellingWorld();
        lines = [];
        // The first, then all: some paths are reached only where a part went well.
        day.app.gate.inject({ call, nth: 2, ...kind }, { call, nth: 3, ...kind });
        await liveQuietly(day);
        failures += lines.filter((line) => /"code":/.test(line)).length;
        expect(told(), `${call} fails`).toEqual([]);
      }
    // The failures have to reach the log at all.
    expect(failures).toBeGreaterThan(100);
  }, 120_000);

  it('when a call fails for good', async () => {
    const well = aTellingWorld();
    await liveQuietly(well);
    for (const call of new Set(well.app.gate.calls)) {
      const day = aTellingWorld();
      lines = [];
      day.app.gate.inject({ call, kind: 'error', error: () => new Error(CANARY) });
      await liveQuietly(day);
      expect(told(), `${call} never works`).toEqual([]);
    }
  }, 120_000);
});
