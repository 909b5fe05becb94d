import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseRing } from '../../shared/domain/work-item.ts';
import { INBOX_KEY, MAILBOX, TENANT } from '../support/builders.ts';
import { CLIENT_STATE, forgedItem, genuineItem, harmless } from '../support/hostile/forged-items.ts';
import { forgedPost, heavyPosts } from '../support/hostile/forged-posts.ts';
import { openWebhook } from '../support/hostile/webhook-under-test.ts';
import { seededRandom } from '../support/seeded-random.ts';

// More with `node test/support/hostile/forge.ts --posts N`.
const POSTS = Number(process.env['FORGED_POSTS'] ?? 100_000);
const RUNS = Number(process.env['FUZZ_RUNS'] ?? 300);
const seeds = fc.nat().map(seededRandom);

const tenIn = (text: string) => (text.length > 300 ? `${text.slice(0, 300)}…` : text);
const shown = (body: string | Uint8Array) => tenIn(typeof body === 'string' ? body : Buffer.from(body).toString());

describe('a POST that Graph did not send', () => {
  it(`causes no call of anything, whatever it says: ${POSTS} of them [T01, F08, T06, T10, T32]`, async () => {
    const webhook = await openWebhook();
    const random = seededRandom(7);
    const statuses = new Map<number | undefined, number>();
    for (let sent = 0; sent < POSTS; sent += 50) {
      const bodies = Array.from({ length: 50 }, () => forgedPost(random));
      const answers = await Promise.all(bodies.map((body) => webhook.post(body)));
      for (const { status } of answers) statuses.set(status, (statuses.get(status) ?? 0) + 1);
      if (webhook.calls.length > 0) expect(webhook.calls, bodies.map(shown).join('\n')).toEqual([]);
    }
    expect([...statuses.keys()].filter((status) => status !== 202 && status !== 400)).toEqual([]);
    // Most get as far as the judge, or only the parser would have been tried.
    expect(statuses.get(202)).toBeGreaterThan(POSTS / 2);
  }, 300_000);

  it('tells nothing about why it was refused [T01]', async () => {
    const webhook = await openWebhook();
    const random = seededRandom(11);
    for (let sent = 0; sent < 500; sent++) {
      const answer = await webhook.post(JSON.stringify({ value: [forgedItem(random)] }));
      expect(answer).toEqual({ status: 202 });
    }
  });

  it.each(heavyPosts())('costs little and causes nothing as %s [T06, T32]', async (_, body) => {
    const webhook = await openWebhook();
    const { status } = await webhook.post(body);
    expect([202, 400, 413]).toContain(status);
    expect(webhook.calls).toEqual([]);
  });

  it('is refused unread where it nests deeper than any notification, however wide it is [T06]', async () => {
    const webhook = await openWebhook();
    const nested = (depth: number) =>
      JSON.stringify({ value: [genuineItem()] }).replace(
        '"changeType"',
        `"odd":${'['.repeat(depth)}"]{\\""${']'.repeat(depth)},"changeType"`,
      );
    // The collection, its array and the item are three levels already.
    expect((await webhook.post(nested(29))).status).toBe(202);
    expect((await webhook.post(nested(30))).status).toBe(400);
    // Brackets in a text are no nesting.
    const wide = JSON.stringify({
      value: [{ ...genuineItem(), changeType: `${'[{'.repeat(500)}\\"` }],
      more: [[], [], {}],
    });
    expect((await webhook.post(wide)).status).toBe(202);
  });

  it('is refused whole where it holds more items than can be judged at once [T06, T32]', async () => {
    const webhook = await openWebhook();
    const items = (count: number) => JSON.stringify({ value: Array.from({ length: count }, () => genuineItem()) });
    expect((await webhook.post(items(2_000))).status).toBe(202);
    expect(webhook.calls).toEqual(['workQueue.send']);
    expect((await webhook.post(items(2_001))).status).toBe(400);
    expect(webhook.calls).toEqual(['workQueue.send']);
  });
});

