import { type SigningKey, signClientState } from '../../../shared/domain/client-state.ts';
import { aNotification, INBOX_KEY, MAILBOX, TENANT } from '../builders.ts';
import { aSigningKey } from '../fakes/key-ring-fake.ts';
import { START } from '../in-memory-ports.ts';

/** The keys that the app under attack accepts. */
export const KEYS: SigningKey[] = ['first', 'older'].map((id) => aSigningKey(id, new Date(START - 86_400_000)));
const FORGERS_KEY: SigningKey = { ...aSigningKey('forger', new Date(0)), id: 'first' };
const OTHER_MAILBOX = '99999999-2222-4333-8444-555555555555';
const OTHER_TENANT = '6f1c2a9e-4b7d-4d0e-9a35-2c8e51b7d410';

const sign = (key: SigningKey | undefined, slot: { tenant?: string; mailbox?: string; folder?: string } = {}): string =>
  signClientState(key ?? FORGERS_KEY, { tenant: TENANT, mailbox: MAILBOX, folder: INBOX_KEY, ...slot });

export const CLIENT_STATE = sign(KEYS[0]);
const [VERSION = '', KEY_ID = '', MAILBOX_PART = '', FOLDER = '', MAC = ''] = CLIENT_STATE.split('.');

export type Item = Record<string, unknown>;
export type Random = () => number;

export const genuineItem = (id = 'AAkALgAAAAAAHYQDEapm='): Item => aNotification({ clientState: CLIENT_STATE, id });

export const pick = <T>(random: Random, [first, ...rest]: readonly [T, ...T[]]): T => {
  const place = Math.floor(random() * (rest.length + 1));
  return rest[place - 1] ?? first;
};

/** As JSON.parse makes it: a name of its own, whatever the name means to the language. */
const withOwn = (name: string, value: unknown): Item =>
  Object.defineProperty({}, name, { value, enumerable: true, configurable: true, writable: true });

const BASE64URL = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
const letter = (random: Random) => BASE64URL[Math.floor(random() * 64)] ?? 'A';
const letters = (random: Random, length: number) => Array.from({ length }, () => letter(random)).join('');
const at = (random: Random, text: string) => Math.floor(random() * text.length);

const flipBit = (random: Random, text: string): string => {
  const place = at(random, text);
  const flipped = String.fromCharCode(text.charCodeAt(place) ^ (1 << Math.floor(random() * 7)));
  return text.slice(0, place) + flipped + text.slice(place + 1);
};

const replaceOne = (random: Random, text: string): string => {
  const place = at(random, text);
  const other =
    Array.from(BASE64URL).find((candidate, number) => candidate !== text[place] && number > random() * 60) ?? '~';
  return text.slice(0, place) + (other === text[place] ? '~' : other) + text.slice(place + 1);
};

/** The bits of the last letter that no byte is made of: the same signature in another spelling. */
const respell = (text: string): string => {
  const last = BASE64URL.indexOf(text.at(-1) ?? 'A');
  return text.slice(0, -1) + (BASE64URL[last ^ 1] ?? 'A');
};

/** Values of the wrong kind, for any field. */
export const oddValue = (random: Random): unknown =>
  pick<() => unknown>(random, [
    () => undefined,
    () => null,
    () => true,
    () => 0,
    () => -1e308,
    () => '',
    () => ' ',
    () => [],
    () => ({}),
    () => [CLIENT_STATE],
    () => ({ $ne: null }),
    () => ({ toString: CLIENT_STATE, length: 86 }),
    () => ({ constructor: { name: 'String' }, split: null }),
    () => withOwn('__proto__', { genuine: true }),
    () => '\ud800',
    () => '\0'.repeat(10),
    () => 'x'.repeat(Math.floor(random() * 3_000)),
    () => letters(random, 86),
  ])();

