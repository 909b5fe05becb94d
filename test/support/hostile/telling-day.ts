import { inspect } from 'node:util';
import type { HttpResponseInit, Timer } from '@azure/functions';
import { signClientState } from '../../../shared/domain/client-state.ts';
import type { Mail } from '../../../shared/domain/mail.ts';
import { adminEndpoint } from '../../../shared/triggers/admin-endpoint.ts';
import { notificationEndpoint } from '../../../shared/triggers/notification-endpoint.ts';
import { queueConsumer } from '../../../shared/triggers/queue-consumer.ts';
import { timer } from '../../../shared/triggers/timer.ts';
import { type App, runRings, startApp } from '../app-under-test.ts';
import { aMail, aNotification, INBOX_KEY, MAILBOX, TENANT } from '../builders.ts';
import { makeWorld, START, type World } from '../in-memory-ports.ts';
import { anInvocation, aRequest } from '../invocation.ts';

/** Stands in every place that nothing written may show. */
export const CANARY = 'kanarienvogel';
const ADDRESS = `${CANARY}@northwind.example`;
const ADDED = '99999999-2222-4333-8444-555555555555';
const HOUR = 3_600_000;
const key = {
  id: 'first',
  secret: Buffer.from(`${CANARY}-${CANARY}-of-32+`).toString('base64url').slice(0, 43).padEnd(43, 'A'),
  createdAt: new Date(START - 24 * HOUR).toISOString(),
};
export const CLIENT_STATE = signClientState(key, { tenant: TENANT, mailbox: MAILBOX, folder: INBOX_KEY });

/** What nothing written may show, by the place where it was put. */
export const SECRETS = { canary: CANARY, key: key.secret, clientState: CLIENT_STATE };

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
    importance: CANARY,
    headers: [
      { name: `X-${CANARY}`, value: CANARY },
      { name: 'In-Reply-To', value: `<${CANARY}@before.example>` },
      { name: 'References', value: `<${CANARY}@first.example>` },
    ],
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

/** Everything that leaves the app for somebody’s eyes: log lines, what the host logs of a failure, refusals over HTTP. */
export interface Written {
  lines: string[];
  /** Whatever was thrown at the host, with its causes and properties. */
  thrown: string[];
  /** Answers that tell of a failure. Those that succeed show an administrator the mailboxes that he asked for. */
  refusals: string[];
}

export const everythingOf = ({ lines, thrown, refusals }: Written): string[] => [...lines, ...thrown, ...refusals];

export function aTellingWorld(): { world: World; app: App } {
  const world = makeWorld();
  world.keys.keys = [key];
  world.tenant.addUser(MAILBOX, ADDRESS);
  world.tenant.addUser(ADDED, `added-${ADDRESS}`);
  const settings = { mailboxes: [ADDRESS, `unknown-${ADDRESS}`], folderNames: ['inbox', CANARY], admin: undefined };
  return { world, app: startApp(world, { ...settings, includeMime: true, includeAttachments: true }) };
}

const aTimer: Timer = {
  isPastDue: false,
  schedule: { adjustForDST: false },
  scheduleStatus: { last: '', next: '', lastUpdated: '' },
};

/** The functions as the host calls them. What one throws is noted as the host would log it. */
function asHosted(app: App, { lines, thrown, refusals }: Written) {
  const noting = async <T>(work: Promise<T>): Promise<T> => {
    try {
      return await work;
    } catch (error) {
      thrown.push(inspect(error, { depth: 10, showHidden: true }));
      throw error;
    }
  };
  const answered = async (work: Promise<HttpResponseInit>): Promise<HttpResponseInit> => {
    const answer = await noting(work);
    if ((answer.status ?? 200) >= 400) refusals.push(inspect(answer, { depth: 10 }));
    return answer;
  };
  const context = () => anInvocation(lines);
  const receive = notificationEndpoint(app.receiveNotifications);
  const administer = adminEndpoint(app.manageMailboxes, app.authorize);
  const consume = queueConsumer(app.processMailboxWork);
  return {
    ...app,
    processMailboxWork: (body: unknown) => noting(consume(body, context())),
    reconcile: () => noting(timer(app.reconcileMailboxes)(aTimer, context())),
    renew: () => noting(timer(app.renewSubscriptions)(aTimer, context())),
    post: (body: unknown, query = '') =>
      answered(
        receive(
          aRequest({
            url: `https://ingest.test/api/notifications${query}`,
            body: { string: typeof body === 'string' ? body : JSON.stringify(body) },
          }),
          context(),
        ),
      ),
    admin: (method: 'GET' | 'POST' | 'PUT' | 'DELETE', params: Record<string, string>, body?: unknown) =>
      answered(
        administer(
          aRequest({
            method,
            url: `https://ingest.test/api/mailboxes?code=${CANARY}`,
            headers: { authorization: `Bearer ${CANARY}`, 'x-functions-key': CANARY, cookie: CANARY },
            params,
            query: { erase: 'true', code: CANARY },
            ...(body !== undefined && { body: { string: JSON.stringify(body) } }),
          }),
          context(),
        ),
      ),
  };
}

