import { odata } from '@azure/data-tables';
import * as z from 'zod';
import type { WatchedFolder } from '../../domain/watched-folder.ts';
import { TransientError } from '../../errors.ts';
import { log } from '../../log.ts';
import type { FolderRef, WatchedFolders } from '../../ports.ts';
import type { StorageAccount } from './connection.ts';
import { isConflict, isStatus } from './storage-failure.ts';

const NEVER = new Date(0);
const ATTEMPTS = 5;
/** Partition of first sightings; no mailbox has such an id. */
const ORPHANS = '~orphans';

const time = z.date();
const orNone = z
  .string()
  .default('')
  .transform((text) => (text === '' ? undefined : text));
const orNever = time.default(NEVER).transform((value) => (value.getTime() === 0 ? undefined : value));

/** A row as stored: a merge cannot clear a property, so '' and the epoch stand for "none". */
const rowSchema = z.object({
  partitionKey: z.string(),
  rowKey: z.string(),
  folderId: z.string(),
  folderName: z.string(),
  address: z.string(),
  source: z.enum(['settings', 'group', 'admin']),
  addedByAdmin: z.boolean().default(false),
  wanted: z.boolean(),
  watchStart: time,
  state: z.enum(['starting', 'active', 'polling', 'failing', 'suspended', 'stopped']),
  reason: z.string(),
  since: time,
  move: z.enum(['none', 'administrator', 'operator']),
  subscription: orNone,
  keyId: orNone,
  endpoint: orNone,
  expiresAt: orNever,
  renewAt: orNever,
  patchedAt: orNever,
  maxMinutes: z.number(),
  claim: z.string(),
  claimedUntil: time,
  rungAt: time,
  syncedAt: time,
  probeAt: time,
  probes: z.number(),
  purgedAt: time.default(NEVER),
  missingSince: orNever,
});

function fromRow(row: unknown): WatchedFolder {
  const { partitionKey, rowKey, ...rest } = rowSchema.parse(row);
  return { ...rest, mailbox: decodeURIComponent(partitionKey), folder: decodeURIComponent(rowKey) };
}

// `?` marks what is not resolved and is not allowed in a key.
const keysOf = ({ mailbox, folder }: FolderRef) => ({
  partitionKey: encodeURIComponent(mailbox).replaceAll('%', '='),
  rowKey: encodeURIComponent(folder).replaceAll('%', '='),
});
const plain = (key: string) => key.replaceAll('=', '%');

const TEXTS = ['subscription', 'keyId', 'endpoint'] as const;
const TIMES = ['expiresAt', 'renewAt', 'patchedAt', 'missingSince'] as const;

function toColumns(changes: Partial<WatchedFolder>): Record<string, unknown> {
  const { mailbox: _, folder: __, ...columns } = changes;
  const row: Record<string, unknown> = { ...columns };
  for (const name of TEXTS) if (name in changes) row[name] = changes[name] ?? '';
  for (const name of TIMES) if (name in changes) row[name] = changes[name] ?? NEVER;
  return row;
}

/** Table `watchedFolders`: partition = mailbox, row = folder. */
export function makeWatchedFolders(account: StorageAccount): WatchedFolders {
  const table = account.table('watchedFolders');

  const read = (ref: FolderRef) =>
    table.use(async (client) => {
      const { partitionKey, rowKey } = keysOf(ref);
      try {
        return await client.getEntity(partitionKey, rowKey);
      } catch (error) {
        if (isStatus(error, 404) && !/TableNotFound/.test(String(error))) return undefined;
        throw error;
      }
    });

  const parse = (entity: { partitionKey?: string; rowKey?: string }): WatchedFolder =>
    fromRow({ ...entity, partitionKey: plain(entity.partitionKey ?? ''), rowKey: plain(entity.rowKey ?? '') });

  /** A row that is damaged, or that a newer version wrote, must not keep the others from being looked after. */
  function readable(entity: { partitionKey?: string; rowKey?: string }): WatchedFolder[] {
    try {
      return [parse(entity)];
    } catch {
      const { partitionKey = '', rowKey = '' } = entity;
      log('error', 'watched folder unreadable', { mailbox: partitionKey, folder: rowKey });
      return [];
    }
  }

  return {
    list: ({ mailbox } = {}) =>
      table.use(async (client) => {
        const filter = mailbox
          ? odata`PartitionKey eq ${keysOf({ mailbox, folder: '' }).partitionKey}`
          : odata`PartitionKey lt ${ORPHANS}`;
        const rows: WatchedFolder[] = [];
        for await (const entity of client.listEntities({ queryOptions: { filter } })) rows.push(...readable(entity));
        return rows;
      }),

    async get(ref) {
      const entity = await read(ref);
      return entity && parse(entity);
    },

    create: (folder) =>
      table.use(async (client) => {
        try {
          await client.createEntity({ ...keysOf(folder), ...toColumns(folder) });
          return true;
        } catch (error) {
          if (isStatus(error, 409)) return false;
          throw error;
        }
      }),

    async update(ref, change) {
      for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
        const entity = await read(ref);
        if (!entity) return undefined;
        const folder = parse(entity);
        const changes = change(folder);
        if (!changes) return undefined;
        const written = await table.use(async (client) => {
          try {
            await client.updateEntity({ ...keysOf(ref), ...toColumns(changes) }, 'Merge', { etag: entity.etag });
            return true;
          } catch (error) {
            if (isConflict(error)) return false;
            throw error;
          }
        });
        if (written) return { ...folder, ...changes };
      }
      throw new TransientError('storage:contended');
    },

    async touch(ref, changes) {
      await table.use(async (client) => {
        try {
          await client.updateEntity({ ...keysOf(ref), ...changes }, 'Merge');
        } catch (error) {
          if (!isStatus(error, 404)) throw error;
        }
      });
    },

    async remove(ref) {
      const { partitionKey, rowKey } = keysOf(ref);
      await table.use(async (client) => {
        try {
          await client.deleteEntity(partitionKey, rowKey);
        } catch (error) {
          if (!isStatus(error, 404)) throw error;
        }
      });
    },

    sightOrphan: (subscription, now) =>
      table.use(async (client) => {
        const keys = { partitionKey: ORPHANS, rowKey: subscription };
        try {
          await client.createEntity({ ...keys, seenAt: now });
          return now;
        } catch (error) {
          if (!isStatus(error, 409)) throw error;
          return z.looseObject({ seenAt: time }).parse(await client.getEntity(ORPHANS, subscription)).seenAt;
        }
      }),

    async forgetOrphan(subscription) {
      await table.use(async (client) => {
        try {
          await client.deleteEntity(ORPHANS, subscription);
        } catch (error) {
          if (!isStatus(error, 404)) throw error;
        }
      });
    },
  };
}
