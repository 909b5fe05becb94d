/** Date headers, also the odd ones. */

const months = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'];

/** Minutes east of Greenwich of the zone names that RFC 5322 knows and some that mails use. */
const zones: Record<string, number> = {
  ut: 0,
  utc: 0,
  gmt: 0,
  z: 0,
  est: -300,
  edt: -240,
  cst: -360,
  cdt: -300,
  mst: -420,
  mdt: -360,
  pst: -480,
  pdt: -420,
  bst: 60,
  ist: 330,
  cet: 60,
  cest: 120,
  met: 60,
  mest: 120,
  eet: 120,
  eest: 180,
  msk: 180,
  jst: 540,
  kst: 540,
  aest: 600,
  aedt: 660,
};

const earliest = Date.UTC(1601, 0, 1);
const latest = Date.UTC(9999, 11, 31);

function zoneMinutes(text: string): number {
  const offset = /([+-])(\d{1,2}):?(\d{2})\b/.exec(text);
  if (offset !== null) return (offset[1] === '-' ? -1 : 1) * (Number(offset[2]) * 60 + Number(offset[3]));
  return zones[/[a-z]+/i.exec(text)?.[0]?.toLowerCase() ?? ''] ?? 0;
}

function fullYear(text: string): number {
  const year = Number(text);
  if (text.length >= 4) return year;
  if (text.length === 3) return 1900 + year;
  return year < 50 ? 2000 + year : 1900 + year;
}

/** Milliseconds since 1970, or null if the text is no date. */
export function readDateHeader(text: string | undefined): number | null {
  if (text === undefined) return null;
  const plain = text.replace(/\([^()]*\)/g, ' ').trim();
  const pattern =
    /(\d{1,2})[\s-]+([A-Za-z]{3,9})\.?[\s-]+(\d{2,4})[,\s]+(\d{1,2})[:.](\d{1,2})(?:[:.](\d{1,2}))?(?:\.\d+)?\s*(.*)$/;
  const match = pattern.exec(plain);
  const month = months.indexOf(match?.[2]?.slice(0, 3).toLowerCase() ?? '');
  if (match === null || month < 0) return inRange(Date.parse(plain));
  const [, day, , year, hour, minute, second, zone] = match;
  const parts = [Number(day), Number(hour), Number(minute), Number(second ?? 0)];
  const [d = 0, h = 0, m = 0, s = 0] = parts;
  if (d < 1 || d > 31 || h > 24 || m > 59 || s > 61) return null;
  const utc = Date.UTC(fullYear(year ?? ''), month, d, h, m, s);
  return inRange(utc - zoneMinutes(zone ?? '') * 60_000);
}

function inRange(ms: number): number | null {
  return Number.isFinite(ms) && ms >= earliest && ms <= latest ? ms : null;
}
