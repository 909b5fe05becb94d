import { type TableEntityResult, type TransactionAction, odata } from '@azure/data-tables';
import { type Delivery, descending, ledgerBound, receivedAtOf } from '../../domain/delivery.ts';
import { FREE, type Lane } from '../../domain/lane.ts';
import type { Commit, Deliveries, LaneTag, LedgerWindow, MailboxState } from '../../ports.ts';
import type { StorageAccount } from './connection.ts';
import {
  AUDITS,
  auditRow,
  chainFrom,
  chainRow,
  deliveryFrom,
  deliveryRow,
  LANE_KEY,
  laneFrom,
  laneRow,
  resultFrom,
} from './delivery-rows.ts';
import { isConflict, isStatus } from './storage-failure.ts';

type Row = TableEntityResult<Record<string, unknown>>;

/** Newest ledger rows read along with lane and chains: most rings are about mail of the last minutes. */
const WINDOW_ROWS = 100;
/** A transaction takes 100 changes (performing-entity-group-transactions); the last also holds link and lane. */
const ROWS_PER_TRANSACTION = 95;
/** The most that one answer holds (query-timeout-and-pagination). */
const OLDER_ROWS = 1000;
/** Sorts right after the last ledger row. */
const LEDGER_END = 'd;';
const ROWS_OF_A_REMOVAL = 100;
const EVERYTHING = { completeFrom: new Date(0) };

