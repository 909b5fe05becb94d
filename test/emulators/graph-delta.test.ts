import * as fc from 'fast-check';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import {
  amara,
  immutable,
  readError,
  readList,
  startFixture,
  type GraphFixture,
  type Item,
  type ListBody,
} from './graph-fixture.ts';

let fixture: GraphFixture;

beforeAll(async () => {
  fixture = await startFixture();
});
afterAll(() => fixture.emulator.close());
beforeEach(() => {
  fixture.emulator.reset();
});

const inbox = `/users/${amara.id}/mailFolders('inbox')/messages`;
const page = async (link: string, prefer = immutable): Promise<ListBody> =>
  readList(await fixture.call('GET', link, { prefer }));

/** Follows a chain to its delta link. */
async function walk(link: string, prefer = immutable): Promise<{ items: Item[]; link: string; pages: ListBody[] }> {
  const pages: ListBody[] = [];
  let next: string | undefined = link;
  for (;;) {
    const one: ListBody = await page(next, prefer);
    pages.push(one);
    if (one['@odata.deltaLink'] !== undefined)
      return { items: pages.flatMap((each) => each.value), link: one['@odata.deltaLink'], pages };
    next = one['@odata.nextLink'];
    if (next === undefined) throw new Error('A delta page had neither link.');
  }
}

const subjects = (items: Item[]): unknown[] => items.map((item) => item.subject ?? item['@removed']);
const messages = `/users/${amara.id}/messages`;

