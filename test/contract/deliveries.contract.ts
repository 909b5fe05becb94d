import { beforeEach, describe, expect, it } from 'vitest';
import { WHOLE_WATCH_MS } from '../../shared/domain/delta.ts';
import { type Delivery, END_OF_TIME, ledgerKey } from '../../shared/domain/delivery.ts';
import { FREE, type Lane, take } from '../../shared/domain/lane.ts';
import type { Deliveries, LaneTag } from '../../shared/ports.ts';

const NOW = Date.parse('2026-10-12T08:00:00Z');
const LINK = `https://graph.test/v1.0/delta?$deltatoken=${'x'.repeat(3_000)}`;

const aDelivery = (number: number, changes: Partial<Delivery> = {}): Delivery => {
  const id = `AAkA-mail-${number}=`;
  return {
    key: ledgerKey(new Date(NOW - number * 1_000), id),
    id,
    state: 'published',
    attempts: 0,
    recordedAt: new Date(NOW),
    ...changes,
  };
};

const aLane = (changes: Partial<Lane> = {}): Lane => ({ ...take(FREE, 'holder-1', 'f1', NOW), ...changes });

const chainStart = {
  folder: 'f1',
  folderId: 'AAMkAGfolder=',
  address: 'sales@northwind.example',
  watchStart: new Date(NOW),
  wanted: true,
};

