import { compose } from '../../shared/compose.ts';
import type { Config } from '../../shared/config.ts';
import type { Chain } from '../../shared/domain/delta.ts';
import { folderKey } from '../../shared/domain/delta.ts';
import { ledgerKey, messageIdOf } from '../../shared/domain/delivery.ts';
import type { Mail } from '../../shared/domain/mail.ts';
import type { Ring } from '../../shared/domain/work-item.ts';
import { aChain, aConfig, aFolder, INBOX, INBOX_KEY, MAILBOX, TENANT } from './builders.ts';
import { type AppProcess, makeWorld, START, type World } from './in-memory-ports.ts';

/** The app in one process, wired as in production, on the fakes. */
export function startApp(world: World, config: Partial<Config> = {}, latency?: (call: string) => number) {
  const process: AppProcess = world.startProcess(latency);
  return { ...compose(aConfig(config), process.ports, new Date(START)), ...process };
}

export type App = ReturnType<typeof startApp>;

/** Puts a mailbox under watch without any call of a port: rows, chain, a live subscription. */
export function watchMailbox(world: World, mailbox = MAILBOX, folderId = INBOX, chain: Partial<Chain> = {}): void {
  const folder = folderKey(folderId);
  world.deliveries.of(mailbox).chains.set(folder, { ...aChain({ folderId }), ...chain });
  const expiresAt = new Date(world.clock.now() + 10_020 * 60_000);
  const subscription = world.subscriptions.put({ mailbox, folderId, expiresAt, ours: true });
  const renewAt = new Date(world.clock.now() + 5_010 * 60_000);
  const patchedAt = new Date(world.clock.now());
  world.folders.put(aFolder({ mailbox, folder, folderId, subscription, expiresAt, renewAt, patchedAt }));
}

/** A world with one watched mailbox, and the app. */
export function oneMailbox(config: Partial<Config> = {}) {
  const world = makeWorld();
  watchMailbox(world);
  return { world, app: startApp(world, config) };
}

/** A ring as a notification makes it: it names mails, and nothing has to be looked at unless one is new. */
export const ringFor = (...mails: (Mail | string)[]): Ring => ({
  mailbox: MAILBOX,
  folders: [INBOX_KEY],
  ids: mails.map((mail) => (typeof mail === 'string' ? mail : mail.id)),
});

export const lookRing = (look: NonNullable<Ring['look']> = 'timer', folders = [INBOX_KEY]): Ring => ({
  mailbox: MAILBOX,
  folders,
  ids: [],
  look,
});

/** Hands a ring to the app as the host would. */
export const ringUp = (app: App, ring: Ring): Promise<void> => app.processMailboxWork({ v: 1, ...ring });

/** Delivers every ring that is due until none is, or until `until` is reached; time moves on to the next ring or alarm. */
export async function runRings(world: World, app: App, untilMs = 3_600_000): Promise<number> {
  const end = world.clock.now() + untilMs;
  let handled = 0;
  for (;;) {
    const received = world.workQueue.receive();
    if (received) {
      handled++;
      await world.clock.runUntilDone(
        app.processMailboxWork(received.body).then(
          () => world.workQueue.complete(received.number),
          () => world.workQueue.abandon(received.number),
        ),
      );
      continue;
    }
    const next = world.workQueue.nextAt();
    if (next === undefined || next > end) return handled;
    await world.clock.advance(Math.max(0, next - world.clock.now()));
  }
}

/** MessageIds that the CRM got. */
export const arrived = (world: World): string[] => world.crmQueue.events.map((event) => event.messageId);

export const messageIdFor = (mail: Mail, mailbox = MAILBOX): string => messageIdOf(TENANT, mailbox, mail.id);

export const rowOf = (world: World, mail: Mail, mailbox = MAILBOX) =>
  world.deliveries.of(mailbox).ledger.get(ledgerKey(mail.receivedAt, mail.id));

export const chainOf = (world: World, mailbox = MAILBOX, folder = INBOX_KEY) => world.deliveries.chain(mailbox, folder);