describe('delta of messages', () => {
  test('walks what is there in pages, never with both links, then gives only what is new', async () => {
    for (let index = 0; index < 5; index += 1) fixture.deliver({ subject: `mail ${index}` });
    const first = await walk(`${inbox}/delta?$select=subject`, `${immutable}, odata.maxpagesize=2`);
    expect(first.pages.map((each) => each.value.length)).toEqual([2, 2, 1]);
    for (const each of first.pages)
      expect(Number('@odata.nextLink' in each) + Number('@odata.deltaLink' in each)).toBe(1);
    expect(first.items.every((item) => item['@odata.type'] === '#microsoft.graph.message')).toBe(true);
    expect((await walk(first.link)).items).toEqual([]);
    fixture.deliver({ subject: 'new' });
    const second = await walk(first.link);
    expect(subjects(second.items)).toEqual(['new']);
    expect((await walk(second.link)).items).toEqual([]);
    expect(subjects((await walk(first.link)).items)).toEqual(['new']);
  });

  test('bakes the options of the first call into its links and ignores those of later calls', async () => {
    const raw =
      'From: a@b.example\r\nSubject: with file\r\nContent-Type: application/pdf; name=a.pdf\r\nContent-Transfer-Encoding: base64\r\n\r\naGk=';
    const first = await walk(`${inbox}/delta?$select=subject&$expand=attachments($select=id,name)`);
    fixture.deliver({ raw });
    const { items } = await walk(`${first.link}&$select=body&$filter=nonsense`);
    expect(items).toMatchObject([{ subject: 'with file', attachments: [{ name: 'a.pdf' }] }]);
    expect(items[0]).not.toHaveProperty('body');
    expect(JSON.stringify(items)).not.toContain('contentBytes');
  });

  test('shows ids in the format that each request asks for, within one chain', async () => {
    const { id, immutableId } = fixture.deliver();
    const first = await walk(`${inbox}/delta?$select=id`, '');
    expect(first.items.map((item) => item.id)).toEqual([id]);
    expect((await walk(`${inbox}/delta?$select=id`)).items.map((item) => item.id)).toEqual([immutableId]);
  });

  test('tells of updates, moves away and deletions with @removed', async () => {
    const [read, moved, deleted] = [fixture.deliver({ subject: 'read' }), fixture.deliver(), fixture.deliver()];
    const { link } = await walk(`${inbox}/delta?$select=subject,isRead`);
    await fixture.call('PATCH', `${messages}/${read.id}`, { body: { isRead: true } });
    await fixture.call('POST', `${messages}/${moved.id}/move`, { body: { destinationId: 'archive' } });
    await fixture.call('DELETE', `${messages}/${deleted.id}`);
    const { items } = await walk(link);
    expect(items).toMatchObject([
      { id: read.immutableId, subject: 'read', isRead: true },
      { id: moved.immutableId, '@removed': { reason: 'changed' } },
      { id: deleted.immutableId, '@removed': { reason: 'deleted' } },
    ]);
    expect((await walk(link, '')).items.map((item) => item.id)).toEqual([read.id, moved.id, deleted.id]);
    const archive = await walk(`/users/${amara.id}/mailFolders/archive/messages/delta`);
    expect(archive.items.map((item) => item.id)).toEqual([moved.immutableId]);
  });

  test('changeType=created shows arrivals, moves into the folder among them, and nothing else', async () => {
    const known = fixture.deliver({ subject: 'known' });
    const first = await walk(`${inbox}/delta?changeType=created&$select=subject`);
    expect(subjects(first.items)).toEqual(['known']);
    const elsewhere = fixture.deliver({ subject: 'moved in', folder: 'archive' });
    const brief = fixture.deliver({ subject: 'gone at once' });
    await fixture.call('PATCH', `${messages}/${known.id}`, { body: { isRead: true } });
    await fixture.call('POST', `${messages}/${elsewhere.id}/move`, { body: { destinationId: 'inbox' } });
    const arrived = fixture.deliver({ subject: 'new, then read' });
    await fixture.call('PATCH', `${messages}/${arrived.id}`, { body: { isRead: true } });
    await fixture.call('DELETE', `${messages}/${brief.id}`);
    expect(subjects((await walk(first.link)).items)).toEqual(['moved in', 'new, then read']);
  });

  test('changeType=deleted and =updated show only those', async () => {
    const [one, two] = [fixture.deliver(), fixture.deliver()];
    const deleted = await walk(`${inbox}/delta?changeType=deleted`);
    const updated = await walk(`${inbox}/delta?changeType=updated`);
    expect([...deleted.items, ...updated.items]).toEqual([]);
    await fixture.call('PATCH', `${messages}/${one.id}`, { body: { isRead: true } });
    await fixture.call('DELETE', `${messages}/${two.id}`);
    expect((await walk(deleted.link)).items.map((item) => item.id)).toEqual([two.immutableId]);
    expect((await walk(updated.link)).items.map((item) => item.id)).toEqual([one.immutableId]);
  });

  test('with a filter shows only what was received since, also later', async () => {
    const at = (day: number): Date => new Date(Date.UTC(2026, 10, day));
    const old = fixture.deliver({ subject: 'old', receivedAt: at(1) });
    fixture.deliver({ subject: 'young', receivedAt: at(10) });
    const first = await walk(`${inbox}/delta?$filter=receivedDateTime ge 2026-11-05T00:00:00Z&$select=subject`);
    expect(subjects(first.items)).toEqual(['young']);
    await fixture.call('PATCH', `${messages}/${old.id}`, { body: { isRead: true } });
    fixture.deliver({ subject: 'too old', receivedAt: at(2) });
    fixture.deliver({ subject: 'new', receivedAt: at(12) });
    expect(subjects((await walk(first.link)).items)).toEqual(['new']);
  });

  test('a filtered chain shows at most 5,000 messages in all and then falls silent', async () => {
    fixture.emulator.control.setKnobs({ deltaFilterCap: 4 });
    for (let index = 0; index < 3; index += 1) fixture.deliver({ subject: `mail ${index}` });
    const filtered = `${inbox}/delta?$filter=receivedDateTime ge 2020-01-01T00:00:00Z&$select=subject`;
    const first = await walk(filtered);
    fixture.deliver({ subject: 'fourth' });
    fixture.deliver({ subject: 'fifth' });
    const second = await walk(first.link);
    expect(subjects(second.items)).toEqual(['fourth']);
    fixture.deliver({ subject: 'sixth' });
    expect((await walk(second.link)).items).toEqual([]);
    expect((await walk(filtered)).items).toHaveLength(4);
    expect((await walk(`${inbox}/delta`)).items).toHaveLength(6);
    fixture.emulator.reset();
    expect(fixture.emulator.control.knobs().deltaFilterCap).toBe(5_000);
  });

  test('refuses the filters, orders and options that delta of messages does not take', async () => {
    const options = [
      '$filter=isRead eq false',
      '$filter=receivedDateTime le 2026-01-01T00:00:00Z',
      '$orderby=receivedDateTime asc',
      '$search="x"',
      'changeType=moved',
      '$skip=5',
    ];
    for (const option of options)
      expect((await fixture.call('GET', `${inbox}/delta?${option}`)).status, option).toBe(400);
    expect((await fixture.call('GET', `${inbox}/delta?$orderby=receivedDateTime desc&$top=5`)).status).toBe(200);
    expect((await fixture.call('GET', `${inbox}/delta?$deltatoken=nonsense`)).status).toBe(400);
    expect((await fixture.call('GET', `/users/${amara.id}/messages/delta`)).status).toBe(404);
  });

  test('answers 410 with a Location that starts anew once the token is evicted, also in the middle of a walk', async () => {
    for (let index = 0; index < 4; index += 1) fixture.deliver();
    const middle = (await page(`${inbox}/delta`, 'odata.maxpagesize=2'))['@odata.nextLink'] ?? '';
    const { link } = await walk(`${inbox}/delta`);
    fixture.emulator.control.expireDeltaTokens({ user: amara.id, folder: 'inbox' });
    for (const old of [link, middle]) {
      const gone = await fixture.call('GET', old);
      expect([gone.status, readError(gone).code]).toEqual([410, 'SyncStateNotFound']);
      expect(readError(gone).message).toMatch(/^The sync state generation is not found; generation=1;\[highest=2\]/);
      expect(gone.headers.get('location')).toMatch(/\/messages\/delta\?\$deltatoken=$/);
      expect((await walk(gone.headers.get('location') ?? '')).items).toHaveLength(4);
    }
    fixture.emulator.control.setKnobs({ deltaGoneCode: 'resyncRequired' });
    expect(readError(await fixture.call('GET', link)).code).toBe('resyncRequired');
  });

  test('tokens may end by age, and always end with a reset', async () => {
    const { link } = await walk(`${inbox}/delta`);
    fixture.emulator.control.setKnobs({ deltaTokenLifetimeMs: 3_600_000 });
    expect((await fixture.call('GET', link)).status).toBe(200);
    fixture.emulator.control.advanceClock(3_600_001);
    expect((await fixture.call('GET', link)).status).toBe(410);
    fixture.emulator.reset();
    expect((await fixture.call('GET', link)).status).toBe(410);
  });

  test('lags behind GET by id: a message becomes visible later, and is not lost', async () => {
    fixture.emulator.control.setKnobs({ deltaLagMs: 60_000 });
    const { link } = await walk(`${inbox}/delta?$select=subject`);
    const { immutableId } = fixture.deliver({ subject: 'late' });
    expect((await fixture.call('GET', `${messages}/${immutableId}`)).status).toBe(200);
    const early = await walk(link);
    expect(early.items).toEqual([]);
    const fresh = await walk(`${inbox}/delta?$select=subject`);
    expect(fresh.items).toEqual([]);
    fixture.emulator.control.advanceClock(60_000);
    expect(subjects((await walk(early.link)).items)).toEqual(['late']);
    expect(subjects((await walk(fresh.link)).items)).toEqual(['late']);
  });

  test('may put an empty page with a nextLink before any page, and repeat items in any order', async () => {
    const known = [fixture.deliver(), fixture.deliver(), fixture.deliver()].map((mail) => mail.immutableId);
    fixture.emulator.control.setKnobs({ deltaEmptyPageShare: 1, deltaReplayShare: 1 });
    const { items, pages } = await walk(`${inbox}/delta?$select=id`);
    expect(pages[0]).toMatchObject({ value: [] });
    expect(pages[0]?.['@odata.nextLink']).toBeDefined();
    expect(items).toHaveLength(6);
    expect(new Set(items.map((item) => item.id))).toEqual(new Set(known));
  });

  test('may show only the changed properties of an update, leave properties out, or refuse options', async () => {
    const { id, immutableId } = fixture.deliver({ subject: 'known' });
    const { link } = await walk(`${inbox}/delta`);
    fixture.emulator.control.setKnobs({ deltaPartialUpdates: true, deltaOmittedProperties: ['changeKey'] });
    await fixture.call('PATCH', `${messages}/${id}`, { body: { isRead: true } });
    const [update] = (await walk(link)).items;
    expect(Object.keys(update ?? {}).toSorted()).toEqual(
      ['@odata.etag', '@odata.type', 'id', 'isRead', 'lastModifiedDateTime'].toSorted(),
    );
    expect(update?.id).toBe(immutableId);
    fixture.emulator.control.setKnobs({ deltaRefusedOptions: ['$expand', 'changetype'] });
    expect((await fixture.call('GET', `${inbox}/delta?$expand=attachments`)).status).toBe(400);
    expect((await fixture.call('GET', `${inbox}/delta?changeType=created`)).status).toBe(400);
    fixture.emulator.control.setKnobs({ deltaAvailable: false });
    expect((await fixture.call('GET', `${inbox}/delta`)).status).toBe(400);
  });
});

