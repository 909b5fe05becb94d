import { createPrivateKey, X509Certificate } from 'node:crypto';
import * as z from 'zod';

/*
 * The forms that the value of a setting may have. Messages say what it must be and never quote it: it may be a secret.
 */

/** This machine, by name or address. */
export const isLoopback = (host: string) =>
  host === 'localhost' || host === '[::1]' || /^127(\.\d{1,3}){3}$/.test(host);

/** A token or a mail must not cross a network in the clear. */
function isSafeUrl(value: string): boolean {
  const url = URL.parse(value);
  return url !== null && (url.protocol === 'https:' || (url.protocol === 'http:' && isLoopback(url.hostname)));
}

export const url = z.string().refine(isSafeUrl, 'must be an https URL (http only to this machine)');
export const guid = z.guid('must be a GUID').toLowerCase();
export const flag = z.enum(['true', 'false'], 'must be true or false').transform((value) => value === 'true');
export const name = z.string().regex(/^[A-Za-z0-9][\w./-]{0,259}$/, 'must be a queue name');
export const list = z.string().transform((value) =>
  value
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== ''),
);
/** An address or an object id. */
export const mailbox = /^[^\s,@/\\?#%]+@[^\s,@/\\?#%]+$|^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
const MONTHS = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'];
const DAYS = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'];
/** Second, minute, hour, day, month, day of the week; each with its range, and names where there are any. */
const FIELDS: { from: number; to: number; names?: string[] }[] = [
  { from: 0, to: 59 },
  { from: 0, to: 59 },
  { from: 0, to: 23 },
  { from: 1, to: 31 },
  { from: 1, to: 12, names: ['', ...MONTHS] },
  { from: 0, to: 6, names: DAYS },
];

/** NCRONTAB as the Functions host reads it: no `?`, `L`, `W`, `#`, no year, and Sunday is 0 only. */
function isSchedule(text: string): boolean {
  const given = text.trim().split(/\s+/);
  const fields = given.length === 5 ? ['0', ...given] : given;
  return (
    fields.length === FIELDS.length && FIELDS.every((field, position) => isScheduleField(fields[position] ?? '', field))
  );
}

function isScheduleField(text: string, { from, to, names = [] }: (typeof FIELDS)[number]): boolean {
  const valueOf = (part: string) => {
    const named = names.indexOf(part.toLowerCase());
    return named > 0 || (named === 0 && part !== '') ? named : /^\d{1,2}$/.test(part) ? Number(part) : Number.NaN;
  };
  const inRange = (value: number) => value >= from && value <= to;
  return text.split(',').every((item) => {
    const [range = '', step, ...rest] = item.split('/');
    if (rest.length > 0 || (step !== undefined && !/^[1-9]\d?$/.test(step))) return false;
    if (range === '*') return true;
    const [first = '', last, ...more] = range.split('-');
    if (more.length > 0 || !inRange(valueOf(first))) return false;
    return last === undefined || (inRange(valueOf(last)) && valueOf(last) >= valueOf(first));
  });
}

export const schedule = z
  .string()
  .refine(isSchedule, 'must be an NCRONTAB expression of six fields, such as 0 * * * * *');

/** The first certificate and the first private key of a PEM text, in whichever order; '' for what is not there. */
export function pemParts(pem: string): { certificate: string; privateKey: string } {
  const [certificate = ''] = /-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/.exec(pem) ?? [];
  const [privateKey = ''] =
    /-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]+?-----END [A-Z ]*PRIVATE KEY-----/.exec(pem) ?? [];
  return { certificate, privateKey };
}

/** PEM text with a certificate and the private key that belongs to it; MSAL takes RSA only. */
export const certificate = z.string().refine((pem) => {
  try {
    const parts = pemParts(pem);
    const key = createPrivateKey(parts.privateKey);
    return key.asymmetricKeyType === 'rsa' && new X509Certificate(parts.certificate).checkPrivateKey(key);
  } catch {
    return false;
  }
}, 'must be PEM text with an RSA certificate and its private key');

const DURATION = /^P(?:(\d+)D)?(?:T(?=\d)(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)?$/;
export const duration = z
  .string()
  .transform((value) => {
    const parts = DURATION.exec(value);
    const [days = 0, hours = 0, minutes = 0, seconds = 0] = (parts ?? []).slice(1).map((part) => Number(part ?? 0));
    return parts ? (((days * 24 + hours) * 60 + minutes) * 60 + seconds) * 1000 : 0;
  })
  .refine((ms) => ms >= 1000 && ms <= 86_400_000, 'must be an ISO 8601 duration from PT1S to P1D, such as PT10M');

export const metadata = z.string().refine((value) => {
  try {
    const parsed = z.looseObject({ token_endpoint: z.string() }).safeParse(JSON.parse(value));
    return parsed.success && isSafeUrl(parsed.data.token_endpoint);
  } catch {
    return false;
  }
}, 'must be JSON with a token_endpoint that is https (http only to this machine)');

/** Plain http or amqp in a connection string is for emulators on this machine only. */
export function leavesMachineInTheClear(connectionString: string): boolean {
  const endpoints = connectionString
    .split(';')
    .flatMap((part) => /^\s*\w*Endpoint=(\w+:\/\/.+)$/i.exec(part)?.[1] ?? []);
  const plainBus = /UseDevelopmentEmulator=true/i.test(connectionString);
  const plainAccount = /DefaultEndpointsProtocol=http(;|$)/i.test(connectionString) && endpoints.length === 0;
  const plain = endpoints.filter((endpoint) => plainBus || /^http:/i.test(endpoint));
  return (
    plainAccount || plain.some((endpoint) => !isLoopback(URL.parse(endpoint.replace(/^\w+:/, 'http:'))?.hostname ?? ''))
  );
}
