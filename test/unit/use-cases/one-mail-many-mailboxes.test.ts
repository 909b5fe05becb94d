import { expect, it } from 'vitest';
import { mailEventSchema } from '../../../shared/domain/mail-event.ts';
import { startApp, runRings, watchMailbox } from '../../support/app-under-test.ts';
import { aMail, INBOX } from '../../support/builders.ts';
import { makeWorld } from '../../support/in-memory-ports.ts';

const MAILBOXES = Array.from({ length: 30 }, (_, index) => `11111111-2222-4333-8444-5555555550${10 + index}`);

it('a mail in thirty watched mailboxes is one event in each, told apart by mailbox and tied by Message-ID [F85]', async () => {
  const world = makeWorld();
  // Even with one id for all of them, which Graph does not promise to avoid.
  const mail = aMail({ internetMessageId: '<offer@sender.example>' });
  for (const mailbox of MAILBOXES) {
    watchMailbox(world, mailbox);
    world.mailboxes.add(mailbox, mail);
  }
  const app = startApp(world);
  const ringAll = () =>
    app.ports.workQueue.send(MAILBOXES.map((mailbox) => ({ mailbox, folders: [], ids: [], look: 'timer' as const })));
  await ringAll();
  await runRings(world, app);

  const events = world.crmQueue.events.map(({ body }) => mailEventSchema.parse(JSON.parse(body)));
  expect(events.map((event) => event.data.mailbox.id).toSorted()).toEqual(MAILBOXES.toSorted());
  expect(new Set(events.map((event) => event.id)).size).toBe(MAILBOXES.length);
  expect(new Set(events.map((event) => event.data.message?.internetMessageId))).toEqual(
    new Set(['<offer@sender.example>']),
  );

  // Edited or recalled later: it shows up again, and is not sent again.
  for (const mailbox of MAILBOXES) {
    world.mailboxes.move(mailbox, mail.id, 'elsewhere');
    world.mailboxes.move(mailbox, mail.id, INBOX);
  }
  await world.clock.advance(3_600_000);
  await ringAll();
  await runRings(world, app);
  expect(world.crmQueue.sends).toHaveLength(MAILBOXES.length);
});