describe('a genuine item', () => {
  it('among forged ones rings alone, wherever it stands [F06]', async () => {
    await fc.assert(
      fc.asyncProperty(seeds, fc.nat(6), fc.nat(6), async (random, before, after) => {
        const webhook = await openWebhook();
        const forged = (count: number) => Array.from({ length: count }, () => forgedItem(random));
        const value = [...forged(before), genuineItem('AAkA1='), ...forged(after)];
        expect(await webhook.post(JSON.stringify({ value }))).toEqual({ status: 202 });
        expect(webhook.calls).toEqual(['workQueue.send']);
        expect(webhook.world.workQueue.sent.map(({ ring }) => ring)).toEqual([
          { mailbox: MAILBOX, folders: [INBOX_KEY], ids: ['AAkA1='] },
        ]);
      }),
      { numRuns: RUNS },
    );
  });

  it('with odd neighbours of its own fields makes one ring for its own folder and no path of anything else [T03, T10, F08]', async () => {
    await fc.assert(
      fc.asyncProperty(seeds, async (random) => {
        const webhook = await openWebhook();
        const item = { ...genuineItem(), ...harmless(random), ...harmless(random), clientState: CLIENT_STATE };
        const { status } = await webhook.post(JSON.stringify({ value: [item] }));
        expect(status).toBe(202);
        // A field of the wrong kind makes it no notification; nothing else gets more than a ring for this folder.
        for (const { body } of webhook.world.workQueue.bodies()) {
          const ring = parseRing(body);
          expect(ring).toMatchObject({ mailbox: MAILBOX, folders: [INBOX_KEY] });
          expect(JSON.stringify(ring)).not.toMatch(/evil|\.\.|https?:/);
        }
      }),
      { numRuns: RUNS },
    );
  });

  it('that was captured and is sent again a thousand times rings for nothing but its own folder [T03, T04]', async () => {
    const webhook = await openWebhook();
    const body = JSON.stringify({ value: [genuineItem()] });
    for (let time = 0; time < 1_000; time++) await webhook.post(body);
    expect(new Set(webhook.calls)).toEqual(new Set(['workQueue.send']));
    const rings = webhook.world.workQueue.bodies().map((queued) => queued.body);
    expect(new Set(rings).size).toBe(1);
  });

  it('of one tenant is forged for another, although mailbox, folder and keys are equal [T31]', async () => {
    const webhook = await openWebhook();
    const other = '6f1c2a9e-4b7d-4d0e-9a35-2c8e51b7d410';
    expect(TENANT).not.toBe(other);
    for (const tenantId of [other, other.toUpperCase(), `${TENANT},${other}`])
      await webhook.post(JSON.stringify({ value: [{ ...genuineItem(), tenantId }] }));
    expect(webhook.calls).toEqual([]);
  });
});

describe('a notification with resource data', () => {
  const encrypted = {
    data: 'x',
    dataSignature: 'x',
    dataKey: 'x',
    encryptionCertificateId: 'c',
    encryptionCertificateThumbprint: 't',
  };
  const tokens = ['eyJhbGciOiJub25lIn0.e30.', 'eyJhbGciOiJSUzI1NiIsImprdSI6Imh0dHBzOi8vZXZpbC5leGFtcGxlIn0.e30.x'];

  it('is a doorbell: its content is not opened, and its validation tokens vouch for nothing [T08, T09]', async () => {
    const webhook = await openWebhook();
    const post = (item: unknown) => webhook.post(JSON.stringify({ value: [item], validationTokens: tokens }));
    expect((await post({ ...genuineItem('AAkA1='), encryptedContent: encrypted })).status).toBe(202);
    expect(webhook.world.workQueue.sent.map(({ ring }) => ring.ids)).toEqual([['AAkA1=']]);
    expect((await post({ ...genuineItem(), clientState: 'x', encryptedContent: encrypted })).status).toBe(202);
    expect((await post({ encryptedContent: encrypted })).status).toBe(202);
    expect(webhook.calls).toEqual(['workQueue.send']);
  });
});