/** A day with everything in it: mail of all kinds, notifications genuine and forged, timers, an administrator. */
export async function liveADay({ world, app }: { world: World; app: App }, written: Written): Promise<void> {
  const hosted = asHosted(app, written);
  /** Whatever goes wrong inside, the next step comes: here only what is written counts. */
  const step = async (work: () => Promise<unknown>) => {
    await world.clock.runUntilDone(Promise.race([work().catch(() => undefined), app.gate.crashed]));
  };

  await step(() => app.ports.keys.refresh());
  await step(hosted.reconcile);
  const mails = [
    world.mailboxes.add(MAILBOX, tellingMail()),
    world.mailboxes.add(MAILBOX, tellingMail({ body: { contentType: 'html', content: CANARY.repeat(30_000) } })),
    world.mailboxes.add(MAILBOX, tellingMail(), { shape: 'partial', breaks: 2 }),
    world.mailboxes.add(MAILBOX, tellingMail(), { shape: 'unreadable' }),
    world.mailboxes.add(MAILBOX, tellingMail(), { byIdLagMs: 10_000, deltaLagMs: 60_000 }),
  ];
  const genuine = mails.map(({ id }) => aNotification({ clientState: CLIENT_STATE, id }));
  const forged = [
    aNotification({ clientState: `${CLIENT_STATE}x`, mailbox: CANARY, id: CANARY }),
    { ...aNotification({ clientState: CLIENT_STATE }), resource: `users/${ADDED}/messages/${CANARY}` },
    { [CANARY]: CANARY },
  ];
  for (const body of [{ value: [...genuine, ...forged] }, { value: CANARY }, CANARY, `{"${CANARY}`])
    await step(() => hosted.post(body));
  for (const token of [CANARY, `${CANARY}%0d%0a`, CANARY.repeat(1_000), ''])
    await step(() => hosted.post('', `?validationToken=${token}`));
  await runRings(world, hosted, HOUR);
  await step(() =>
    hosted.post({
      value: [{ ...aNotification({ clientState: CLIENT_STATE }), resourceData: null, lifecycleEvent: CANARY }],
    }),
  );
  world.workQueue.put(CANARY);
  world.workQueue.put(JSON.stringify({ v: 1, mailbox: MAILBOX, folders: [CANARY], ids: [`../${CANARY}`] }));
  world.workQueue.bury(CANARY);
  await runRings(world, hosted, HOUR);
  await step(() => hosted.admin('POST', {}, { mailbox: `added-${ADDRESS}` }));
  await step(() => hosted.admin('POST', {}, { mailbox: `nobody-${ADDRESS}` }));
  await step(() => hosted.admin('POST', {}, { [CANARY]: CANARY }));
  await step(() => hosted.admin('POST', { id: ADDRESS, action: 'sync' }, { retryParked: true }));
  await step(() => hosted.admin('POST', { id: ADDRESS, action: CANARY }, { [CANARY]: true }));
  await step(() => hosted.admin('GET', { id: ADDRESS }));
  await step(() => hosted.admin('GET', { id: `nobody-${ADDRESS}` }));
  await step(() => hosted.admin('PUT', { id: ADDRESS }));
  world.mailboxes.add(ADDED, tellingMail());
  world.subscriptions.put({ mailbox: MAILBOX, folderId: CANARY, expiresAt: new Date(START + 100 * HOUR), ours: true });
  for (let hour = 0; hour < 4; hour++) {
    await step(hosted.reconcile);
    await step(hosted.renew);
    await runRings(world, hosted, HOUR);
    await world.clock.advance(HOUR);
  }
  world.mailboxes.troubles.set(MAILBOX, 'no-access');
  await step(hosted.reconcile);
  await runRings(world, hosted, HOUR);
  await step(() => hosted.admin('DELETE', { id: ADDED }));
  await step(() => hosted.admin('DELETE', { id: ADDRESS }));
}
