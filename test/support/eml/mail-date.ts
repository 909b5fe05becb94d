// The Date header by the grammar of RFC 5322 with its obsolete forms. `new Date(text)` will not do: it takes a time
// without zone as local time, so the expectation would change with the machine.

const months = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'];
const zones: Readonly<Record<string, number>> = {
  EST: -300,
  EDT: -240,
  CST: -360,
  CDT: -300,
  MST: -420,
  MDT: -360,
  PST: -480,
  PDT: -420,
};
const pattern =
  /^(?:[a-z]{3},\s*)?(\d{1,2})\s+([a-z]{3})\s+(\d{2,4})\s+(\d{1,2}):(\d{2})(?::(\d{2}))?\s*([+-]\d{4}|[a-z]{1,5})?$/iu;

function year(text: string): number {
  const value = Number(text);
  if (text.length > 2) return value;
  return value < 50 ? 2000 + value : 1900 + value;
}

/** Minutes east of UTC; unknown letters count as UTC, as RFC 5322 asks for. */
function zoneMinutes(zone: string): number {
  if (!/^[+-]/u.test(zone)) return zones[zone.toUpperCase()] ?? 0;
  const minutes = Number(zone.slice(1, 3)) * 60 + Number(zone.slice(3));
  return zone.startsWith('-') ? -minutes : minutes;
}

/** The moment that a Date header names, or undefined if nobody can tell. */
export function mailDate(header: string): Date | undefined {
  const match = pattern.exec(header.replaceAll(/\([^)]*\)/gu, ' ').trim());
  if (match === null) return undefined;
  const [, day = '', month = '', years = '', hour = '', minute = '', second = '0', zone = ''] = match;
  const monthIndex = months.indexOf(month.toLowerCase());
  if (monthIndex < 0) return undefined;
  const local = Date.UTC(year(years), monthIndex, Number(day), Number(hour), Number(minute), Number(second));
  return new Date(local - zoneMinutes(zone) * 60_000);
}
