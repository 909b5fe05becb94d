import { type LoopbackServer, startLoopbackServer } from '../loopback-server.ts';

export interface LoadBalancer {
  url: string;
  /** Addresses of the instances that may be asked, in turn; one that does not answer is passed over. */
  instances: Set<string>;
  close(): Promise<void>;
}

/** What stands in front of several instances of the app. */
export async function startLoadBalancer(): Promise<LoadBalancer> {
  const instances = new Set<string>();
  let turn = 0;
  const server: LoopbackServer = await startLoopbackServer((asked, response) => {
    const forward = async () => {
      const all = [...instances];
      const first = turn++;
      for (let tried = 0; tried < all.length; tried++) {
        const instance = all[(first + tried) % all.length] ?? '';
        const answer = await fetch(`${instance}${asked.path}`, {
          method: asked.method,
          headers: { 'Content-Type': asked.headers['content-type'] ?? 'application/json' },
          ...(asked.method === 'POST' && { body: asked.body }),
        }).catch(() => undefined);
        if (!answer) continue;
        const body = await answer.text();
        const contentType = answer.headers.get('content-type');
        response.writeHead(answer.status, contentType === null ? {} : { 'Content-Type': contentType }).end(body);
        return;
      }
      response.writeHead(502).end();
    };
    forward().catch(() => response.destroy());
  });
  return { url: server.url, instances, close: () => server.close() };
}