const step = fc.record({
  kind: fc.constantFrom('deliver', 'deliver', 'page', 'page', 'wait', 'update', 'delete', 'move'),
  pick: fc.nat(1_000),
});

const history = fc.record({
  seed: fc.nat(1_000_000),
  lag: fc.constantFrom(0, 0, 60_000),
  steps: fc.array(step, { maxLength: 40 }),
});

const folders = ['inbox', 'archive'];

/** Does one step of a history to the mailbox; reading is the client's own. */
async function happen(kind: string, pick: number): Promise<void> {
  const { control } = fixture.emulator;
  const all = control.messages(amara.id);
  const chosen = all[pick % Math.max(all.length, 1)];
  if (kind === 'deliver') {
    const receivedAt = new Date(1_790_000_000_000 + pick * 1_000);
    fixture.deliver({ subject: `mail ${pick}`, folder: folders[pick % 2] ?? 'inbox', receivedAt });
  } else if (kind === 'wait') control.advanceClock(30_000);
  else if (chosen === undefined) return;
  else if (kind === 'update')
    await fixture.call('PATCH', `${messages}/${chosen.id}`, { body: { subject: `changed ${pick}` } });
  else if (kind === 'delete') await fixture.call('DELETE', `${messages}/${chosen.id}`);
  else await fixture.call('POST', `${messages}/${chosen.id}/move`, { body: { destinationId: folders[pick % 2] } });
}

