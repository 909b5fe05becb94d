import { beforeEach, describe, expect, it } from 'vitest';
import type { Gap } from '../../shared/domain/delta.ts';
import type { Body, Header, MailPage, Person } from '../../shared/domain/mail.ts';
import { MailboxUnavailableError, type MailboxTrouble, TransientError } from '../../shared/errors.ts';
import type { DeltaAnswer, GraphMail } from '../../shared/ports.ts';

/** What the sender put into a mail. */
export interface MailContent {
  subject?: string;
  from?: Person;
  to?: Person[];
  cc?: Person[];
  headers?: Header[];
  body?: Body;
  attachments?: { name: string; contentType: string; content: string; isInline?: boolean; contentId?: string }[];
  receivedAt?: Date;
  folderId?: string;
}

export interface GraphMailUnderTest {
  mail: GraphMail;
  mailbox: string;
  /** Ids of two folders. */
  inbox: string;
  archive: string;
  /** Delivers a mail; returns its immutable id. */
  deliver(content?: MailContent): Promise<string>;
  move(id: string, folderId: string): Promise<void>;
  remove(id: string): Promise<void>;
  /** The service forgets every delta token. */
  expireLinks(): void;
  refuse(trouble: MailboxTrouble): void;
  /** From now on lists and delta leave fields out. */
  leaveFieldsOut(): void;
}

const never = new AbortController().signal;
const MINUTE = 60_000;

const idsOf = ({ entries }: MailPage) =>
  entries.flatMap((entry) => (entry.kind === 'mail' ? entry.mail.id : (entry.id ?? [])));

