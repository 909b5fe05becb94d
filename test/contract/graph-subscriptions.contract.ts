import { beforeEach, describe, expect, it } from 'vitest';
import type { CreateOutcome, GraphSubscriptions, GrantedSubscription } from '../../shared/ports.ts';

export interface SubscriptionsUnderTest {
  subscriptions: GraphSubscriptions;
  mailbox: string;
  /** Ids of five folders. */
  folders: string[];
  /** Longest life that Graph grants from now on. */
  limitLife(minutes: number): void;
  /** Removes it behind our back. */
  lose(id: string): void;
  /** Pages of a list hold no more than this. */
  limitPages(size: number): void;
  advance(ms: number): Promise<void>;
}

const MINUTE = 60_000;
const CLOSE_MS = 10_000;

/** Every keeper of subscriptions, fake or real, does this. `make` gives one without any. */
export function graphSubscriptionsContract(name: string, make: () => Promise<SubscriptionsUnderTest>): void {
  describe(`Graph subscriptions: ${name}`, () => {
    let graph: SubscriptionsUnderTest;
    beforeEach(async () => {
      graph = await make();
    });

    const create = (folderId = graph.folders[0] ?? '', minutes = 10_020): Promise<CreateOutcome> =>
      graph.subscriptions.create({ mailbox: graph.mailbox, folderId, clientState: `state of ${folderId}`, minutes });

    async function created(folderId?: string): Promise<GrantedSubscription> {
      const outcome = await create(folderId);
      if (outcome.kind !== 'created') throw new Error(`not created: ${outcome.kind}`);
      return outcome.subscription;
    }

    it('creates a subscription for as long as asked [F17]', async () => {
      const outcome = await create();
      if (outcome.kind !== 'created') throw new Error(outcome.kind);
      expect(outcome.minutes).toBe(10_020);
      const life = outcome.subscription.expiresAt.getTime() - graph.subscriptions.clock.now();
      expect(Math.abs(life - 10_020 * MINUTE)).toBeLessThan(CLOSE_MS);
    });

    it('creates a shorter one where Graph grants no more [F17]', async () => {
      graph.limitLife(4_230);
      const outcome = await create();
      if (outcome.kind !== 'created') throw new Error(outcome.kind);
      expect(outcome.minutes).toBeLessThanOrEqual(4_230);
      expect(outcome.minutes).toBeGreaterThan(4_000);
      const life = outcome.subscription.expiresAt.getTime() - graph.subscriptions.clock.now();
      expect(life).toBeLessThanOrEqual(4_230 * MINUTE + CLOSE_MS);
    });

    it('names the one that is there when a folder has one already [F23]', async () => {
      const { id } = await created();
      expect(await create()).toEqual({ kind: 'exists', id });
    });

    it('creates one for each folder', async () => {
      const ids = [];
      for (const folder of graph.folders) ids.push((await created(folder)).id);
      expect(new Set(ids).size).toBe(5);
    });

    it('shows what it created as ours, with its mailbox and folder [F24]', async () => {
      const { id } = await created();
      const shown = await graph.subscriptions.get(id);
      expect(shown).toMatchObject({ id, ours: true });
      expect(shown === 'gone' ? '' : shown.resource).toContain(`${graph.mailbox}/mailFolders`);
      expect(await graph.subscriptions.list()).toEqual([shown]);
    });

    it('lists all of them, over as many pages as it takes [F24]', async () => {
      const ids = [];
      for (const folder of graph.folders) ids.push((await created(folder)).id);
      graph.limitPages(2);
      const listed = await graph.subscriptions.list();
      expect(listed.map(({ id }) => id).toSorted()).toEqual(ids.toSorted());
    });

    it('lists none where there is none', async () => {
      expect(await graph.subscriptions.list()).toEqual([]);
    });

    it('renews many at once, each with an outcome of its own, in order [F27]', async () => {
      const granted = [];
      for (const folder of graph.folders) granted.push(await created(folder));
      graph.lose(granted[1]?.id ?? '');
      await graph.advance(60 * MINUTE);
      // Graph's time is learnt from its answers; the timers list before they renew.
      await graph.subscriptions.list();
      const outcomes = await graph.subscriptions.renew(granted.map(({ id }) => ({ id, minutes: 10_020 })));
      expect(outcomes.map(({ kind }) => kind)).toEqual(['renewed', 'gone', 'renewed', 'renewed', 'renewed']);
      for (const [position, outcome] of outcomes.entries()) {
        if (outcome.kind !== 'renewed') continue;
        expect(outcome.subscription.id).toBe(granted[position]?.id);
        const gained = outcome.subscription.expiresAt.getTime() - (granted[position]?.expiresAt.getTime() ?? 0);
        expect(Math.abs(gained - 60 * MINUTE)).toBeLessThan(CLOSE_MS);
      }
    });

    it('knows nothing of one that was lost [F20]', async () => {
      const { id } = await created();
      graph.lose(id);
      expect(await graph.subscriptions.get(id)).toBe('gone');
      expect(await graph.subscriptions.list()).toEqual([]);
      expect((await create()).kind).toBe('created');
    });

    it('knows nothing of one that expired [F16]', async () => {
      const { id } = await created();
      await graph.advance(10_021 * MINUTE);
      expect(await graph.subscriptions.get(id)).toBe('gone');
      expect(await graph.subscriptions.renew([{ id, minutes: 100 }])).toEqual([{ kind: 'gone' }]);
    });

    it('removes one, also one that is gone', async () => {
      const { id } = await created();
      await graph.subscriptions.remove(id);
      await graph.subscriptions.remove(id);
      expect(await graph.subscriptions.get(id)).toBe('gone');
    });
  });
}