/** A clientState that is not ours, however near it comes. */
const wrongClientState = (random: Random): unknown =>
  pick<() => unknown>(random, [
    () => flipBit(random, CLIENT_STATE),
    () => replaceOne(random, CLIENT_STATE),
    () => `${CLIENT_STATE.slice(0, -1)}${CLIENT_STATE.endsWith('A') ? 'B' : 'A'}`,
    () => respell(CLIENT_STATE),
    () => `${CLIENT_STATE}=`,
    () => `${CLIENT_STATE}.`,
    () => `${CLIENT_STATE}\0`,
    () => ` ${CLIENT_STATE}`,
    () => `${CLIENT_STATE}\n`,
    () => CLIENT_STATE.toUpperCase(),
    () => CLIENT_STATE.toLowerCase(),
    () => CLIENT_STATE.split('').toReversed().join(''),
    () => CLIENT_STATE.slice(0, at(random, CLIENT_STATE)),
    () => CLIENT_STATE.slice(1 + at(random, CLIENT_STATE)),
    () => CLIENT_STATE.replaceAll('.', '\uff0e'),
    () => CLIENT_STATE.replaceAll('.', '%2e'),
    () => encodeURIComponent(`${CLIENT_STATE} `),
    () => Buffer.from(CLIENT_STATE).toString('base64'),
    () => ['0', '2', '01', '1.0', '', '__proto__'][at(random, '123456')] + CLIENT_STATE.slice(VERSION.length),
    () =>
      [
        VERSION,
        pick(random, ['older', 'never', '', '__proto__', 'constructor', 'toString', 'FIRST', 'first ']),
        MAILBOX_PART,
        FOLDER,
        MAC,
      ].join('.'),
    () => [VERSION, KEY_ID, letters(random, 22), FOLDER, MAC].join('.'),
    () => [VERSION, KEY_ID, MAILBOX_PART, letters(random, 11), MAC].join('.'),
    () => [VERSION, KEY_ID, MAILBOX_PART, FOLDER, letters(random, 43)].join('.'),
    () => [VERSION, KEY_ID, MAILBOX_PART, FOLDER, 'A'.repeat(43)].join('.'),
    () => [VERSION, KEY_ID, MAILBOX_PART, FOLDER, '\u00e9'.repeat(43)].join('.'),
    () => [VERSION, KEY_ID, MAILBOX_PART, '', FOLDER, MAC].join('.'),
    () => [VERSION, KEY_ID, FOLDER, MAILBOX_PART, MAC].join('.'),
    // The signature of something else that is genuine.
    () =>
      [VERSION, KEY_ID, MAILBOX_PART, FOLDER, sign(KEYS[0], { mailbox: OTHER_MAILBOX }).split('.').at(-1)].join('.'),
    () => [VERSION, KEY_ID, MAILBOX_PART, FOLDER, sign(KEYS[1]).split('.').at(-1)].join('.'),
    () => sign(KEYS[0], { tenant: OTHER_TENANT }),
    () => sign(FORGERS_KEY),
    () => sign(FORGERS_KEY, { mailbox: OTHER_MAILBOX }),
    () => oddValue(random),
    () => 'x'.repeat(100_000),
    () => 'secretClientValue',
  ])();

const wrongTenant = (random: Random): unknown =>
  pick<() => unknown>(random, [
    () => OTHER_TENANT,
    () => `{${TENANT}}`,
    () => `${TENANT} `,
    () => TENANT.replaceAll('-', ''),
    () => [TENANT],
    () => flipBit(random, TENANT.replaceAll(/[a-f]/g, '1')),
    () => oddValue(random),
  ])();

const otherResource = (random: Random): unknown =>
  pick(random, [
    `Users/${OTHER_MAILBOX}/Messages/AAk=`,
    `users/${OTHER_MAILBOX}/mailFolders('inbox')/messages/AAk=`,
    `/users/${OTHER_MAILBOX}/messages/AAk=`,
    `USERS('${OTHER_MAILBOX}')/MESSAGES('AAk=')`,
    `Users/${OTHER_MAILBOX}@${TENANT}/Messages/AAk=`,
    `Users/${OTHER_MAILBOX.toUpperCase()}/Messages/../../${MAILBOX}/Messages/AAk=`,
  ]);

/** Changes that alone make an item somebody else’s. */
const FATAL: [(random: Random) => Item, ...((random: Random) => Item)[]] = [
  (random) => ({ clientState: wrongClientState(random) }),
  (random) => ({ clientState: wrongClientState(random) }),
  (random) => ({ clientState: wrongClientState(random) }),
  (random) => ({ tenantId: wrongTenant(random) }),
  (random) => ({ resource: otherResource(random) }),
];

/** Changes that mean nothing, or that a forger hopes mean something. */
export const harmless = (random: Random): Item =>
  pick<() => Item>(random, [
    () => ({}),
    () => ({ subscriptionId: oddValue(random) }),
    () => ({ changeType: oddValue(random) }),
    () => ({
      lifecycleEvent: pick<unknown>(random, ['missed', 'subscriptionRemoved', 'constructor', oddValue(random)]),
    }),
    () => ({ resourceData: oddValue(random) }),
    () => ({ resourceData: { id: `../../${letters(random, 8)}`, '@odata.id': 'https://evil.example/v1.0/x' } }),
    () => ({
      resource: pick(random, ['https://evil.example/', '../..', '', 'users//messages/x', 'communications/calls/1']),
    }),
    () => ({ subscriptionExpirationDateTime: oddValue(random) }),
    () => ({ encryptedContent: { data: letters(random, 80), dataKey: 'x', encryptionCertificateId: 'c' } }),
    () => ({ validationTokens: ['eyJhbGciOiJub25lIn0.e30.'] }),
    () => withOwn('__proto__', { clientState: CLIENT_STATE, tenantId: TENANT }),
    () => withOwn('constructor', { prototype: { genuine: true } }),
    () => ({ [letters(random, 12)]: oddValue(random) }),
    () => ({ ClientState: CLIENT_STATE, clientstate: CLIENT_STATE }),
  ])();

/** An item that no part of the app may act on. */
export function forgedItem(random: Random): Item {
  let item: Item = genuineItem(letters(random, 20));
  for (let changes = Math.floor(random() * 3); changes > 0; changes--) item = { ...item, ...harmless(random) };
  return { ...item, ...pick(random, FATAL)(random) };
}
