import { type MailboxTrouble, MailboxUnavailableError } from '../../../shared/errors.ts';
import type { DirectoryMailbox, GraphDirectory } from '../../../shared/ports.ts';
import type { Gate } from './gate.ts';

/** Users, groups and folders of the tenant. */
export class FakeTenant {
  readonly users: DirectoryMailbox[] = [];
  readonly groups = new Map<string, DirectoryMailbox[]>();
  /** Folder ids by `<mailbox>/<name>`; without an entry, `inbox` is found as `inbox-id`. */
  readonly folders = new Map<string, string | undefined>();
  readonly troubles = new Map<string, MailboxTrouble>();

  addUser(id: string, address: string): DirectoryMailbox {
    const user = { id, address };
    this.users.push(user);
    return user;
  }
}

/** The port as one process sees it. */
export const fakeGraphDirectory = (tenant: FakeTenant, gate: Gate): GraphDirectory => ({
  findMailbox: (name) =>
    gate.pass('directory.findMailbox', () => {
      const trouble = tenant.troubles.get(name);
      if (trouble) return trouble;
      const wanted = name.toLowerCase();
      return tenant.users.find((user) => user.id === wanted || user.address.toLowerCase() === wanted) ?? 'not-found';
    }),
  listGroup: (id) => gate.pass('directory.listGroup', () => tenant.groups.get(id) ?? []),
  findFolder: (mailbox, name) =>
    gate.pass('directory.findFolder', () => {
      const trouble = tenant.troubles.get(mailbox);
      if (trouble) throw new MailboxUnavailableError(trouble, 'graph:refused');
      const key = `${mailbox}/${name}`;
      if (tenant.folders.has(key)) return tenant.folders.get(key);
      return name.toLowerCase() === 'inbox' ? 'inbox-id' : undefined;
    }),
});
