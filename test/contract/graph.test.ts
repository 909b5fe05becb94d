import * as z from 'zod';
import { makeGraphDirectory } from '../../shared/adapters/graph/graph-directory.ts';
import { aMail, MAILBOX } from '../support/builders.ts';
import { makeWorld } from '../support/in-memory-ports.ts';
import { graphDirectoryContract } from './graph-directory.contract.ts';
import { graphMailContract, type MailContent } from './graph-mail.contract.ts';
import { graphSubscriptionsContract } from './graph-subscriptions.contract.ts';
import {
  USER,
  createdId,
  emulator,
  folderOf,
  openGraph,
  openSubscriptions,
  outside,
  realMail,
  reset,
  useGraph,
} from './graph-fixture.ts';

useGraph();

graphMailContract('in memory', () => {
  const world = makeWorld();
  let shape: 'whole' | 'partial' = 'whole';
  return Promise.resolve({
    mail: world.startProcess().ports.mail,
    mailbox: MAILBOX,
    inbox: 'inbox-id',
    archive: 'archive-id',
    deliver: ({ folderId = 'inbox-id', attachments = [], from, ...content }: MailContent = {}) => {
      const mail = aMail({
        ...content,
        ...(from && { from, sender: from }),
        parentFolderId: folderId,
        attachments: attachments.map(({ content: bytes, isInline = false, ...rest }, position) => ({
          ...rest,
          id: `attachment-${position}`,
          kind: 'file',
          size: Buffer.byteLength(bytes),
          isInline,
        })),
      });
      return Promise.resolve(world.mailboxes.add(MAILBOX, mail, { shape }).id);
    },
    move: (id, folderId) => Promise.resolve(world.mailboxes.move(MAILBOX, id, folderId)),
    remove: (id) => Promise.resolve(world.mailboxes.remove(MAILBOX, id)),
    expireLinks: () => world.mailboxes.expireLinks(),
    refuse: (trouble) => {
      world.mailboxes.troubles.set(MAILBOX, trouble);
    },
    leaveFieldsOut: () => {
      shape = 'partial';
    },
  });
});
graphMailContract('Graph', realMail);

graphDirectoryContract('in memory', () => {
  const world = makeWorld();
  const { tenant } = world;
  return Promise.resolve({
    directory: world.startProcess().ports.directory,
    addUser: ({ id, address }) => void tenant.addUser(id, address),
    setGroup: (id, members) => void tenant.groups.set(id, members),
    addFolder: (mailbox, path) => {
      const id = `id of ${path}`;
      for (const name of [path, id]) tenant.folders.set(`${mailbox}/${name}`, id);
      return Promise.resolve(id);
    },
    inboxOf: () => Promise.resolve('inbox-id'),
    refuse: (mailbox, trouble) => void tenant.troubles.set(mailbox, trouble),
  });
});
graphDirectoryContract('Graph', () => {
  reset();
  emulator.control.removeUser(USER.id);
  const folders = new Map<string, string>();
  return Promise.resolve({
    directory: makeGraphDirectory(openGraph()),
    addUser: (user) => emulator.control.addUser(user),
    setGroup: (id, members) => emulator.control.setGroup({ id, members: members.map((member) => member.id) }),
    async addFolder(mailbox, path) {
      const [displayName = '', ...above] = path.split('/').toReversed();
      const parent = folders.get(above.toReversed().join('/'));
      const place = `/users/${mailbox}/mailFolders`;
      const id = await createdId(parent ? `${place}/${parent}/childFolders` : place, { displayName });
      folders.set(path, id);
      return id;
    },
    inboxOf: async (mailbox) => z.string().parse((await outside('GET', `/users/${mailbox}/mailFolders/inbox`)).id),
    refuse: (mailbox, trouble) =>
      emulator.control.setMailboxState(mailbox, trouble === 'no-access' ? 'accessDenied' : 'notEnabled'),
  });
});

graphSubscriptionsContract('in memory', () => {
  const world = makeWorld();
  return Promise.resolve({
    subscriptions: world.startProcess().ports.subscriptions,
    mailbox: MAILBOX,
    folders: ['f1', 'f2', 'f3', 'f4', 'f5'],
    limitLife: (minutes) => {
      world.subscriptions.maxMinutes = minutes;
    },
    lose: (id) => void world.subscriptions.all.delete(id),
    limitPages: () => undefined,
    advance: (ms) => world.clock.advance(ms),
  });
});
graphSubscriptionsContract('Graph', async () => {
  reset();
  const folders = await Promise.all(['inbox', 'archive', 'drafts', 'sentitems', 'deleteditems'].map(folderOf));
  return {
    subscriptions: openSubscriptions(),
    mailbox: USER.id,
    folders,
    limitLife: (minutes) => emulator.control.setKnobs({ subscriptionMaximumMinutes: minutes }),
    lose: (id) => void emulator.control.removeSubscription(id),
    limitPages: (subscriptionPageSize) => emulator.control.setKnobs({ subscriptionPageSize }),
    advance: (ms) => Promise.resolve(emulator.control.advanceClock(ms)),
  };
});
