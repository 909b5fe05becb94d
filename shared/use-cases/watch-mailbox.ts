import { folderKey } from '../domain/delta.ts';
import { inTrouble, LIFE_MINUTES, type WatchedFolder } from '../domain/watched-folder.ts';
import { errorCode, type FolderTrouble, MailboxUnavailableError } from '../errors.ts';
import { log } from '../log.ts';
import type { Ports } from '../ports.ts';
import { unresolvedKey, type WantedMailbox } from './wanted-mailboxes.ts';

type Deps = Pick<Ports, 'folders' | 'deliveries' | 'directory'> & { folderNames: string[]; now: () => number };

const NEVER = new Date(0);
/** A mailbox that comes back within this time goes on where it stopped. */
const KEEP_CHAIN_MS = 7 * 86_400_000;

/** Graph states received times in whole seconds. */
const wholeSecond = (ms: number) => new Date(Math.floor(ms / 1000) * 1000);

const emptyRow = (mailbox: string, folder: string, folderName: string, address: string): WatchedFolder => ({
  mailbox,
  folder,
  folderId: '',
  folderName,
  address,
  source: 'settings',
  addedByAdmin: false,
  wanted: true,
  watchStart: NEVER,
  state: 'starting',
  reason: '',
  since: NEVER,
  move: 'none',
  subscription: undefined,
  keyId: undefined,
  endpoint: undefined,
  expiresAt: undefined,
  renewAt: undefined,
  patchedAt: undefined,
  maxMinutes: LIFE_MINUTES,
  claim: '',
  claimedUntil: NEVER,
  rungAt: NEVER,
  syncedAt: NEVER,
  probeAt: NEVER,
  probes: 0,
  purgedAt: NEVER,
  missingSince: undefined,
});

