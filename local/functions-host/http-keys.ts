import { randomBytes } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { AuthLevel } from './http-routes.ts';

/** The access keys of a host, new for each start. */
export interface HostKeys {
  /** Opens everything, also `admin`. */
  master: string;
  /** Opens every function of level `function`. */
  host: string;
  /** By function name: opens that function. */
  functions: Record<string, string>;
}

/** Random keys for these functions. */
export function newHostKeys(functionNames: readonly string[]): HostKeys {
  const functions = Object.fromEntries(functionNames.map((name) => [name, newKey()]));
  return { master: newKey(), host: newKey(), functions };
}

function newKey(): string {
  return randomBytes(32).toString('base64url');
}

/** Whether a request carries a key for this level; the header wins over `?code=`. */
export function isAuthorised(
  request: IncomingMessage,
  query: URLSearchParams,
  needed: { level: AuthLevel; functionName?: string },
  keys: HostKeys,
): boolean {
  if (needed.level === 'anonymous') return true;
  const header = request.headers['x-functions-key'];
  const given = (Array.isArray(header) ? header[0] : header) ?? query.get('code');
  if (given === null || given === '') return false;
  if (given === keys.master) return true;
  if (needed.level === 'admin') return false;
  return given === keys.host || (needed.functionName !== undefined && given === keys.functions[needed.functionName]);
}
