import * as fc from 'fast-check';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { makeGraphClient } from '../../shared/adapters/graph/graph-client.ts';
import { makeGraphMail } from '../../shared/adapters/graph/graph-mail.ts';
import { TokenSource } from '../../shared/adapters/graph/token-source.ts';
import { aTokenAnswer } from '../support/token-answers.ts';

const ORIGIN = 'https://graph.microsoft.com';
const NOW = Date.parse('2026-10-12T08:00:00Z');

// Mostly genuine, so that one trick at a time gets as far as it can.
const mostly = (genuine: string, others: fc.Arbitrary<string>) =>
  fc.oneof({ arbitrary: fc.constant(genuine), weight: 2 }, { arbitrary: others, weight: 3 });

const scheme = mostly(
  'https://',
  fc.constantFrom(
    'http://',
    '//',
    'https:',
    'https:/',
    'https:\\\\',
    'HTTPS://',
    'ftp://',
    'ws://',
    'javascript:',
    '\thttps://',
    'ht\ntps://',
    '',
    ' https://',
  ),
);
const host = mostly(
  'graph.microsoft.com',
  fc.oneof(
    fc.constantFrom(
      'graph.microsoft.com',
      'GRAPH.microsoft.COM',
      'graph.microsoft.com.',
      'graph.microsoft.com.evil.example',
      'graph.microsoft.com-evil.example',
      'graph.microsoft.comevil.example',
      'evil.example',
      'graphmicrosoft.com',
      'graph.microsoft.com@evil.example',
      'graph.microsoft.com:x@evil.example',
      'evil.example#@graph.microsoft.com',
      'evil.example?@graph.microsoft.com',
      'evil.example\\@graph.microsoft.com',
      'graph.microsoft.com\\.evil.example',
      'graph.microsoft.com%2eevil.example',
      'graph.microsoft.com%00.evil.example',
      'graph.microsoft.com\u3002evil.example',
      '\uff47raph.microsoft.com',
      'gr\u0430ph.microsoft.com',
      'graph.microsoft.us',
      '127.0.0.1',
      '[::1]',
      '0x7f000001',
      '',
    ),
    fc.domain(),
    fc.webAuthority({ withUserInfo: true, withPort: true, withIPv4: true, withIPv6: true }),
  ),
);
const port = mostly('', fc.constantFrom(':443', ':444', ':80', ':0443', ':', ':99999', ':443@evil.example'));
const path = fc.oneof(
  fc.constantFrom(
    '/v1.0/users/a/messages/delta?$deltatoken=abc',
    '/v1.0/../beta/users',
    '/v1.0/%2e%2e/%2e%2e/evil',
    '/v1.0//evil.example/x',
    '/v1.0/https://evil.example/x',
    '/v1.0/https:/evil.example/x?https://evil.example/',
    '/v1.0/x?u=https://evil.example/&$filter=a',
    '/v1.0/@evil.example/',
    '/v1.0\\evil.example',
    '/v1.0/\r\nHost: evil.example',
    '/beta/me',
    '/',
    '',
    '?x=/v1.0/',
    '#/v1.0/x',
  ),
  fc.webPath().map((text) => `/v1.0${text}`),
  fc.string({ unit: 'binary', maxLength: 40 }).map((text) => `/v1.0/${text}`),
);
const link = fc.oneof(
  { arbitrary: fc.tuple(scheme, host, port, path).map((parts) => parts.join('')), weight: 8 },
  { arbitrary: fc.webUrl({ withQueryParameters: true, withFragments: true }), weight: 1 },
  { arbitrary: fc.string({ unit: 'binary', maxLength: 60 }), weight: 1 },
);

interface Sent {
  url: string;
  token: string | null;
}

function openGraph() {
  const sent: Sent[] = [];
  vi.stubGlobal('fetch', (url: string, options?: RequestInit) => {
    const token = new Headers(options?.headers).get('authorization');
    sent.push({ url, token });
    return Promise.resolve(Response.json({ value: [], '@odata.deltaLink': `${ORIGIN}/v1.0/next` }));
  });
  const answer = aTokenAnswer({ accessToken: 'secret', expiresOn: new Date(NOW + 3_600_000) });
  const tokens = new TokenSource(
    () => Promise.resolve(answer),
    () => NOW,
  );
  const graph = makeGraphClient({ tokens, baseUrl: `${ORIGIN}/v1.0`, scope: 's', now: () => NOW, random: () => 0 });
  return { graph, sent };
}

const quietly = (work: Promise<unknown>) => work.catch(() => undefined);

afterEach(() => {
  vi.unstubAllGlobals();
});

describe('a hostile link', () => {
  it('is only ever followed to Graph itself, below its root [T11]', async () => {
    const { graph, sent } = openGraph();
    const mail = makeGraphMail(graph, true);
    let followed = 0;
    await fc.assert(
      fc.asyncProperty(link, async (hostile) => {
        sent.length = 0;
        await quietly(mail.followLink(hostile, 50, new AbortController().signal));
        for (const { url } of sent) {
          followed++;
          expect(new URL(url).origin).toBe(ORIGIN);
          expect(new URL(url).pathname).toMatch(/^\/v1\.0\//);
        }
      }),
      { numRuns: 2_000 },
    );
    // Some links are genuine, or the property would prove nothing.
    expect(followed).toBeGreaterThan(100);
  });

  it('in an answer ends the reading instead of being stored [T11]', async () => {
    const { graph } = openGraph();
    const mail = makeGraphMail(graph, true);
    await fc.assert(
      fc.asyncProperty(link, fc.constantFrom('@odata.nextLink', '@odata.deltaLink'), async (hostile, name) => {
        vi.stubGlobal('fetch', () => Promise.resolve(Response.json({ value: [], [name]: hostile })));
        const answer = await mail
          .openChain('a', 'b', new Date(NOW), 50, new AbortController().signal)
          .catch(() => undefined);
        if (answer) expect(new URL(answer.next.link).origin).toBe(ORIGIN);
      }),
      { numRuns: 500 },
    );
  });

  it('given as a path gets no token for another origin [T11]', async () => {
    const { graph, sent } = openGraph();
    await fc.assert(
      fc.asyncProperty(link, async (hostile) => {
        sent.length = 0;
        await quietly(graph.get(hostile));
        for (const { url, token } of sent) if (token) expect(new URL(url).origin).toBe(ORIGIN);
      }),
      { numRuns: 1_000 },
    );
  });
});
