// Between node:http and the library's HTTP data.
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { RpcCookie, RpcHttp, TypedData } from './core-types.ts';

/** The largest request body of the real host, unless it is told otherwise. */
export const maxBodyBytes = 104_857_600;

/** The body is larger than the host takes. */
export class BodyTooLarge extends Error {
  override readonly name = 'BodyTooLarge';
}

/**
 * Reads a body as the real host does without HTTP streaming: only if Content-Length announces one. A chunked body
 * is lost (GrpcMessageConversionExtensions.ToRpcHttp asks for ContentLength > 0); `chunked` says that it happened.
 */
export async function readBody(
  request: IncomingMessage,
  limit: number,
): Promise<{ body: Buffer | undefined; chunked: boolean }> {
  const length = Number(request.headers['content-length'] ?? 0);
  if (length > limit) throw new BodyTooLarge(`The body has ${length} bytes; the host takes ${limit}.`);
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request) {
    if (!Buffer.isBuffer(chunk)) continue;
    size += chunk.length;
    if (length > 0) chunks.push(chunk);
  }
  return length > 0 ? { body: Buffer.concat(chunks), chunked: false } : { body: undefined, chunked: size > 0 };
}

/** The library's form of a request. */
export function toRpcHttp(
  request: IncomingMessage,
  url: URL,
  body: Buffer | undefined,
  params: Record<string, string>,
): RpcHttp {
  return {
    method: request.method ?? 'GET',
    url: url.href,
    ...(body && { body: { bytes: body } }),
    nullableHeaders: nullable(
      Object.entries(request.headers).map(([name, value]) => [name, Array.isArray(value) ? value.join(',') : value]),
    ),
    nullableQuery: nullable([...joinedQuery(url.searchParams).values()]),
    nullableParams: nullable(Object.entries(params)),
  };
}

// Names ignore case and repeated ones are joined, as in ASP.NET's query collection.
function joinedQuery(query: URLSearchParams): Map<string, [string, string]> {
  const joined = new Map<string, [string, string]>();
  for (const [name, value] of query) {
    const earlier = joined.get(name.toLowerCase());
    if (earlier === undefined) joined.set(name.toLowerCase(), [name, value]);
    else earlier[1] += `,${value}`;
  }
  return joined;
}

function nullable(entries: Iterable<readonly [string, string | undefined]>): Record<string, { value: string }> {
  return Object.fromEntries([...entries].map(([name, value]) => [name, { value: value ?? '' }]));
}

/** Writes what the function returned; nothing at all is 204. */
export function writeRpcResponse(response: ServerResponse, returnValue: TypedData | null | undefined): void {
  const http = returnValue?.http;
  if (http === undefined) {
    response.writeHead(204).end();
    return;
  }
  const status = Number(http.statusCode ?? 200);
  for (const [name, value] of Object.entries(http.headers ?? {})) {
    // These describe the connection, which is ours.
    if (!['connection', 'content-length', 'keep-alive', 'transfer-encoding'].includes(name.toLowerCase())) {
      response.setHeader(name, value);
    }
  }
  const cookies = (http.cookies ?? []).map(cookieHeader);
  if (cookies.length > 0) response.setHeader('set-cookie', cookies);
  const bytes = http.body?.bytes ?? Buffer.from(http.body?.string ?? '');
  const bodyless = status === 204 || status === 304;
  if (!bodyless) response.setHeader('content-length', bytes.byteLength);
  response.writeHead(status).end(bodyless ? undefined : bytes);
}

// The form and the default path are ASP.NET's.
function cookieHeader(cookie: RpcCookie): string {
  const sameSite = { none: undefined, lax: 'lax', strict: 'strict', explicitNone: 'none' }[cookie.sameSite ?? 'none'];
  return [
    `${cookie.name}=${encodeURIComponent(cookie.value)}`,
    cookie.expires && `expires=${new Date(cookie.expires.value.seconds * 1000).toUTCString()}`,
    cookie.maxAge && `max-age=${Math.floor(cookie.maxAge.value)}`,
    cookie.domain && `domain=${cookie.domain.value}`,
    `path=${cookie.path?.value ?? '/'}`,
    cookie.secure?.value === true && 'secure',
    sameSite && `samesite=${sameSite}`,
    cookie.httpOnly?.value === true && 'httponly',
  ]
    .filter((part) => typeof part === 'string')
    .join('; ');
}
