import { once } from 'node:events';
import { createServer, type Server } from 'node:net';

/** A port of 127.0.0.1 that nobody listens on. Somebody else may still take it before the caller does. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const port = portOf(server);
  server.close();
  await once(server, 'close');
  return port;
}

const BUS_OFFSET = 10_000;
const LAST_PORT = 65_535;

/** The same for a node of a cluster, which also listens 10 000 above, where all engines have their bus. */
export async function freePortOfNode(): Promise<number> {
  for (;;) {
    const port = await freePort();
    if (port + BUS_OFFSET <= LAST_PORT && (await isFree(port + BUS_OFFSET))) return port;
  }
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer().listen(port, '127.0.0.1');
  try {
    await once(server, 'listening');
  } catch {
    return false;
  }
  server.close();
  await once(server, 'close');
  return true;
}

/** The port that a server listens on. */
export function portOf(server: Server): number {
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('It does not listen on a TCP port.');
  return address.port;
}
