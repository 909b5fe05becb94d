import type { HttpRequest, HttpResponseInit, InvocationContext } from '@azure/functions';
import { errorCode, TransientError } from '../errors.ts';
import { log } from '../log.ts';
import type { Receipt } from '../use-cases/receive-notifications.ts';
import { withContextLog } from './context-log.ts';

type Receive = (body: unknown, signal: AbortSignal) => Promise<Receipt>;

/** Graph sends no larger POST that we know of; a forger might. Counted on received bytes. */
const MAX_BODY_BYTES = 4 * 1024 * 1024;
/** Graph gives the first attempt three seconds (change-notifications-delivery-webhooks, 2026-04). */
const ANSWER_WITHIN_MS = 2_500;
const MAX_TOKEN_LENGTH = 4096;
/** A notification nests four deep. Parsing millions of brackets takes a second. */
const MAX_DEPTH = 32;

// The token is echoed to whoever asks: no browser may take it for anything but text.
const PLAIN = {
  'content-type': 'text/plain; charset=utf-8',
  'x-content-type-options': 'nosniff',
  'content-security-policy': "default-src 'none'",
  'cache-control': 'no-store',
};

/**
 * Both notification routes. `receive` is `undefined` where the settings are wrong: the handshake still works, so that
 * subscriptions survive, and notifications get 503, so that Graph sends them again for up to four hours.
 */
export const notificationEndpoint =
  (receive: Receive | undefined) =>
  (request: HttpRequest, context: InvocationContext): Promise<HttpResponseInit> =>
    withContextLog(context, async () => {
      const deadline = AbortSignal.timeout(ANSWER_WITHIN_MS);
      const token = new URL(request.url).searchParams.get('validationToken');
      if (token !== null) return answerHandshake(token);
      if (!receive) return { status: 503 };

      if (Number(request.headers.get('content-length') ?? 0) > MAX_BODY_BYTES) return { status: 413 };
      try {
        const late = aborted(deadline);
        const bytes = await Promise.race([request.arrayBuffer(), late]);
        if (bytes.byteLength > MAX_BODY_BYTES) return { status: 413 };
        const body = parseJson(bytes);
        if (body === undefined) return { status: 400 };
        const receipt = await Promise.race([receive(body, deadline), late]);
        if (receipt.kind === 'malformed') return { status: 400 };
        if (receipt.refused > 0) log('warn', 'notifications refused', { count: receipt.refused });
        return { status: 202 };
      } catch (error) {
        log('error', 'notifications not stored, Graph will send them again', { code: errorCode(error) });
        return { status: 503 };
      }
    });

function answerHandshake(token: string): HttpResponseInit {
  const harmless = token.length > 0 && token.length <= MAX_TOKEN_LENGTH && !hasControlCharacter(token);
  return harmless ? { status: 200, headers: PLAIN, body: token } : { status: 400 };
}

const hasControlCharacter = (text: string) => /\p{Cc}/u.test(text);

const aborted = (signal: AbortSignal) =>
  new Promise<never>((_, reject) => {
    const giveUp = () => reject(new TransientError('no-time-left'));
    if (signal.aborted) giveUp();
    signal.addEventListener('abort', giveUp, { once: true });
  });

function parseJson(bytes: ArrayBuffer): unknown {
  if (isTooDeep(new Uint8Array(bytes))) return undefined;
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch {
    return undefined;
  }
}

const [QUOTE, BACKSLASH] = [0x22, 0x5c];
const isOpening = (byte: number) => byte === 0x5b || byte === 0x7b;
const isClosing = (byte: number) => byte === 0x5d || byte === 0x7d;

/** Counts brackets outside of strings; in UTF-8 no other character holds their bytes. */
function isTooDeep(bytes: Uint8Array): boolean {
  let depth = 0;
  let inString = false;
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at] ?? 0;
    if (inString && byte === BACKSLASH) at++;
    else if (byte === QUOTE) inString = !inString;
    else if (!inString && isOpening(byte) && ++depth > MAX_DEPTH) return true;
    else if (!inString && isClosing(byte)) depth--;
  }
  return false;
}