/** Begins, resumes or ends watching; each step can be repeated after a crash. */
export function makeWatchMailbox({ folders, deliveries, directory, folderNames, now }: Deps) {
  const seconds = new Set<string>();

  const findFolder = async (
    mailbox: string,
    name: string,
  ): Promise<{ id: string } | { trouble: FolderTrouble; code?: string }> => {
    try {
      const id = await directory.findFolder(mailbox, name);
      return id === undefined ? { trouble: 'no-folder' } : { id };
    } catch (error) {
      if (error instanceof MailboxUnavailableError) return { trouble: error.trouble };
      return { trouble: 'no-answer', code: errorCode(error) };
    }
  };

  /** Back after a removal: within seven days the chain goes on, later a new watch begins. */
  async function resume(row: WatchedFolder, mailbox: WantedMailbox): Promise<void> {
    const fresh = now() - row.since.getTime() > KEEP_CHAIN_MS;
    const watchStart = fresh ? wholeSecond(now()) : row.watchStart;
    const { folder, folderId } = row;
    const address = mailbox.address.includes('@') ? mailbox.address : undefined;
    // After an erasure that broke off there is a row and no chain.
    await deliveries.beginChain(row.mailbox, { folder, folderId, address, watchStart, wanted: false });
    if (fresh) await deliveries.saveChain(row.mailbox, folder, { watchStart, link: undefined, gap: undefined });
    await folders.update(row, (known) => ({
      wanted: true,
      source: mailbox.source,
      addedByAdmin: known.addedByAdmin || mailbox.source === 'admin',
      address: mailbox.address,
      watchStart,
      state: 'starting',
      reason: '',
      move: 'none',
      since: new Date(now()),
      missingSince: undefined,
      rungAt: NEVER,
      probeAt: NEVER,
    }));
    await deliveries.saveChain(row.mailbox, folder, { wanted: true });
  }

  /** The folder is watched under another name, of its own or of the settings before. Its chain goes on. */
  async function rename(
    row: WatchedFolder,
    folderName: string,
    mailbox: WantedMailbox,
  ): Promise<WatchedFolder | undefined> {
    if (folderNames.includes(row.folderName)) {
      // Two names of the settings for one folder: the first one stands.
      seconds.add(`${mailbox.id}/${folderName}`);
      return row;
    }
    const renamed = await folders.update(row, () => ({ folderName, missingSince: undefined }));
    if (renamed && !renamed.wanted) await resume(renamed, mailbox);
    return renamed;
  }

  /** Shows a mailbox or folder that cannot be found; `mailbox` may be an unresolved key. */
  async function refuse(row: WatchedFolder, trouble: FolderTrouble, code?: string): Promise<void> {
    if (await folders.create({ ...row, ...inTrouble(row, trouble, now(), code) })) return;
    await folders.update(row, (known) => inTrouble(known, trouble, now(), code));
  }

  /** Safe to repeat: what is there already stays. */
  async function begin(
    mailbox: WantedMailbox,
    folderName: string,
    folderId: string,
    since: Date,
    addedByAdmin = mailbox.source === 'admin',
  ): Promise<WatchedFolder> {
    const folder = folderKey(folderId);
    const watchStart = wholeSecond(since.getTime());
    const address = mailbox.address.includes('@') ? mailbox.address : undefined;
    // Chain first: a row without a chain would be rung in vain.
    await deliveries.beginChain(mailbox.id, { folder, folderId, address, watchStart, wanted: true });
    const row = {
      ...emptyRow(mailbox.id, folder, folderName, mailbox.address),
      folderId,
      source: mailbox.source,
      addedByAdmin,
      watchStart,
      since: new Date(now()),
      purgedAt: new Date(now()),
    };
    await folders.create(row);
    log('info', 'watching', { mailbox: mailbox.id, folder });
    return row;
  }

  return {
    /**
     * Starts to watch one folder. `since`: mail received from then on is wanted. Returns the row, `undefined` where the
     * folder cannot be found; that is shown, and tried again when the row's probe is due.
     */
    async start(mailbox: WantedMailbox, folderName: string, since: Date): Promise<WatchedFolder | undefined> {
      if (seconds.has(`${mailbox.id}/${folderName}`)) return undefined;
      const found = await findFolder(mailbox.id, folderName);
      if ('trouble' in found) {
        const row = emptyRow(mailbox.id, `?${folderName}`, folderName, mailbox.address);
        const named = { source: mailbox.source, addedByAdmin: mailbox.source === 'admin' };
        await refuse({ ...row, ...named }, found.trouble, found.code);
        return undefined;
      }
      const known = await folders.get({ mailbox: mailbox.id, folder: folderKey(found.id) });
      return known ? rename(known, folderName, mailbox) : begin(mailbox, folderName, found.id, since);
    },

    /**
     * A folder that cannot be read may have been deleted and made anew under its name: the new one is watched since when
     * the old one was. Returns its row; `undefined` where the name still stands for the old one, or for none.
     */
    async follow(row: WatchedFolder, mailbox: WantedMailbox): Promise<WatchedFolder | undefined> {
      const found = await findFolder(mailbox.id, row.folderName);
      if ('trouble' in found || found.id === row.folderId) return undefined;
      const started = await begin(mailbox, row.folderName, found.id, row.watchStart, row.addedByAdmin);
      await deliveries.saveChain(row.mailbox, row.folder, { wanted: false });
      await folders.remove(row);
      return started;
    },

    /** Shows an address that Graph does not know or may not tell us about. */
    refuseAddress: (address: string, trouble: FolderTrouble, code?: string): Promise<void> =>
      refuse(emptyRow(unresolvedKey(address), 'mailbox', '', address), trouble, code),

    resume,

    /**
     * Stops: no more mail of this folder is published. What breaks off in between is finished by the next turn of the
     * timer, which knows it by its state. `false`: it was not, because somebody wants the mailbox again; `isLetGo` judges the
     * row as it is by then. Otherwise the caller removes the subscription.
     */
    async stop(row: WatchedFolder, isLetGo: (known: WatchedFolder) => boolean): Promise<boolean> {
      // Was never found: there is nothing but the row.
      if (row.folderId === '') {
        await folders.remove(row);
        return true;
      }
      // Row first: by it, a chain that is closed without cause is opened again.
      const stopping = await folders.update(row, (known) =>
        isLetGo(known) ? { wanted: false, addedByAdmin: false, since: new Date(now()) } : undefined,
      );
      if (!stopping) return false;
      await deliveries.saveChain(row.mailbox, row.folder, { wanted: false });
      const stopped = await folders.update(row, ({ wanted }) =>
        wanted
          ? undefined
          : {
              state: 'stopped',
              reason: 'no longer in the settings, the group or the list of the administrator',
              move: 'none',
              subscription: undefined,
              expiresAt: undefined,
              renewAt: undefined,
            },
      );
      if (!stopped) return false;
      log('info', 'watching stopped', { mailbox: row.mailbox, folder: row.folder });
      return true;
    },
  };
}

export type WatchMailbox = ReturnType<typeof makeWatchMailbox>;
