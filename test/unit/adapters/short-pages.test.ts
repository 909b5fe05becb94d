import type { ServerResponse } from 'node:http';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { compose } from '../../../shared/compose.ts';
import { arrived, lookRing, ringUp, watchMailbox } from '../../support/app-under-test.ts';
import { aConfig, INBOX, MAILBOX, TENANT } from '../../support/builders.ts';
import { graphMailOver, graphMessage } from '../../support/graph-over-http.ts';
import { makeWorld, START } from '../../support/in-memory-ports.ts';
import { type Asked, type LoopbackServer, sendJson, startLoopbackServer } from '../../support/loopback-server.ts';
import { messageIdOf } from '../../../shared/domain/delivery.ts';

const HOUR_MS = 3_600_000;
const FOLDER = `/v1.0/users/${MAILBOX}/mailFolders/${INBOX}/messages`;

/** How many mails Graph puts on its next pages; afterwards as many as asked for. */
let pageLengths: number[];
let times: Date[];
let graph: LoopbackServer;

const nameOf = (position: number) => `mail-${position}`;

/** A list of mails that Graph cuts into pages as it likes: only a missing next link says that it is over. */
function answerList(asked: Asked, response: ServerResponse): void {
  const url = new URL(asked.path, graph.url);
  const filter = /(\w+) ge (\S+)/.exec(url.searchParams.get('$filter') ?? '');
  const from = Date.parse(filter?.[2] ?? '');
  const all = times.flatMap((time, position) => (time.getTime() >= from ? [graphMessage(nameOf(position), time)] : []));
  const skip = Number(url.searchParams.get('$skiptoken') ?? url.searchParams.get('$skip') ?? '0');
  const top = Number(url.searchParams.get('$top') ?? '10');
  const length = Math.min(top, pageLengths.shift() ?? top);
  const rest = skip + length < all.length;
  url.searchParams.delete('$skip');
  url.searchParams.set('$skiptoken', String(skip + length));
  sendJson(response, {
    value: all.slice(skip, skip + length),
    ...(rest && { '@odata.nextLink': url.href }),
  });
}

beforeEach(async () => {
  pageLengths = [];
  times = [];
  graph = await startLoopbackServer((asked, response) => {
    if (asked.path.includes('/delta') && asked.path.includes('old-token'))
      sendJson(response, { error: { code: 'syncStateNotFound', message: '' } }, 410);
    else if (asked.path.includes('/delta'))
      sendJson(response, { value: [], '@odata.deltaLink': `${graph.url}${FOLDER}/delta?$deltatoken=new-token` });
    else answerList(asked, response);
  });
});

afterEach(() => graph.close());

/** Looks at a mailbox whose delta token Graph forgot; returns which mails arrived. */
async function lookAfterLoss(): Promise<string[]> {
  const world = makeWorld();
  watchMailbox(world, MAILBOX, INBOX, {
    link: `${graph.url}${FOLDER}/delta?$deltatoken=old-token`,
    linkAt: new Date(START - 2 * HOUR_MS),
  });
  const process = world.startProcess();
  const ports = { ...process.ports, mail: graphMailOver(graph.url) };
  await ringUp({ ...compose(aConfig(), ports, new Date(START)), ...process }, lookRing());
  return arrived(world);
}

const every = () => times.map((_, position) => messageIdOf(TENANT, MAILBOX, nameOf(position))).toSorted();
const minutesAgo = (count: number) => new Date(START - count * 60_000);

describe('the listing of a gap', () => {
  it('goes on after pages with fewer mails than asked for', async () => {
    times = Array.from({ length: 10 }, (_, position) => minutesAgo(100 - position));
    pageLengths = Array.from({ length: 200 }, () => 4);
    expect((await lookAfterLoss()).toSorted()).toEqual(every());
  });

  it('goes on after an empty page that has a next link', async () => {
    times = Array.from({ length: 10 }, (_, position) => minutesAgo(100 - position));
    pageLengths = [4, 0, 4, 0, 0, 4, 4, 4, 4, 0];
    expect((await lookAfterLoss()).toSorted()).toEqual(every());
  });

  it('gets through one second in which more mails came than a short page holds', async () => {
    times = Array.from({ length: 10 }, () => minutesAgo(60));
    pageLengths = Array.from({ length: 200 }, () => 3);
    expect((await lookAfterLoss()).toSorted()).toEqual(every());
  });

  it('goes on after an empty first page, where nothing tells how far it came', async () => {
    times = Array.from({ length: 10 }, () => minutesAgo(60));
    pageLengths = [0, 3, 0, 3, 0, 3, 0, 3, 0, 3, 0, 3, 0, 3, 0, 3];
    expect((await lookAfterLoss()).toSorted()).toEqual(every());
  });
});
