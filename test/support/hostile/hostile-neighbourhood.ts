import dns from 'node:dns';
import type { ServerResponse } from 'node:http';
import { type GraphClient, makeGraphClient } from '../../../shared/adapters/graph/graph-client.ts';
import { TokenSource } from '../../../shared/adapters/graph/token-source.ts';
import { START } from '../in-memory-ports.ts';
import { type Asked, type LoopbackServer, sendJson, startLoopbackServer } from '../loopback-server.ts';
import { aTokenAnswer } from '../token-answers.ts';

type Reply = (asked: Asked, response: ServerResponse) => void;

/** Graph and somebody else’s server beside it, both over real sockets. */
export interface HostileNeighbourhood {
  host: string;
  graphPort: number;
  evilPort: number;
  /** `http://graph.microsoft.com:PORT` */
  origin: string;
  client(): GraphClient;
  /** What Graph answers from now on. */
  reply(reply: Reply): void;
  /** What Graph was asked since `forget`. */
  asked(): Asked[];
  /** What the stranger was asked, ever. */
  stolen(): Asked[];
  forget(): void;
  close(): Promise<void>;
}

const HOST = 'graph.microsoft.com';
const portOf = ({ url }: LoopbackServer) => Number(new URL(url).port);

/** Every name leads to this machine, so that a request for whatever host really arrives, at whoever owns the port. */
export async function startHostileNeighbourhood(): Promise<HostileNeighbourhood> {
  const { lookup } = dns;
  Reflect.set(dns, 'lookup', (_name: string, options: dns.LookupOptions, callback: (...found: unknown[]) => void) =>
    options.all ? callback(null, [{ address: '127.0.0.1', family: 4 }]) : callback(null, '127.0.0.1', 4),
  );
  let answer: Reply = (_, response) => sendJson(response, {});
  const graph = await startLoopbackServer((asked, response) => answer(asked, response));
  const evil = await startLoopbackServer((_, response) => sendJson(response, { value: [], accessToken: 'thanks' }));
  const origin = `http://${HOST}:${portOf(graph)}`;
  const tokens = new TokenSource(
    () => Promise.resolve(aTokenAnswer({ expiresOn: new Date(START + 3_600_000) })),
    () => START,
  );
  return {
    host: HOST,
    graphPort: portOf(graph),
    evilPort: portOf(evil),
    origin,
    client: () => makeGraphClient({ tokens, baseUrl: `${origin}/v1.0`, scope: 's', now: () => START, random: () => 0 }),
    reply(reply) {
      answer = reply;
    },
    asked: () => graph.asked,
    stolen: () => evil.asked,
    forget() {
      graph.asked.length = 0;
    },
    async close() {
      await graph.close();
      await evil.close();
      Reflect.set(dns, 'lookup', lookup);
    },
  };
}
