import { describe, expect, it } from 'vitest';
import { arrived, messageIdFor, oneMailbox, runRings, startApp, watchMailbox } from '../../support/app-under-test.ts';
import { aChain, aFolder, aMail, aNotification, INBOX_KEY, MAILBOX } from '../../support/builders.ts';
import { makeWorld, type World } from '../../support/in-memory-ports.ts';
import { seededRandom } from '../../support/seeded-random.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const ref = { mailbox: MAILBOX, folder: INBOX_KEY };
const never = new AbortController().signal;

const clientStateOf = (world: World) => world.subscriptions.live()[0]?.clientState ?? '';

/** A mailbox of the settings, subscribed by the app itself. */
async function subscribed() {
  const world = makeWorld();
  world.tenant.addUser(MAILBOX, 'sales@northwind.example');
  const app = startApp(world, { mailboxes: ['sales@northwind.example'] });
  await app.ports.keys.refresh();
  await app.reconcileMailboxes();
  await runRings(world, app, 5 * MINUTE);
  const receive = async (id: string, clientState = clientStateOf(world)) => {
    await app.ports.keys.refresh();
    return app.receiveNotifications({ value: [aNotification({ clientState, id })] }, never);
  };
  return { world, app, receive };
}

const newMail = (world: World) => world.mailboxes.add(MAILBOX, aMail({ receivedAt: new Date(world.clock.now()) }));

describe('a notification', () => {
  it.each([1, 2, 3, 4, 5])(
    'that comes up to five times within four hours, in any order (%i), is one event [F01, F02]',
    async (seed) => {
      const random = seededRandom(seed);
      const { world, app, receive } = await subscribed();
      const mails = [newMail(world), newMail(world), newMail(world)];
      const posts = mails
        .flatMap((mail) => Array.from({ length: 1 + Math.floor(random() * 5) }, () => mail.id))
        .map((id) => ({ id, at: world.clock.now() + random() * 4 * HOUR }))
        .toSorted((a, b) => a.at - b.at);
      for (const { id, at } of posts) {
        await world.clock.advance(Math.max(0, at - world.clock.now()));
        await receive(id);
        await runRings(world, app, 0);
      }
      await runRings(world, app);
      expect(arrived(world).toSorted()).toEqual(mails.map((mail) => messageIdFor(mail)).toSorted());
      expect(world.crmQueue.sends).toHaveLength(mails.length);
    },
  );

  it.each(['before', 'after'] as const)(
    'whose answer is lost, %s its ring was stored, comes again and is one event [F10]',
    async (when) => {
      const { world, app, receive } = await subscribed();
      const mail = newMail(world);
      app.gate.inject({ call: 'workQueue.send', nth: 1, kind: 'error', when });
      await expect(receive(mail.id)).rejects.toThrow();
      const stored = world.workQueue.length;
      expect(stored).toBe(when === 'after' ? 1 : 0);
      await world.clock.advance(10_000);
      expect(await receive(mail.id)).toMatchObject({ kind: 'accepted', rings: 1 });
      expect(world.workQueue.length).toBe(stored + 1);
      await runRings(world, app);
      expect(arrived(world)).toEqual([messageIdFor(mail)]);
      expect(world.crmQueue.sends).toHaveLength(1);
    },
  );

  it('of a subscription that was replaced meanwhile is one more look, and nothing is sent twice [F03]', async () => {
    const { world, app, receive } = await subscribed();
    const before = clientStateOf(world);
    const mail = newMail(world);
    await receive(mail.id);
    await runRings(world, app, 5 * MINUTE);

    world.subscriptions.all.clear();
    await world.clock.advance(HOUR);
    await app.renewSubscriptions();
    await runRings(world, app, 5 * MINUTE);
    expect(world.subscriptions.live()).toHaveLength(1);
    const later = newMail(world);
    await receive(mail.id, before);
    expect(await receive(later.id, before)).toMatchObject({ rings: 1, refused: 0 });
    await runRings(world, app, 5 * MINUTE);

    expect(arrived(world).toSorted()).toEqual([messageIdFor(mail), messageIdFor(later)].toSorted());
    expect(world.crmQueue.sends).toHaveLength(2);
  });

  it('of a mailbox that is not watched any more reads nothing [F03]', async () => {
    const { world, app, receive } = await subscribed();
    const before = clientStateOf(world);
    for (const row of world.folders.all()) world.folders.put({ ...row, wanted: false, state: 'stopped' });
    await app.ports.deliveries.saveChain(MAILBOX, INBOX_KEY, { wanted: false });
    const mail = newMail(world);
    await receive(mail.id, before);
    app.gate.calls.length = 0;
    await runRings(world, app);
    expect(app.gate.count('mail.')).toBe(0);
    expect(arrived(world)).toEqual([]);
  });

  it('that overtakes the storing of its subscription brings its mail all the same [F12]', async () => {
    const world = makeWorld();
    world.deliveries.of(MAILBOX).chains.set(INBOX_KEY, aChain());
    world.folders.put(aFolder({ state: 'starting' }));
    const first = startApp(world);
    first.gate.inject({ call: 'subscriptions.create', nth: 1, kind: 'crash', when: 'after' });
    await Promise.race([first.reconcileMailboxes(), first.gate.crashed]);
    expect(world.subscriptions.live()).toHaveLength(1);
    expect(world.folders.get(ref)?.subscription).toBeUndefined();

    const second = startApp(world);
    await second.ports.keys.refresh();
    const mail = newMail(world);
    const items = [aNotification({ clientState: clientStateOf(world), id: mail.id })];
    expect(await second.receiveNotifications({ value: items }, never)).toMatchObject({ rings: 1, refused: 0 });
    await runRings(world, second, 0);
    expect(arrived(world)).toEqual([messageIdFor(mail)]);
  });
});

describe('consent that is withdrawn for every mailbox', () => {
  const others = Array.from({ length: 20 }, (_, index) => `11111111-2222-4333-8444-5555555550${10 + index}`);

  it('suspends them all, leaves no ring and no dead letter, and ends when consent is back [F32]', async () => {
    const { world, app } = oneMailbox();
    for (const mailbox of others) watchMailbox(world, mailbox);
    const mailboxes = [MAILBOX, ...others];
    const asked = mailboxes.map((mailbox) => ({ mailbox, folders: [], ids: [], look: 'timer' as const }));
    for (const mailbox of mailboxes) world.mailboxes.troubles.set(mailbox, 'no-access');
    await app.ports.workQueue.send(asked);
    await runRings(world, app);
    expect(world.folders.all().map(({ state, move }) => `${state} ${move}`)).toEqual(
      mailboxes.map(() => 'suspended administrator'),
    );
    expect([world.workQueue.length, world.workQueue.deadLetters().length]).toEqual([0, 0]);

    world.mailboxes.troubles.clear();
    const mails = mailboxes.map((mailbox) => ({ mailbox, mail: world.mailboxes.add(mailbox, aMail()) }));
    for (const mailbox of mailboxes) await app.manageMailboxes.sync(mailbox, false);
    await runRings(world, app);
    expect(arrived(world).toSorted()).toEqual(mails.map(({ mailbox, mail }) => messageIdFor(mail, mailbox)).toSorted());
    expect(new Set(world.folders.all().map(({ state }) => state))).toEqual(new Set(['active']));
  });
});
