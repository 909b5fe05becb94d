import * as z from 'zod';
import { MailboxUnavailableError, TransientError } from '../../errors.ts';
import type { DirectoryMailbox, GraphDirectory } from '../../ports.ts';
import { type GraphClient, isSegment, query, segment } from './graph-client.ts';
import { toError } from './graph-failure.ts';

const userSchema = z.looseObject({
  '@odata.type': z.string().nullish(),
  id: z.guid(),
  mail: z.string().nullish(),
  userPrincipalName: z.string().nullish(),
});

const pageSchema = z.looseObject({ value: z.array(z.unknown()), '@odata.nextLink': z.string().optional() });
const folderSchema = z.looseObject({ id: z.string().min(1), displayName: z.string().nullish() });

const USER_FIELDS = query({ $select: 'id,mail,userPrincipalName' });
const MAX_PAGES = 10_000;

const toMailbox = ({ id, mail, userPrincipalName }: z.infer<typeof userSchema>): DirectoryMailbox => ({
  id: id.toLowerCase(),
  address: mail ?? userPrincipalName ?? id,
});

/** Users, groups and mail folders. */
export function makeGraphDirectory(graph: GraphClient): GraphDirectory {
  async function pages(first: string): Promise<unknown[]> {
    const values: unknown[] = [];
    const asked = new Set<string>();
    for (let path: string | undefined = first; path !== undefined; ) {
      // Half a list, or one without end, must not pass for the whole.
      if (asked.has(path) || asked.size >= MAX_PAGES) throw new TransientError('graph:list-without-end');
      asked.add(path);
      const answer = await graph.get(path);
      if (!answer.ok) throw toError(answer.failure, 'service', answer.cause);
      const page = pageSchema.safeParse(answer.body);
      if (!page.success) throw new TransientError('graph:list-unreadable', { cause: page.error });
      values.push(...page.data.value);
      const next = page.data['@odata.nextLink'];
      path = next && graph.pathOf(next);
    }
    return values;
  }

  async function childByName(parent: string, name: string): Promise<string | undefined> {
    const children = await pages(`${parent}?${query({ $select: 'id,displayName', $top: '100' })}`);
    const wanted = name.toLowerCase();
    for (const child of children) {
      const folder = folderSchema.safeParse(child);
      if (folder.success && folder.data.displayName?.toLowerCase() === wanted) return folder.data.id;
    }
    return undefined;
  }

  return {
    async findMailbox(addressOrId) {
      if (!isSegment(addressOrId)) return 'not-found';
      const answer = await graph.get(`/users/${segment(addressOrId)}?${USER_FIELDS}`);
      if (answer.ok) {
        const user = userSchema.safeParse(answer.body);
        if (!user.success) throw new TransientError('graph:user-unreadable', { cause: user.error });
        return toMailbox(user.data);
      }
      if (answer.failure.status === 404 || answer.failure.status === 400) return 'not-found';
      if (answer.failure.status === 403) return 'no-access';
      throw toError(answer.failure, 'service', answer.cause);
    },

    async listGroup(groupId) {
      const members = await pages(`/groups/${segment(groupId)}/members?${USER_FIELDS}`);
      return members.flatMap((member) => {
        const user = userSchema.safeParse(member);
        const isUser =
          user.success &&
          (user.data['@odata.type'] ?? '#microsoft.graph.user').toLowerCase() === '#microsoft.graph.user';
        return isUser ? [toMailbox(user.data)] : [];
      });
    },

    async findFolder(mailbox, name) {
      if (!name.split('/').every(isSegment)) return undefined;
      const folders = `/users/${segment(mailbox)}/mailFolders`;
      const answer = await graph.get(`${folders}/${segment(name)}?${query({ $select: 'id' })}`);
      if (answer.ok) {
        const folder = folderSchema.safeParse(answer.body);
        if (!folder.success) throw new TransientError('graph:folder-unreadable', { cause: folder.error });
        return folder.data.id;
      }
      const { status, code } = answer.failure;
      // 400, whatever its code: neither a well-known name nor an id, so a display name.
      const unknown = (status === 404 && /^ErrorItemNotFound|^ErrorFolderNotFound/.test(code)) || status === 400;
      if (!unknown) throw toError(answer.failure, 'mailbox', answer.cause);
      try {
        const [top = '', ...below] = name.split('/');
        let found = await childByName(folders, top);
        for (const step of below)
          found = found && (await childByName(`${folders}/${segment(found)}/childFolders`, step));
        return found;
      } catch (error) {
        if (error instanceof MailboxUnavailableError) return undefined;
        throw error;
      }
    },
  };
}
