import type { AuditResult } from '../../../shared/domain/audit.ts';
import { type Chain, WHOLE_WATCH_MS } from '../../../shared/domain/delta.ts';
import { type Delivery, isUnfinished } from '../../../shared/domain/delivery.ts';
import { FREE, type Lane } from '../../../shared/domain/lane.ts';
import type { Clock, Commit, Deliveries, LaneTag, LedgerWindow, MailboxState } from '../../../shared/ports.ts';
import type { Gate } from './gate.ts';
import { LedgerRows } from './ledger-rows.ts';

const LATEST = 9_999_999_999_999;
const WINDOW_ROWS = 100;
const ROWS_PER_TRANSACTION = 95;
const OLDER_ROWS = 1_000;

type ChainRow = Partial<Chain> & { folder: string };

interface Partition {
  lane: Lane | undefined;
  tag: number;
  chains: Map<string, ChainRow>;
  ledger: LedgerRows;
  /** By folder and end, as the row key has it. */
  audits: Map<string, AuditResult>;
}

const receivedAt = (key: string) => LATEST - Number(key.slice(2, 15));

const REQUIRED = ['folderId', 'watchStart', 'wanted'] as const;

/** As a row comes back: what was never written has its default, what must be there is missed loudly. */
function toChain(row: ChainRow): Chain {
  const { folderId, watchStart, wanted } = row;
  if (folderId === undefined || watchStart === undefined || wanted === undefined)
    throw new Error(`chain row ${row.folder} lacks ${REQUIRED.filter((name) => row[name] === undefined).join(', ')}`);
  return {
    address: undefined,
    link: undefined,
    options: undefined,
    linkAt: undefined,
    gap: undefined,
    reportedAt: undefined,
    audit: undefined,
    replay: undefined,
    auditedTo: undefined,
    auditAt: undefined,
    ...row,
    folderId,
    watchStart,
    wanted,
    results: row.results ?? 0,
    window: row.window ?? WHOLE_WATCH_MS,
    takeovers: row.takeovers ?? 0,
  };
}

/** Table `deliveries`: one partition for each mailbox, with ETags on the lane. */
export class FakeDeliveriesTable {
  readonly #partitions = new Map<string, Partition>();

  of(mailbox: string): Partition {
    const known = this.#partitions.get(mailbox);
    if (known) return known;
    const fresh: Partition = {
      lane: undefined,
      tag: 0,
      chains: new Map(),
      ledger: new LedgerRows(),
      audits: new Map(),
    };
    this.#partitions.set(mailbox, fresh);
    return fresh;
  }

  ledger(mailbox: string): Delivery[] {
    return this.of(mailbox).ledger.all();
  }

  chain(mailbox: string, folder: string): Chain | undefined {
    const row = this.of(mailbox).chains.get(folder);
    return row && toChain(row);
  }

  lane(mailbox: string): Lane {
    return this.of(mailbox).lane ?? FREE;
  }

  remove(mailbox: string): void {
    this.#partitions.delete(mailbox);
  }
}

const tagOf = (partition: Partition): LaneTag | undefined => (partition.lane ? `W/"${partition.tag}"` : undefined);

function saveChain(partition: Partition, folder: string, changes: Partial<Omit<Chain, 'folder'>>): void {
  partition.chains.set(folder, Object.freeze({ ...partition.chains.get(folder), ...changes, folder }));
}

function windowOf({ chains, lane, ledger }: Partition): LedgerWindow {
  const rows = ledger.newest(WINDOW_ROWS - chains.size - (lane ? 1 : 0));
  const oldest = rows.at(-1);
  const cut = ledger.size > rows.length;
  const completeFrom = cut ? new Date(oldest ? receivedAt(oldest.key) + 1 : 8.64e15) : new Date(0);
  return { rows: new Map(rows.map((row) => [row.key, row])), completeFrom };
}

/** The port as one process sees it. */
export function fakeDeliveries(table: FakeDeliveriesTable, gate: Gate, clock: Clock): Deliveries {
  const conflict = () => undefined;
  return {
    clock,

    load: (mailbox) =>
      gate.pass('deliveries.load', (): MailboxState => {
        const partition = table.of(mailbox);
        return {
          lane: partition.lane ?? FREE,
          laneTag: tagOf(partition),
          chains: [...partition.chains.values()].map(toChain),
          ledger: windowOf(partition),
        };
      }),

    writeLane: (mailbox, lane, tag) =>
      gate.pass(
        'deliveries.writeLane',
        () => {
          const partition = table.of(mailbox);
          if (tagOf(partition) !== tag) return undefined;
          partition.lane = Object.freeze({ ...lane });
          partition.tag++;
          return tagOf(partition);
        },
        { conflict },
      ),

    readLane: (mailbox) =>
      gate.pass('deliveries.readLane', () => {
        const partition = table.of(mailbox);
        return { lane: partition.lane ?? FREE, tag: tagOf(partition) };
      }),

    commit(mailbox, { deliveries, chain, audit, lane, laneTag }: Commit) {
      const rows = [...new Map(deliveries.map((row) => [row.key, row])).values()];
      const early = rows.slice(
        0,
        Math.max(0, Math.ceil(rows.length / ROWS_PER_TRANSACTION) - 1) * ROWS_PER_TRANSACTION,
      );
      return gate.pass(
        'deliveries.commit',
        () => {
          const partition = table.of(mailbox);
          partition.ledger.save(early);
          if (tagOf(partition) !== laneTag || (chain && !partition.chains.has(chain.folder))) return undefined;
          partition.ledger.save(rows);
          if (chain) saveChain(partition, chain.folder, chain.changes);
          if (audit) partition.audits.set(`${audit.folder} ${audit.to.toISOString()}`, audit);
          partition.lane = Object.freeze({ ...lane });
          partition.tag++;
          return tagOf(partition);
        },
        { conflict, midway: () => table.of(mailbox).ledger.save(early) },
      );
    },

    between: (mailbox, from, to) => gate.pass('deliveries.between', () => table.of(mailbox).ledger.between(from, to)),

    older: (mailbox, time) => gate.pass('deliveries.older', () => table.of(mailbox).ledger.before(time, OLDER_ROWS)),

    beginChain: (mailbox, { folder, ...chain }) =>
      gate.pass('deliveries.beginChain', () => {
        const partition = table.of(mailbox);
        if (!partition.chains.has(folder)) saveChain(partition, folder, chain);
      }),

    saveChain: (mailbox, folder, changes) =>
      gate.pass('deliveries.saveChain', () => {
        const partition = table.of(mailbox);
        if (partition.chains.has(folder)) saveChain(partition, folder, changes);
      }),

    unfinished: (mailbox) => gate.pass('deliveries.unfinished', () => table.ledger(mailbox).filter(isUnfinished)),

    audits: (mailbox) =>
      gate.pass('deliveries.audits', () =>
        [...table.of(mailbox).audits.values()].toSorted((a, b) => b.to.getTime() - a.to.getTime()),
      ),

    purge: (mailbox, before) =>
      gate.pass('deliveries.purge', () => {
        const { ledger, audits } = table.of(mailbox);
        const rows = ledger.before(before);
        const ended = [...audits].filter(([, { to }]) => to < before);
        for (const { key } of rows) ledger.delete(key);
        for (const [key] of ended) audits.delete(key);
        return rows.length + ended.length;
      }),

    erase: (mailbox) =>
      gate.pass('deliveries.erase', () => {
        table.remove(mailbox);
      }),
  };
}
