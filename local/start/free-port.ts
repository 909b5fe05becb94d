import net from 'node:net';

/**
 * A port nobody listens on just now. For the one process whose address must be known before it starts
 * (the app registers its own URL with Graph); everything else listens on port 0 itself.
 */
export function findFreePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = net.createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      const port = address === null || typeof address === 'string' ? 0 : address.port;
      server.close(() => resolve(port));
    });
  });
}
