import { createHash } from 'node:crypto';
import pLimit from 'p-limit';
import type { Source, WatchedFolder } from '../domain/watched-folder.ts';
import { errorCode, type FolderTrouble } from '../errors.ts';
import { log } from '../log.ts';
import type { DirectoryMailbox, Ports } from '../ports.ts';

export interface WantedMailbox extends DirectoryMailbox {
  source: Source;
}

export interface Membership {
  wanted: WantedMailbox[];
  /** Named in the settings but not to be found. */
  unresolved: { address: string; trouble: FolderTrouble; code?: string }[];
  /** Addresses of the settings that were not found before and are not due to be tried again. */
  waiting: string[];
  /** `false`: some source could not be read whole, so absence proves nothing. */
  complete: boolean;
}

export interface MembershipSettings {
  /** Addresses or object ids. */
  mailboxes: string[];
  groupId: string | undefined;
}

/** Partition of a row for an address that Graph does not know (yet). */
export const unresolvedKey = (address: string): string =>
  `?${createHash('sha256').update(address.toLowerCase()).digest('base64url').slice(0, 22)}`;

const GUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
/** How often the group is read; a new member waits at most this long. */
const GROUP_EVERY_MS = 600_000;
const LOOK_UPS_AT_ONCE = 4;

/**
 * Finds out which mailboxes are wanted: settings, members of the group, those added by an administrator.
 * A failed or empty reading of the group keeps the last membership: an empty answer is far more often an error than the
 * wish to stop everything.
 */
export function makeWantedMailboxes(
  { directory }: Pick<Ports, 'directory'>,
  { mailboxes, groupId }: MembershipSettings,
  now: () => number,
) {
  const limit = pLimit(LOOK_UPS_AT_ONCE);
  let group: { members: DirectoryMailbox[]; readAt: number } | undefined;

  async function readGroup(): Promise<DirectoryMailbox[] | undefined> {
    if (!groupId) return [];
    if (group && now() - group.readAt < GROUP_EVERY_MS) return group.members;
    try {
      const members = await directory.listGroup(groupId);
      if (members.length === 0) throw new Error('empty group');
      group = { members, readAt: now() };
      return members;
    } catch (error) {
      log('warn', 'group not read, the last membership stands', { code: errorCode(error) });
      return undefined;
    }
  }

  return async (rows: WatchedFolder[]): Promise<Membership> => {
    const byName = new Map<string, WatchedFolder>();
    for (const row of rows) {
      byName.set(row.address.toLowerCase(), row);
      byName.set(row.mailbox, row);
    }
    const wanted = new Map<string, WantedMailbox>();
    const unresolved: Membership['unresolved'] = [];
    const waiting: string[] = [];
    let complete = true;

    await Promise.all(
      mailboxes.map((name) =>
        limit(async () => {
          const row = byName.get(name.toLowerCase());
          if (row && !row.mailbox.startsWith('?')) {
            wanted.set(row.mailbox, { id: row.mailbox, address: row.address, source: 'settings' });
            return;
          }
          // An object id needs no look-up, so that User.Read.All is needed only for addresses.
          if (GUID.test(name)) {
            wanted.set(name.toLowerCase(), { id: name.toLowerCase(), address: name, source: 'settings' });
            return;
          }
          if (row && row.probeAt.getTime() > now()) {
            waiting.push(name);
            return;
          }
          try {
            const found = await directory.findMailbox(name);
            if (typeof found === 'string') unresolved.push({ address: name, trouble: found });
            else
              wanted.set(found.id, {
                ...found,
                address: name.includes('@') ? name : found.address,
                source: 'settings',
              });
          } catch (error) {
            complete = false;
            unresolved.push({ address: name, trouble: 'no-answer', code: errorCode(error) });
            log('warn', 'mailbox not looked up', { code: errorCode(error) });
          }
        }),
      ),
    );

    const members = await readGroup();
    if (!members) complete = false;
    const kept = rows.filter((row) => row.wanted && (row.addedByAdmin || (row.source === 'group' && !members)));
    for (const member of members ?? [])
      if (!wanted.has(member.id)) wanted.set(member.id, { ...member, source: 'group' });
    for (const row of kept)
      if (!wanted.has(row.mailbox))
        wanted.set(row.mailbox, {
          id: row.mailbox,
          address: row.address,
          source: row.addedByAdmin ? 'admin' : row.source,
        });
    return { wanted: [...wanted.values()], unresolved, waiting, complete };
  };
}