/** Every reader of mail, fake or real, does this. `make` gives an empty mailbox. */
export function graphMailContract(name: string, make: () => Promise<GraphMailUnderTest>): void {
  describe(`Graph mail: ${name}`, () => {
    let graph: GraphMailUnderTest;
    let since: Date;
    /** The whole second that a test counts from. */
    let base: number;
    beforeEach(async () => {
      graph = await make();
      base = Math.floor(graph.mail.clock.now() / 1000) * 1000;
      since = new Date(graph.mail.clock.now() - 24 * 60 * MINUTE);
    });

    const ago = (minutes: number) => new Date(base - minutes * MINUTE);
    const open = (size = 50, from = since) => graph.mail.openChain(graph.mailbox, graph.inbox, from, size, never);

    async function follow(link: string, size = 50): Promise<DeltaAnswer> {
      const answer = await graph.mail.followLink(link, size, never);
      if (answer === 'expired') throw new Error('the link expired');
      return answer;
    }

    /** Walks on to the delta link; returns what was shown and that link. */
    async function walk(first: DeltaAnswer, size = 50): Promise<{ ids: string[]; link: string }> {
      const ids = idsOf(first);
      let answer = first;
      for (let pages = 0; answer.next.kind === 'next'; pages++) {
        if (pages > 100) throw new Error('the chain has no end');
        answer = await follow(answer.next.link, size);
        ids.push(...idsOf(answer));
      }
      return { ids, link: answer.next.link };
    }

    /** Lists a window to its end. */
    async function list(by: Gap['by'], from: Date, size: number): Promise<string[]> {
      const ids: string[] = [];
      let gap: Gap = { by, from, skip: 0, start: from };
      for (let pages = 0; ; pages++) {
        if (pages > 100) throw new Error('the window has no end');
        const page = await graph.mail.listSince(graph.mailbox, graph.inbox, gap, size, never);
        ids.push(...idsOf(page));
        if (!page.more) return ids;
        gap = { ...gap, from: page.from, skip: page.skip };
      }
    }

    const full = (): MailContent => ({
      subject: 'Angebot für Köln ✓',
      from: { name: 'Ada Sender', address: 'ada@sender.example' },
      to: [{ name: 'Sales', address: 'sales@northwind.example' }, { address: 'second@northwind.example' }],
      cc: [{ name: 'Cc, with comma', address: 'cc@northwind.example' }],
      headers: [
        { name: 'X-Order', value: '4711' },
        { name: 'X-Order', value: '4712' },
      ],
      body: { contentType: 'html', content: '<p>Grüße</p>' },
      attachments: [
        { name: 'offer.pdf', contentType: 'application/pdf', content: 'pdf bytes' },
        {
          name: 'logo.png',
          contentType: 'image/png',
          content: 'png',
          isInline: true,
          contentId: 'logo@sender.example',
        },
      ],
      receivedAt: ago(5),
    });

    const expected = (id: string) => ({
      id,
      subject: 'Angebot für Köln ✓',
      from: { name: 'Ada Sender', address: 'ada@sender.example' },
      cc: [{ name: 'Cc, with comma', address: 'cc@northwind.example' }],
      body: { contentType: 'html', content: '<p>Grüße</p>' },
      receivedAt: ago(5),
      isDraft: false,
      parentFolderId: graph.inbox,
    });

    describe('a chain', () => {
      it('shows a mail whole, with headers and attachments', async () => {
        const id = await graph.deliver(full());
        const { entries, count } = await open();
        expect(count).toBe(1);
        const [entry] = entries;
        const mail = entry?.kind === 'mail' ? entry.mail : undefined;
        expect(mail).toMatchObject(expected(id));
        expect(mail?.to.map(({ address }) => address)).toEqual(['sales@northwind.example', 'second@northwind.example']);
        expect(mail?.headers.filter((header) => header.name === 'X-Order')).toEqual(full().headers);
        expect(mail?.attachments).toMatchObject([
          { kind: 'file', name: 'offer.pdf', contentType: 'application/pdf', size: 9, isInline: false },
          { kind: 'file', name: 'logo.png', isInline: true, contentId: 'logo@sender.example' },
        ]);
      });

      it('of an empty folder has no entries and a delta link', async () => {
        const answer = await open();
        expect(answer).toMatchObject({ entries: [], count: 0 });
        expect((await walk(answer)).ids).toEqual([]);
      });

      it('is current with the options that it was opened with, and with no others', async () => {
        const { options } = await open();
        expect(graph.mail.isCurrent(options)).toBe(true);
        expect(graph.mail.isCurrent(`${options}x`)).toBe(false);
        expect(graph.mail.isCurrent('')).toBe(false);
      });

      it('shows every mail once, over as many pages as it takes', async () => {
        const delivered = [];
        for (let number = 0; number < 7; number++) delivered.push(await graph.deliver({ receivedAt: ago(number + 1) }));
        const first = await open(3);
        expect(first.entries.length).toBeLessThanOrEqual(3);
        expect(first.next.kind).toBe('next');
        expect((await walk(first, 3)).ids.toSorted()).toEqual(delivered.toSorted());
      });

      it('shows nothing received before it begins [F46]', async () => {
        await graph.deliver({ receivedAt: ago(120) });
        const wanted = await graph.deliver({ receivedAt: ago(30) });
        expect((await walk(await open(50, ago(60)))).ids).toEqual([wanted]);
      });

      it('shows nothing of other folders', async () => {
        await graph.deliver({ folderId: graph.archive });
        expect((await walk(await open())).ids).toEqual([]);
      });

      it('goes on from its delta link with what came since, and nothing else', async () => {
        const old = await graph.deliver();
        const first = await walk(await open());
        expect(first.ids).toEqual([old]);
        const quiet = await walk(await follow(first.link));
        expect(quiet.ids).toEqual([]);
        const fresh = [await graph.deliver(), await graph.deliver()];
        const second = await walk(await follow(quiet.link));
        expect(second.ids.toSorted()).toEqual(fresh.toSorted());
        expect((await walk(await follow(second.link))).ids).toEqual([]);
      });

      it('can follow the same link twice and sees the same mail [F45]', async () => {
        const { link } = await walk(await open());
        const id = await graph.deliver();
        expect((await walk(await follow(link))).ids).toEqual([id]);
        expect((await walk(await follow(link))).ids).toEqual([id]);
      });

      it('shows a mail that is moved in, under the id it always had [F48]', async () => {
        const id = await graph.deliver({ folderId: graph.archive });
        const { link } = await walk(await open());
        await graph.move(id, graph.inbox);
        expect((await walk(await follow(link))).ids).toEqual([id]);
      });

      it('says when its link has expired, and can be opened anew [F43]', async () => {
        const id = await graph.deliver();
        const { link } = await walk(await open());
        graph.expireLinks();
        expect(await graph.mail.followLink(link, 50, never)).toBe('expired');
        expect((await walk(await open())).ids).toEqual([id]);
      });

      it('names a mail whose fields are left out, so that it can be fetched by id', async () => {
        graph.leaveFieldsOut();
        const id = await graph.deliver(full());
        const { entries } = await open();
        expect(entries).toEqual([{ kind: 'partial', id, receivedAt: ago(5) }]);
        expect(await graph.mail.getMail(graph.mailbox, id, never)).toMatchObject(expected(id));
      });
    });

    describe('a mail by id', () => {
      it('is as whole as in a chain', async () => {
        const id = await graph.deliver(full());
        const [entry] = (await open()).entries;
        expect(entry).toEqual({ kind: 'mail', mail: await graph.mail.getMail(graph.mailbox, id, never) });
      });

      it('is found after a move, and says where it is [F40]', async () => {
        const id = await graph.deliver();
        await graph.move(id, graph.archive);
        expect(await graph.mail.getMail(graph.mailbox, id, never)).toMatchObject({
          id,
          parentFolderId: graph.archive,
        });
      });

      it('that was removed is gone [F33, F40]', async () => {
        const id = await graph.deliver();
        await graph.remove(id);
        expect(await graph.mail.getMail(graph.mailbox, id, never)).toBe('gone');
      });

      it('opens as a stream of its MIME and of each attachment', async () => {
        const id = await graph.deliver(full());
        const mail = await graph.mail.getMail(graph.mailbox, id, never);
        const attachment = mail === 'gone' ? undefined : mail.attachments[0];
        const bytes = async (stream: ReadableStream<Uint8Array>) => (await new Response(stream).bytes()).length;
        expect(await bytes(await graph.mail.openMime(graph.mailbox, id, never))).toBeGreaterThan(0);
        const content = await graph.mail.openAttachment(graph.mailbox, id, attachment?.id ?? '', never);
        expect(await bytes(content)).toBeGreaterThan(0);
      });
    });

    describe('a window', () => {
      it('ends before the time that was given, and names mails by id and received time where only that is asked for', async () => {
        await graph.deliver({ receivedAt: ago(90) });
        const ids = [
          await graph.deliver({ ...full(), receivedAt: ago(50) }),
          await graph.deliver({ receivedAt: ago(40) }),
        ];
        await graph.deliver({ receivedAt: ago(30) });
        const from = ago(60);
        const place = { by: 'receivedDateTime' as const, from, skip: 0, start: from };
        const window = { ...place, to: ago(30), idsOnly: true };
        const page = await graph.mail.listSince(graph.mailbox, graph.inbox, window, 50, never);
        expect(page.entries).toEqual(ids.map((id, at) => ({ kind: 'partial', id, receivedAt: ago(50 - 10 * at) })));
        expect(page.more).toBe(false);
      });

      it('lists every mail of the folder received since then, in order', async () => {
        await graph.deliver({ receivedAt: ago(90) });
        await graph.deliver({ receivedAt: ago(10), folderId: graph.archive });
        const wanted = [];
        for (const minutes of [40, 30, 20]) wanted.push(await graph.deliver({ receivedAt: ago(minutes) }));
        expect(await list('receivedDateTime', ago(60), 50)).toEqual(wanted);
      });

      it('is empty where nothing came', async () => {
        expect(await list('receivedDateTime', ago(60), 50)).toEqual([]);
        expect(await list('lastModifiedDateTime', ago(60), 50)).toEqual([]);
      });

      it.each([1, 3, 10])('misses nothing in pages of %i, though many came in one second', async (size) => {
        const delivered = [];
        for (const minutes of [30, 20, 20, 20, 20, 20, 20, 20, 10, 10, 5])
          delivered.push(await graph.deliver({ receivedAt: ago(minutes) }));
        const listed = await list('receivedDateTime', ago(60), size);
        expect([...new Set(listed)].toSorted()).toEqual(delivered.toSorted());
      });

      it('by last change shows an old mail that was moved in [F48]', async () => {
        const id = await graph.deliver({ receivedAt: ago(600), folderId: graph.archive });
        await graph.move(id, graph.inbox);
        expect(await list('receivedDateTime', ago(60), 50)).toEqual([]);
        expect(await list('lastModifiedDateTime', ago(60), 50)).toEqual([id]);
      });
    });

    describe.each(['no-access', 'not-found'] as const)('a mailbox that refuses us (%s)', (trouble) => {
      it('says so to every way of reading', async () => {
        const id = await graph.deliver();
        const { link } = await walk(await open());
        graph.refuse(trouble);
        const gap: Gap = { by: 'receivedDateTime', from: ago(60), skip: 0, start: ago(60) };
        const refused = async (reading: Promise<unknown>) => {
          const error = await reading.then(
            () => undefined,
            (cause: unknown) => cause,
          );
          expect(error).toBeInstanceOf(MailboxUnavailableError);
          expect(error).toMatchObject({ trouble });
        };
        await refused(open());
        await refused(graph.mail.followLink(link, 50, never));
        await refused(graph.mail.listSince(graph.mailbox, graph.inbox, gap, 50, never));
        await refused(graph.mail.getMail(graph.mailbox, id, never));
      });
    });

    it('gives up with TransientError when the signal has aborted', async () => {
      const aborted = AbortSignal.abort();
      await expect(graph.mail.openChain(graph.mailbox, graph.inbox, since, 50, aborted)).rejects.toBeInstanceOf(
        TransientError,
      );
      await expect(graph.mail.getMail(graph.mailbox, 'AAkA=', aborted)).rejects.toBeInstanceOf(TransientError);
    });
  });
}
