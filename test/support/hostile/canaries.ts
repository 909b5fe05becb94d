const hex = (text: string) => Buffer.from(text).toString('hex');
const escaped = (text: string) =>
  Array.from(text, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`).join('');

/** What base64 of anything that holds `text` holds, at each of the three places it may start at. */
function inBase64(text: string): string[] {
  return [0, 1, 2].map((shift) => {
    const encoded = Buffer.concat([Buffer.alloc(shift), Buffer.from(text)]).toString('base64');
    // The first and last characters depend on the neighbours.
    return encoded.slice(Math.ceil((shift * 8) / 6), Math.floor(((shift + Buffer.byteLength(text)) * 8) / 6));
  });
}

/** Every spelling in which a canary may have got into a text; letter case is ignored. */
function spellingsOf(canary: string): string[] {
  const lower = canary.toLowerCase();
  const base64 = [canary, lower, canary.toUpperCase()].flatMap(inBase64);
  const spellings = [
    lower,
    encodeURIComponent(lower),
    hex(lower),
    hex(canary.toUpperCase()),
    escaped(lower),
    lower.split('').toReversed().join(''),
    ...base64,
    ...base64.map((text) => text.replaceAll('+', '-').replaceAll('/', '_')),
  ];
  return [...new Set(spellings.map((spelling) => spelling.toLowerCase()))];
}

/**
 * Finds canaries in whatever was written: plain, in any letter case, URL-encoded, in base64, in hex, escaped or
 * backwards. `canaries` are the secrets by the name of the place where each one was put.
 */
export function makeScanner(canaries: Readonly<Record<string, string>>): (text: string) => string[] {
  const wanted = Object.entries(canaries).map(([name, canary]) => ({ name, spellings: spellingsOf(canary) }));
  return (text) => {
    const lower = text.toLowerCase();
    return wanted
      .filter(({ spellings }) => spellings.some((spelling) => lower.includes(spelling)))
      .map(({ name }) => name);
  };
}

let canaries = 0;

/** A secret that occurs nowhere else. */
export const aCanary = (name: string): string => `kanarie-${name}-${(++canaries * 7919).toString(36)}zq`;