/** Every store of lanes, chains and ledger, fake or real, does this. `make` gives an empty partition. */
export function deliveriesContract(
  name: string,
  make: () => Promise<{ deliveries: Deliveries; mailbox: string }>,
): void {
  describe(`deliveries: ${name}`, () => {
    let deliveries: Deliveries;
    let mailbox: string;
    beforeEach(async () => {
      ({ deliveries, mailbox } = await make());
    });

    async function takeLane(lane = aLane()): Promise<LaneTag> {
      const tag = await deliveries.writeLane(mailbox, lane, undefined);
      if (tag === undefined) throw new Error('somebody has the lane of a fresh mailbox');
      return tag;
    }

    it('knows nothing of a mailbox that was never written', async () => {
      const state = await deliveries.load(mailbox);
      expect(state.lane).toEqual(FREE);
      expect(state.laneTag).toBeUndefined();
      expect(state.chains).toEqual([]);
      expect(state.ledger.rows.size).toBe(0);
      expect(state.ledger.completeFrom).toEqual(new Date(0));
      expect(await deliveries.readLane(mailbox)).toEqual({ lane: FREE, tag: undefined });
    });

    it('lets one of two who both saw no lane write it [F44, F63]', async () => {
      const tags = await Promise.all(
        [1, 2].map((n) => deliveries.writeLane(mailbox, aLane({ holder: `h${n}` }), undefined)),
      );
      expect(tags.filter((tag) => tag !== undefined)).toHaveLength(1);
    });

    it('gives a lane back as it was written, with the tag that the next write needs', async () => {
      const lane = aLane({ marked: true, guardAt: new Date(NOW + 95_000), failures: 3 });
      const tag = await takeLane(lane);
      expect(await deliveries.readLane(mailbox)).toEqual({ lane, tag });
      const state = await deliveries.load(mailbox);
      expect({ lane: state.lane, tag: state.laneTag }).toEqual({ lane, tag });
      expect(await deliveries.writeLane(mailbox, FREE, state.laneTag)).toBeDefined();
    });

    it('refuses a lane written with a tag that is out of date [F44, F63]', async () => {
      const tag = await takeLane();
      await deliveries.writeLane(mailbox, aLane({ marked: true }), tag);
      expect(await deliveries.writeLane(mailbox, FREE, tag)).toBeUndefined();
      expect((await deliveries.readLane(mailbox)).lane.marked).toBe(true);
    });

    it('stores a page: rows, chain and lane together, and returns the next tag [F45]', async () => {
      await deliveries.beginChain(mailbox, chainStart);
      const laneTag = await takeLane();
      const rows = [aDelivery(1), aDelivery(2, { state: 'failing', attempts: 2, reason: 'graph:500' })];
      const chain = { folder: 'f1', changes: { link: LINK, options: 'o1', results: 7, linkAt: new Date(NOW) } };
      const next = await deliveries.commit(mailbox, { deliveries: rows, chain, lane: aLane({ failures: 1 }), laneTag });
      const state = await deliveries.load(mailbox);
      expect(state.laneTag).toBe(next);
      expect(state.lane.failures).toBe(1);
      expect([...state.ledger.rows.values()]).toEqual(rows);
      expect(state.chains).toEqual([
        {
          ...chainStart,
          link: LINK,
          options: 'o1',
          results: 7,
          linkAt: new Date(NOW),
          gap: undefined,
          window: WHOLE_WATCH_MS,
          takeovers: 0,
          reportedAt: undefined,
        },
      ]);
    });

    it('stores nothing of a page once the lane has changed [F44, F45]', async () => {
      await deliveries.beginChain(mailbox, chainStart);
      const laneTag = await takeLane();
      await deliveries.writeLane(mailbox, aLane({ holder: 'another' }), laneTag);
      const chain = { folder: 'f1', changes: { link: LINK } };
      const result = await deliveries.commit(mailbox, { deliveries: [aDelivery(1)], chain, lane: FREE, laneTag });
      const state = await deliveries.load(mailbox);
      expect(result).toBeUndefined();
      expect(state.ledger.rows.size).toBe(0);
      expect(state.chains[0]?.link).toBeUndefined();
      expect(state.lane.holder).toBe('another');
    });

    it('refuses a page whose chain was erased meanwhile', async () => {
      await deliveries.beginChain(mailbox, chainStart);
      const laneTag = await takeLane();
      await deliveries.erase(mailbox);
      const chain = { folder: 'f1', changes: { link: LINK } };
      expect(
        await deliveries.commit(mailbox, { deliveries: [aDelivery(1)], chain, lane: FREE, laneTag }),
      ).toBeUndefined();
      expect((await deliveries.load(mailbox)).chains).toEqual([]);
    });

    it('stores a page of more rows than one transaction takes [F66]', async () => {
      const laneTag = await takeLane();
      const rows = Array.from({ length: 250 }, (_, number) => aDelivery(number));
      expect(await deliveries.commit(mailbox, { deliveries: rows, lane: FREE, laneTag })).toBeDefined();
      const stored = await deliveries.between(mailbox, new Date(NOW - 1_000_000), new Date(NOW));
      expect(stored).toHaveLength(250);
    });

    it('stores a page that lists the same mail twice [F66]', async () => {
      const laneTag = await takeLane();
      const rows = [aDelivery(1, { state: 'failing', attempts: 1 }), aDelivery(1)];
      expect(await deliveries.commit(mailbox, { deliveries: rows, lane: FREE, laneTag })).toBeDefined();
      expect([...(await deliveries.load(mailbox)).ledger.rows.values()]).toEqual([aDelivery(1)]);
    });

    it('replaces a row that is stored again', async () => {
      const laneTag = await takeLane();
      const failing = aDelivery(1, { state: 'failing', attempts: 2, reason: 'graph:500' });
      const next = await deliveries.commit(mailbox, { deliveries: [failing], lane: aLane(), laneTag });
      await deliveries.commit(mailbox, { deliveries: [aDelivery(1)], lane: FREE, laneTag: next ?? '' });
      expect([...(await deliveries.load(mailbox)).ledger.rows.values()]).toEqual([aDelivery(1)]);
    });

    it('loads the newest rows and says from when on they are all there are', async () => {
      const laneTag = await takeLane();
      const rows = Array.from({ length: 180 }, (_, number) => aDelivery(number));
      await deliveries.commit(mailbox, { deliveries: rows, lane: FREE, laneTag });
      const { ledger } = await deliveries.load(mailbox);
      const loaded = [...ledger.rows.values()];
      expect(loaded.length).toBeGreaterThan(50);
      expect(loaded.length).toBeLessThan(180);
      expect(loaded).toEqual(rows.slice(0, loaded.length));
      const covered = rows.filter((_, number) => NOW - number * 1_000 >= ledger.completeFrom.getTime());
      expect(covered.every((row) => ledger.rows.has(row.key))).toBe(true);
      expect(covered.length).toBeGreaterThanOrEqual(loaded.length - 1);
    });

    it('finds the rows of mails received in a stretch of time, both ends included', async () => {
      const laneTag = await takeLane();
      const rows = Array.from({ length: 10 }, (_, number) => aDelivery(number));
      await deliveries.commit(mailbox, { deliveries: rows, lane: FREE, laneTag });
      const found = await deliveries.between(mailbox, new Date(NOW - 6_000), new Date(NOW - 3_000));
      expect(found.map(({ id }) => id)).toEqual(rows.slice(3, 7).map(({ id }) => id));
    });

    it('finds the rows of one very moment', async () => {
      const laneTag = await takeLane();
      await deliveries.commit(mailbox, { deliveries: [aDelivery(1), aDelivery(2)], lane: FREE, laneTag });
      const at = new Date(NOW - 1_000);
      expect(await deliveries.between(mailbox, at, at)).toEqual([aDelivery(1)]);
    });

    it('reads on, newest first, from before a moment', async () => {
      const laneTag = await takeLane();
      const rows = Array.from({ length: 10 }, (_, number) => aDelivery(number));
      await deliveries.commit(mailbox, { deliveries: rows, lane: FREE, laneTag });
      const ids = (found: Delivery[]) => found.map(({ id }) => id);
      expect(ids(await deliveries.older(mailbox, new Date(NOW - 4_000)))).toEqual(ids(rows.slice(5)));
      expect(await deliveries.older(mailbox, new Date(NOW - 9_000))).toEqual([]);
    });

    it('reads on without a hole where the loaded window ends', async () => {
      const laneTag = await takeLane();
      const rows = Array.from({ length: 300 }, (_, number) => aDelivery(number));
      await deliveries.commit(mailbox, { deliveries: rows, lane: FREE, laneTag });
      const { ledger } = await deliveries.load(mailbox);
      const rest = await deliveries.older(mailbox, ledger.completeFrom);
      const known = new Set([...ledger.rows.keys(), ...rest.map(({ key }) => key)]);
      expect(rows.filter(({ key }) => !known.has(key))).toEqual([]);
    });

    it('keeps ids apart that differ only by letter case [F41]', async () => {
      const laneTag = await takeLane();
      const received = new Date(NOW);
      const rows = ['AAkAb=', 'AAkAB='].map((id) => ({ ...aDelivery(1), id, key: ledgerKey(received, id) }));
      await deliveries.commit(mailbox, { deliveries: rows, lane: FREE, laneTag });
      expect(await deliveries.between(mailbox, received, received)).toHaveLength(2);
    });

    it('begins a chain once and changes only what is named afterwards', async () => {
      await deliveries.beginChain(mailbox, chainStart);
      await deliveries.saveChain(mailbox, 'f1', { link: LINK, takeovers: 2 });
      await deliveries.beginChain(mailbox, { ...chainStart, address: undefined, watchStart: new Date(NOW + 60_000) });
      await deliveries.saveChain(mailbox, 'f1', { wanted: false });
      const [chain] = (await deliveries.load(mailbox)).chains;
      expect(chain).toMatchObject({ ...chainStart, link: LINK, takeovers: 2, wanted: false });
    });

    it('clears what is named as undefined', async () => {
      const gap = { by: 'receivedDateTime' as const, from: new Date(NOW), skip: 3, start: new Date(NOW - 5) };
      await deliveries.beginChain(mailbox, chainStart);
      await deliveries.saveChain(mailbox, 'f1', {
        link: LINK,
        options: 'o',
        linkAt: new Date(NOW),
        gap,
        reportedAt: new Date(NOW),
      });
      expect((await deliveries.load(mailbox)).chains[0]).toMatchObject({ link: LINK, gap, reportedAt: new Date(NOW) });
      await deliveries.saveChain(mailbox, 'f1', {
        link: undefined,
        options: undefined,
        linkAt: undefined,
        gap: undefined,
        reportedAt: undefined,
      });
      const [chain] = (await deliveries.load(mailbox)).chains;
      expect([chain?.link, chain?.options, chain?.linkAt, chain?.gap, chain?.reportedAt]).toEqual(
        Array(5).fill(undefined),
      );
    });

    it('does not bring back a chain that is gone [T29]', async () => {
      await deliveries.saveChain(mailbox, 'f1', { takeovers: 1 });
      expect((await deliveries.load(mailbox)).chains).toEqual([]);
    });

    it('lists what is failing or parked, however old', async () => {
      const laneTag = await takeLane();
      const failing = aDelivery(150, { state: 'failing', attempts: 1, reason: 'graph:500' });
      const parked = aDelivery(151, { state: 'parked', attempts: 5, reason: 'graph:500' });
      const rows = [
        ...Array.from({ length: 140 }, (_, number) => aDelivery(number)),
        failing,
        parked,
        aDelivery(152, { state: 'gone' }),
      ];
      await deliveries.commit(mailbox, { deliveries: rows, lane: FREE, laneTag });
      expect(await deliveries.unfinished(mailbox)).toEqual([failing, parked]);
    });

    const anAudit = (hours: number, folder = 'f1') => ({
      folder,
      from: new Date(NOW - (hours + 25) * 3_600_000),
      to: new Date(NOW - hours * 3_600_000),
      notification: 3,
      catchUp: 2,
      audit: 1,
      missing: 0,
    });

    it('keeps where an audit stands with its page, and its outcome with the last one', async () => {
      await deliveries.beginChain(mailbox, chainStart);
      const at = { by: 'receivedDateTime' as const, from: new Date(NOW + 1_000), skip: 7, start: new Date(NOW) };
      const counts = { notification: 3, catchUp: 2, audit: 1, missing: 4 };
      const audit = { at, to: new Date(NOW + 9_000), counts };
      const first = await deliveries.commit(mailbox, {
        deliveries: [],
        chain: { folder: 'f1', changes: { audit } },
        lane: FREE,
        laneTag: await takeLane(),
      });
      const replay = { run: 'run-1', at, to: new Date(NOW + 5_000) };
      await deliveries.saveChain(mailbox, 'f1', { replay: { ...replay, at: { ...at, start: at.from } } });
      expect((await deliveries.load(mailbox)).chains).toMatchObject([
        { audit, auditedTo: undefined, replay: { run: 'run-1', to: replay.to, at: { from: at.from, skip: 7 } } },
      ]);
      await deliveries.saveChain(mailbox, 'f1', { replay: undefined });
      expect((await deliveries.load(mailbox)).chains).toMatchObject([{ replay: undefined }]);
      const end = { audit: undefined, auditedTo: audit.to, auditAt: new Date(NOW + 90_000_000) };
      await deliveries.commit(mailbox, {
        deliveries: [aDelivery(1, { foundBy: 'audit' }), aDelivery(2, { state: 'sending' })],
        chain: { folder: 'f1', changes: end },
        audit: anAudit(0),
        lane: FREE,
        laneTag: first ?? '',
      });
      const state = await deliveries.load(mailbox);
      expect(state.chains).toMatchObject([end]);
      expect([...state.ledger.rows.values()]).toMatchObject([{ foundBy: 'audit' }, { state: 'sending' }]);
      expect(await deliveries.audits(mailbox)).toEqual([anAudit(0)]);
    });

    it('lists audits newest first, and never takes one for a mail', async () => {
      let laneTag = await takeLane();
      for (const audit of [anAudit(30), anAudit(6), anAudit(6, 'f2')])
        laneTag = (await deliveries.commit(mailbox, { deliveries: [], audit, lane: aLane(), laneTag })) ?? '';
      expect((await deliveries.audits(mailbox)).map(({ to }) => to)).toEqual(
        [6, 6, 30].map((hours) => anAudit(hours).to),
      );
      expect(await deliveries.older(mailbox, new Date(NOW + 1_000))).toEqual([]);
      expect(await deliveries.unfinished(mailbox)).toEqual([]);
      expect((await deliveries.load(mailbox)).ledger.rows.size).toBe(0);
      await deliveries.erase(mailbox);
      expect(await deliveries.audits(mailbox)).toEqual([]);
    });

    it('purges mails and audits from before a time, however many, and leaves the rest [T29]', async () => {
      await deliveries.beginChain(mailbox, chainStart);
      const rows = Array.from({ length: 250 }, (_, number) => aDelivery(number));
      let laneTag = await takeLane();
      laneTag =
        (await deliveries.commit(mailbox, { deliveries: rows, audit: anAudit(0), lane: aLane(), laneTag })) ?? '';
      await deliveries.commit(mailbox, { deliveries: [], audit: anAudit(1), lane: FREE, laneTag });
      // 230 mails are older than 19 seconds, and one audit ended before that.
      expect(await deliveries.purge(mailbox, new Date(NOW - 19_000))).toBe(231);
      expect(await deliveries.purge(mailbox, new Date(NOW - 19_000))).toBe(0);
      const state = await deliveries.load(mailbox);
      expect([...state.ledger.rows.values()].map(({ id }) => id)).toEqual(rows.slice(0, 20).map(({ id }) => id));
      expect(state.chains).toHaveLength(1);
      expect(state.laneTag).toBeDefined();
      expect(await deliveries.audits(mailbox)).toEqual([anAudit(0)]);
    });

    it('erases everything of a mailbox, but nothing of another one [T29]', async () => {
      const other = `${mailbox.slice(0, -4)}ffff`;
      await deliveries.beginChain(other, chainStart);
      await deliveries.beginChain(mailbox, chainStart);
      const laneTag = await takeLane();
      const rows = Array.from({ length: 130 }, (_, number) => aDelivery(number));
      await deliveries.commit(mailbox, { deliveries: rows, lane: FREE, laneTag });
      const all = await deliveries.between(mailbox, new Date(0), END_OF_TIME);
      expect(all.map(({ id }) => id)).toEqual(rows.map(({ id }) => id));
      await deliveries.erase(mailbox);
      const state = await deliveries.load(mailbox);
      expect([state.laneTag, state.chains.length, state.ledger.rows.size]).toEqual([undefined, 0, 0]);
      expect((await deliveries.load(other)).chains).toHaveLength(1);
      await deliveries.erase(other);
    });
  });
}