test('a client that merges by id always ends with what the folder holds, whatever happens between its pages', async () => {
  await fc.assert(
    fc.asyncProperty(history, async ({ seed, lag, steps }) => {
      const { emulator } = fixture;
      emulator.reset();
      emulator.control.setKnobs({
        seed,
        throttling: false,
        deltaReplayShare: 0.2,
        deltaEmptyPageShare: 0.2,
        deltaLagMs: lag,
      });
      const known = new Map<string, string>();
      let link = `${inbox}/delta?$select=subject`;
      const readPage = async (): Promise<boolean> => {
        const one = await page(link, `${immutable}, odata.maxpagesize=2`);
        for (const item of one.value) {
          if ('@removed' in item) known.delete(item.id);
          else known.set(item.id, item.subject ?? '');
        }
        link = one['@odata.nextLink'] ?? one['@odata.deltaLink'] ?? '';
        return '@odata.deltaLink' in one;
      };
      for (const { kind, pick } of steps) await (kind === 'page' ? readPage() : happen(kind, pick));
      emulator.control.advanceClock(lag + 1);
      while (!(await readPage()));
      const actual = emulator.control.messages(amara.id).filter((message) => message.folder === 'Inbox');
      const expected = actual.map(({ immutableId, subject }): [string, string] => [immutableId, subject ?? '']);
      expect(known).toEqual(new Map(expected));
    }),
    { numRuns: 60 },
  );
});