/** Table `deliveries`: partition = mailbox; rows `a` lane, `c:…` chains, `d:…` ledger, newest mail first. */
export function makeDeliveries(account: StorageAccount): Deliveries {
  const table = account.table('deliveries');

  async function rowsOf(mailbox: string, filter: string): Promise<Row[]> {
    return table.use(async (client) => {
      const rows: Row[] = [];
      for await (const row of client.listEntities({
        queryOptions: { filter: odata`PartitionKey eq ${mailbox}` + filter },
      }))
        rows.push(row);
      return rows;
    });
  }

  /**
   * The first rows, as far as the ledger at least: a page may come short or even empty although there are more
   * (query-timeout-and-pagination), and lane and chains must not be missed.
   */
  async function firstPage(filter: string, size: number): Promise<{ rows: Row[]; cut: boolean }> {
    return table.use(async (client) => {
      const rows: Row[] = [];
      for await (const page of client.listEntities({ queryOptions: { filter } }).byPage({ maxPageSize: size })) {
        rows.push(...page);
        if (page.continuationToken === undefined) break;
        if (rows.at(-1)?.rowKey?.startsWith('d:')) return { rows, cut: true };
      }
      return { rows, cut: false };
    });
  }

  async function writeLane(mailbox: string, lane: Lane, tag: LaneTag | undefined): Promise<LaneTag | undefined> {
    const row = laneRow(mailbox, lane);
    return table.use(async (client) => {
      try {
        const written =
          tag === undefined ? await client.createEntity(row) : await client.updateEntity(row, 'Replace', { etag: tag });
        return written.etag;
      } catch (error) {
        if (isConflict(error) && !isTableMissing(error)) return undefined;
        throw error;
      }
    });
  }

  const upsert = (mailbox: string, row: Delivery): TransactionAction => [
    'upsert',
    deliveryRow(mailbox, row),
    'Replace',
  ];

  async function commit(
    mailbox: string,
    { deliveries, chain, audit, lane, laneTag }: Commit,
  ): Promise<LaneTag | undefined> {
    return table.use(async (client) => {
      // Rows may come twice (a mail listed by both passes of a gap); a transaction may not hold a row twice.
      const unique = [...new Map(deliveries.map((row) => [row.key, row])).values()];
      while (unique.length > ROWS_PER_TRANSACTION)
        await client.submitTransaction(unique.splice(0, ROWS_PER_TRANSACTION).map((row) => upsert(mailbox, row)));
      const actions: TransactionAction[] = [
        ['update', laneRow(mailbox, lane), 'Replace', { etag: laneTag }],
        ...unique.map((row) => upsert(mailbox, row)),
      ];
      if (chain) actions.push(['update', chainRow(mailbox, chain.folder, chain.changes), 'Merge']);
      if (audit) actions.push(['upsert', auditRow(mailbox, audit), 'Replace']);
      try {
        const { subResponses } = await client.submitTransaction(actions);
        return subResponses[0]?.etag;
      } catch (error) {
        if (isConflict(error)) return undefined;
        throw error;
      }
    });
  }

  async function remove(rows: Row[]): Promise<void> {
    const keys = rows.map(({ partitionKey = '', rowKey = '' }) => ({ partitionKey, rowKey }));
    await table.use(async (client) => {
      while (keys.length > 0) {
        // Two processes may be at it: a row that is gone fails the whole transaction, so it is repeated row by row.
        const part = keys.splice(0, ROWS_OF_A_REMOVAL);
        await client.submitTransaction(part.map((key) => ['delete', key])).catch(async (error: unknown) => {
          if (!isStatus(error, 404)) throw error;
          for (const { partitionKey, rowKey } of part)
            await client.deleteEntity(partitionKey, rowKey).catch((cause: unknown) => {
              if (!isStatus(cause, 404)) throw cause;
            });
        });
      }
    });
  }

  return {
    clock: account.clock,
    writeLane,
    commit,

    async load(mailbox): Promise<MailboxState> {
      const { rows, cut } = await firstPage(odata`PartitionKey eq ${mailbox}`, WINDOW_ROWS);
      let state: MailboxState = {
        lane: FREE,
        laneTag: undefined,
        chains: [],
        ledger: { rows: new Map(), ...EVERYTHING },
      };
      const ledger: Delivery[] = [];
      for (const row of rows) {
        if (row.rowKey === LANE_KEY) state = { ...state, lane: laneFrom(row), laneTag: row.etag };
        else if (row.rowKey?.startsWith('c:')) state.chains.push(chainFrom(row));
        else if (row.rowKey?.startsWith('d:')) ledger.push(deliveryFrom(row));
      }
      return { ...state, ledger: windowOf(ledger, cut) };
    },

    async readLane(mailbox) {
      const [row] = await rowsOf(mailbox, odata` and RowKey eq ${LANE_KEY}`);
      return row ? { lane: laneFrom(row), tag: row.etag } : { lane: FREE, tag: undefined };
    },

    async between(mailbox, from, to) {
      const rows = await rowsOf(
        mailbox,
        odata` and RowKey ge ${ledgerBound(to)} and RowKey lt ${`${ledgerBound(from)};`}`,
      );
      return rows.map(deliveryFrom);
    },

    async older(mailbox, time) {
      // `;` sorts right after the `:` that ends the time: what was received at that very moment is left out.
      const filter = odata`PartitionKey eq ${mailbox} and RowKey gt ${`${ledgerBound(time)};`} and RowKey lt ${LEDGER_END}`;
      const { rows } = await firstPage(filter, OLDER_ROWS);
      return rows.map(deliveryFrom);
    },

    async saveChain(mailbox, folder, changes) {
      await table.use(async (client) => {
        try {
          await client.updateEntity(chainRow(mailbox, folder, changes), 'Merge');
        } catch (error) {
          if (!isStatus(error, 404)) throw error;
        }
      });
    },

    async beginChain(mailbox, { folder, ...chain }) {
      await table.use(async (client) => {
        try {
          await client.createEntity(chainRow(mailbox, folder, chain));
        } catch (error) {
          if (!isStatus(error, 409)) throw error;
        }
      });
    },

    async unfinished(mailbox) {
      const rows = await rowsOf(
        mailbox,
        odata` and RowKey ge 'd:' and RowKey lt ${LEDGER_END} and (state eq 'failing' or state eq 'parked')`,
      );
      return rows.map(deliveryFrom);
    },

    async audits(mailbox) {
      const rows = await rowsOf(mailbox, odata` and RowKey ge ${AUDITS.from} and RowKey lt ${AUDITS.to}`);
      return rows.map(resultFrom);
    },

    async purge(mailbox, before) {
      const ledger = odata` and RowKey gt ${`${ledgerBound(before)};`} and RowKey lt ${LEDGER_END}`;
      const audits = odata` and RowKey gt ${`${AUDITS.from}${descending(before)};`} and RowKey lt ${AUDITS.to}`;
      const rows = [...(await rowsOf(mailbox, ledger)), ...(await rowsOf(mailbox, audits))];
      await remove(rows);
      return rows.length;
    },

    async erase(mailbox) {
      await remove(await rowsOf(mailbox, ''));
    },
  };
}

const isTableMissing = (error: unknown) => error instanceof Error && /TableNotFound/.test(error.message);

/** The window reaches down to the oldest row read, or to the beginning of time if there was no more to read. */
function windowOf(rows: Delivery[], cut: boolean): LedgerWindow {
  const oldest = rows.at(-1);
  const completeFrom = cut
    ? oldest
      ? new Date(receivedAtOf(oldest.key).getTime() + 1)
      : new Date(8.64e15)
    : new Date(0);
  return { rows: new Map(rows.map((row) => [row.key, row])), completeFrom };
}
