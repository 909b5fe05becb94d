import { gzipSync } from 'node:zlib';
import { CLIENT_STATE, forgedItem, genuineItem, pick, type Random } from './forged-items.ts';

export type Body = string | Uint8Array<ArrayBuffer>;

const bytes = (text: string | Buffer): Uint8Array<ArrayBuffer> => new Uint8Array(Buffer.from(text));

const forgedItems = (random: Random): unknown[] => {
  const most = random() < 0.01 ? 200 : 4;
  return Array.from({ length: 1 + Math.floor(random() * most) }, () => forgedItem(random));
};

const collection = (random: Random): string => JSON.stringify({ value: forgedItems(random) });

/** The bytes of a POST, or a whole genuine one that was broken so that it is none any more. */
const WAYS: [(random: Random) => Body, ...((random: Random) => Body)[]] = [
  (random) => JSON.stringify({ validationTokens: null, ...JSON.parse(collection(random)), '@odata.context': 'x' }),
  // What names a genuine item nowhere that counts.
  () => JSON.stringify([genuineItem()]),
  () => JSON.stringify(genuineItem()),
  () => JSON.stringify({ value: genuineItem() }),
  () => JSON.stringify({ value: { 0: genuineItem(), length: 1 } }),
  () => JSON.stringify({ value: [[genuineItem()]] }),
  () => JSON.stringify({ value: [{ value: [genuineItem()] }] }),
  () => JSON.stringify({ value: [JSON.stringify(genuineItem())] }),
  () => JSON.stringify({ Value: [genuineItem()] }),
  () => JSON.stringify(JSON.stringify({ value: [genuineItem()] })),
  () => `{"__proto__":${JSON.stringify({ value: [genuineItem()] })}}`,
  () => `{"value":[{"__proto__":${JSON.stringify(genuineItem())}}]}`,
  // Of two values for one name the last one counts.
  () => `{"value":[${JSON.stringify(genuineItem())}],"value":[]}`,
  () => JSON.stringify({ value: [genuineItem()] }).replace('"changeType"', '"clientState":"x","changeType"'),
  (random) =>
    `{"value":[{"clientState":"${CLIENT_STATE}",${JSON.stringify({ ...forgedItem(random), clientState: 'x' }).slice(1)}]}`,
  // Bytes that are no JSON in UTF-8.
  (random) => {
    const whole = JSON.stringify({ value: [genuineItem()] });
    return whole.slice(0, Math.floor(random() * (whole.length - 1)));
  },
  (random) => `${JSON.stringify({ value: [genuineItem()] })}${pick(random, [',', '}', 'x', '\0', '//', '{}'])}`,
  () => bytes(Buffer.from(JSON.stringify({ value: [genuineItem()] }), 'utf16le')),
  () => bytes(gzipSync(JSON.stringify({ value: [genuineItem()] }))),
  (random) => {
    const broken = Buffer.from(JSON.stringify({ value: [genuineItem()] }));
    broken[Math.floor(random() * broken.length)] = 0x80 + Math.floor(random() * 0x40);
    return bytes(broken);
  },
  () => `value=${encodeURIComponent(JSON.stringify([genuineItem()]))}`,
  () => `--x\r\nContent-Disposition: form-data; name="value"\r\n\r\n${JSON.stringify([genuineItem()])}\r\n--x--`,
  () => '<?xml version="1.0"?><!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><value>&e;</value>',
  (random) =>
    pick(random, ['', ' ', 'null', 'true', '0', '-0', '1e999', 'NaN', '""', '[]', '{}', '\ufeff', "{'value':[]}"]),
  (random) => {
    const deep = 1 + Math.floor(random() * 2_000);
    return `{"value":[${'['.repeat(deep)}${']'.repeat(deep)}]}`;
  },
  (random) => `{"value":${'{"a":'.repeat(1 + Math.floor(random() * 2_000))}`,
];

/** The next POST of a forger; a seed repeats the whole attack. None of them may cause anything. */
export const forgedPost = (random: Random): Body => (random() < 0.7 ? collection(random) : pick(random, WAYS)(random));

/** What costs the judge the most for its size; seldom, because each is large. */
export const heavyPosts = (): [string, Body][] => {
  const forger = { tenantId: genuineItem().tenantId, clientState: `${CLIENT_STATE.slice(0, -4)}AAAA` };
  const many = (count: number, item: unknown) => `{"value":[${`${JSON.stringify(item)},`.repeat(count)}{}]}`;
  return [
    ['10,000 items with a signature that is nearly right', many(9_999, forger)],
    ['20,000 items', many(20_000, forger)],
    ['a million empty items', many(1_000_000, 0)],
    ['an item with 300,000 names', `{"value":[{${Array.from({ length: 300_000 }, (_, n) => `"${n}":0`).join(',')}}]}`],
    ['two million brackets', `{"value":[${'['.repeat(2_000_000)}${']'.repeat(2_000_000)}]}`],
    ['a number of a million digits', `{"value":[{"tenantId":${'9'.repeat(1_000_000)}}]}`],
    ['4 MiB of escapes', `{"value":["${'\\u0000'.repeat(690_000)}"]}`],
    ['a clientState of 4 MB', JSON.stringify({ value: [{ ...genuineItem(), clientState: '1.'.repeat(2_000_000) }] })],
    ['a resource of 4 MB', JSON.stringify({ value: [{ ...forger, resource: `Users/${'0'.repeat(4_000_000)}` }] })],
  ];
};
