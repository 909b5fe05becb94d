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
export const schedule = z
  .string()
  .regex(/^\s*\S+(\s+\S+){4,5}\s*$/, 'must be an NCRONTAB expression of six fields, such as 0 * * * * *');

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
