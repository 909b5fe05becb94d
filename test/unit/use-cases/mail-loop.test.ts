import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { type MailEvent, mailEventSchema } from '../../../shared/domain/mail-event.ts';
import { runRings, startApp, watchMailbox } from '../../support/app-under-test.ts';
import { aMail } from '../../support/builders.ts';
import { makeWorld } from '../../support/in-memory-ports.ts';

const SALES = { id: '11111111-2222-4333-8444-555555555501', address: 'sales@northwind.example' };
const HELP = { id: '11111111-2222-4333-8444-555555555502', address: 'help@contoso.example' };
const MARK = [{ name: 'X-Auto-Response-Suppress', value: 'All' }];

/** What docs/FAILURE-MODES.md asks of a CRM: answer no machine, and not yourself. */
function mayAnswer({ data: { mailbox, message } }: MailEvent): boolean {
  const valueOf = (name: string) => message?.headers.find((header) => header.name.toLowerCase() === name)?.value;
  const automatic = (valueOf('auto-submitted') ?? 'no') !== 'no' || valueOf('x-auto-response-suppress') !== undefined;
  const bulk = /bulk|junk|list|auto_reply/i.test(valueOf('precedence') ?? '') || valueOf('list-id') !== undefined;
  const bounce = valueOf('return-path')?.trim() === '<>';
  return !automatic && !bulk && !bounce && message?.from?.address !== mailbox.address;
}

/** Two mailboxes whose CRMs answer each other; how many answers they send before both are quiet, or `limit`. */
async function pingPong(
  isAnswered: (event: MailEvent) => boolean,
  headers: { name: string; value: string }[],
  limit: number,
  firstFrom = HELP.address,
) {
  const world = makeWorld();
  for (const { id } of [SALES, HELP]) watchMailbox(world, id);
  const app = startApp(world);
  const deliver = (to: typeof SALES, from: string, marks: typeof headers) =>
    world.mailboxes.add(
      to.id,
      aMail({ from: { address: from }, receivedAt: new Date(world.clock.now()), headers: marks }),
    );
  deliver(SALES, firstFrom, headers);
  let answers = 0;
  for (let read = 0; answers < limit; ) {
    await app.ports.workQueue.send(
      [SALES, HELP].map(({ id }) => ({ mailbox: id, folders: [], ids: [], look: 'timer' as const })),
    );
    await runRings(world, app, 0);
    const fresh = world.crmQueue.events.slice(read).map(({ body }) => mailEventSchema.parse(JSON.parse(body)));
    if (fresh.length === 0) break;
    read += fresh.length;
    for (const event of fresh.filter(isAnswered)) {
      const toSales = event.data.mailbox.id === HELP.id;
      deliver(toSales ? SALES : HELP, toSales ? HELP.address : SALES.address, MARK);
      answers++;
    }
    await world.clock.advance(60_000);
  }
  return answers;
}

describe('two CRMs that answer by themselves', () => {
  it('would never stop if they heeded nothing of the event', async () => {
    expect(await pingPong(() => true, [], 20)).toBe(20);
  });

  it('stop after the first answer, because the event carries the headers of the mail [F81]', async () => {
    expect(await pingPong(mayAnswer, [], 20)).toBe(1);
  });

  it.each([
    ['Auto-Submitted', 'auto-replied'],
    ['Precedence', 'bulk'],
    ['List-Id', '<news.contoso.example>'],
    ['Return-Path', '<>'],
  ])('do not even begin when the mail is an automatic one by its %s [F81]', async (name, value) => {
    expect(await pingPong(mayAnswer, [{ name, value }], 20)).toBe(0);
  });

  it('do not answer what the mailbox sent itself, because the event names both [F81]', async () => {
    expect(await pingPong(mayAnswer, [], 20, SALES.address)).toBe(0);
  });
});

it('this app sends no mail, so that no loop can be of its making [F81]', () => {
  const folder = new URL('../../../shared/', import.meta.url);
  const sources = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.ts'));
  expect(sources.length).toBeGreaterThan(40);
  for (const name of sources)
    expect(readFileSync(new URL(name, folder), 'utf8'), name).not.toMatch(
      /sendMail|\/reply|\/forward|createReply|\/send\b/,
    );
});
