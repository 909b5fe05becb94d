import {
  type Chain,
  type Gap,
  needsReopening,
  openFrom,
  pageSize,
  reopened,
  SET_ASIDE_AT_TAKEOVERS,
} from '../domain/delta.ts';
import { type Delivery, ledgerKey } from '../domain/delivery.ts';
import type { PageEntry } from '../domain/mail.ts';
import { log } from '../log.ts';
import type { DeltaAnswer, Ports } from '../ports.ts';
import type { HeldLane } from './hold-lane.ts';
import type { makePublishPage, PageContext, PublishedPage } from './publish-page.ts';

export interface Walk {
  context: PageContext;
  lane: HeldLane;
  /** Told of every entry that Graph showed. */
  seen(id: string): void;
  /** Told of what was stored, so that later pages know it. */
  stored(page: PublishedPage): void;
  /** Time for others: stop after the current page. */
  isOver(): boolean;
  /** Nothing else is left to do for this mailbox once this chain has its delta link. */
  mayLetGo(): boolean;
}

export interface WalkEnd {
  chain: Chain;
  /** `false`: the slice was over first. */
  finished: boolean;
  released: boolean;
}

type Deps = Pick<Ports, 'mail'> & { publishPage: ReturnType<typeof makePublishPage> };

const idOf = (entry: PageEntry) => (entry.kind === 'mail' ? entry.mail.id : entry.id);

const moved = (chain: Chain) => ({
  link: chain.link,
  options: chain.options,
  results: chain.results,
  linkAt: chain.linkAt,
  gap: chain.gap,
  takeovers: 0,
});

/**
 * Walks a delta chain up to its delta link, page by page, each page published before its link is stored, and then lists
 * the gap that a lost chain left. Every page costs one transaction and can be repeated after a crash.
 */
export function makeFollowChain({ mail, publishPage }: Deps) {
  async function handle(entries: PageEntry[], chain: Chain, walk: Walk): Promise<Delivery[]> {
    const [first, ...others] = entries;
    if (chain.takeovers >= SET_ASIDE_AT_TAKEOVERS && first && others.length === 0) return [setAside(first, walk)];
    const page = await publishPage(entries, walk.context);
    walk.stored(page);
    return page.deliveries;
  }

  /** A mail that took down one worker after the other is parked unseen, so that the rest of the mailbox goes on. */
  function setAside(entry: PageEntry, walk: Walk): Delivery {
    const now = new Date(mail.clock.now());
    const id = idOf(entry) ?? 'unknown';
    const received = entry.kind === 'mail' ? entry.mail.receivedAt : now;
    log('error', 'mail parked', { mailbox: walk.context.mailbox, mail: id, reason: 'workers die on it' });
    return {
      key: ledgerKey(received, id),
      id,
      state: 'parked',
      attempts: 0,
      reason: 'workers die on it',
      recordedAt: now,
    };
  }

  async function ask(chain: Chain, mailbox: string, signal: AbortSignal): Promise<DeltaAnswer | 'expired'> {
    const size = pageSize(chain.takeovers);
    if (chain.link) return mail.followLink(chain.link, size, signal);
    return mail.openChain(mailbox, chain.folderId, openFrom(chain, mail.clock.now()), size, signal);
  }

  async function reopen(chain: Chain, walk: Walk): Promise<Chain> {
    const next = reopened(chain, mail.clock.now());
    log('warn', 'delta chain re-opened', { mailbox: walk.context.mailbox, folder: chain.folder, count: chain.results });
    // The gap is stored before the new chain is opened: a crash in between must not forget it.
    await walk.lane.record({ deliveries: [], chain: { folder: chain.folder, changes: moved(next) } }, false);
    return next;
  }

  async function listGap(start: Chain, gap: Gap, walk: Walk): Promise<WalkEnd> {
    let chain: Chain = { ...start, gap };
    while (chain.gap) {
      const { context, lane } = walk;
      const page = await mail.listSince(
        context.mailbox,
        chain.folderId,
        chain.gap,
        pageSize(chain.takeovers),
        lane.signal,
      );
      const deliveries = await handle(page.entries, chain, walk);
      const { by, start: begin } = chain.gap;
      if (page.more) chain = { ...chain, gap: { by, from: page.from, skip: page.skip, start: begin } };
      else if (by === 'lastModifiedDateTime')
        chain = { ...chain, gap: { by: 'receivedDateTime', from: begin, skip: 0, start: begin } };
      else chain = { ...chain, gap: undefined, linkAt: mail.hasDelta ? chain.linkAt : new Date(mail.clock.now()) };
      const letGo = !chain.gap && walk.mayLetGo();
      const { released } = await lane.record(
        { deliveries, chain: { folder: chain.folder, changes: moved(chain) } },
        letGo,
      );
      if (released) return { chain, finished: true, released };
      if (chain.gap && walk.isOver()) return { chain, finished: false, released: false };
    }
    return { chain, finished: true, released: false };
  }

  return async (start: Chain, walk: Walk): Promise<WalkEnd> => {
    let chain = start;
    if (!mail.hasDelta) {
      const window = reopened(chain, mail.clock.now()).gap;
      return window ? listGap(chain, chain.gap ?? window, walk) : { chain, finished: true, released: false };
    }
    const options = mail.deltaOptions(walk.context.mailbox);
    if (needsReopening(chain, options)) chain = await reopen(chain, walk);
    for (;;) {
      const answer = await ask(chain, walk.context.mailbox, walk.lane.signal);
      // A page that points at itself would be read for ever; a new chain and the gap listing see the same mail.
      if (answer === 'expired' || (answer.next.kind === 'next' && answer.next.link === chain.link)) {
        chain = await reopen(chain, walk);
        if (walk.isOver()) return { chain, finished: false, released: false };
        continue;
      }
      for (const entry of answer.entries) {
        const id = idOf(entry);
        if (id) walk.seen(id);
      }
      const askedAt = new Date(mail.clock.now());
      const deliveries = await handle(answer.entries, chain, walk);
      const atEnd = answer.next.kind === 'delta';
      chain = {
        ...chain,
        link: answer.next.link,
        // Opening may have fallen back to plainer options; the chain carries those that were used.
        options: chain.link ? chain.options : mail.deltaOptions(walk.context.mailbox),
        results: chain.results + answer.count,
        linkAt: atEnd ? askedAt : chain.linkAt,
        takeovers: 0,
      };
      const letGo = atEnd && !chain.gap && walk.mayLetGo();
      const page = { deliveries, chain: { folder: chain.folder, changes: moved(chain) } };
      const { released } = await walk.lane.record(page, letGo);
      if (atEnd) return chain.gap ? listGap(chain, chain.gap, walk) : { chain, finished: true, released };
      if (walk.isOver()) return { chain, finished: false, released: false };
    }
  };
}
