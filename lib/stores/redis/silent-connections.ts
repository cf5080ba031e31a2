import type { Redis } from 'ioredis';
import { HANDSHAKE_TIMEOUT } from './hardened-options.js';
import { connectionsOf, type RedisClient } from './open-redis-client.js';

type Stream = Redis['stream'];

/** Milliseconds within which a connection with a late reply must answer a PING. */
const PING_TIMEOUT = 250;

/** Detects and ends dead connections that look open: half-open ones, or those to an address that has failed over. */
export class SilentConnections {
  readonly #client: RedisClient;
  readonly #pinged = new WeakSet<Stream>();

  /** `onLate` is called for each connection that was accepted and did not become ready in time. */
  constructor(client: RedisClient, onLate: () => void) {
    this.#client = client;
    const limit = handshakeTimeoutOf(client);
    const watch = (connection: RedisClient): void => watchHandshake(connection, limit, onLate);
    watch(client);
    // The nodes of a cluster connect one by one, when they are first needed.
    client.on('+node', watch);
  }

  /**
   * Call this when a reply is late. Ends the connections that do not answer a PING, so a merely slow command has no
   * effect.
   */
  ping(): void {
    for (const connection of connectionsOf(this.#client)) {
      const { stream } = connection;
      if (!stream || this.#pinged.has(stream)) continue;
      this.#pinged.add(stream);
      const timer = setTimeout(() => void end(stream), PING_TIMEOUT).unref();
      const answered = (): void => {
        clearTimeout(timer);
        this.#pinged.delete(stream);
      };
      connection.ping().then(answered, answered);
    }
  }

  /** Ends all connections. Resolves when their sockets are closed. */
  async endAll(): Promise<void> {
    await endConnections(this.#client);
  }
}

/** Milliseconds that a connection may take to be ready: longer if the user set a longer `connectTimeout`. */
export function handshakeTimeoutOf(client: RedisClient): number {
  const { connectTimeout } = 'nodes' in client ? (client.options.redisOptions ?? {}) : client.options;
  return Math.max(HANDSHAKE_TIMEOUT, connectTimeout ?? 0);
}

/** ioredis waits for ever for the first reply on a connection that was accepted. This ends the wait. */
function watchHandshake(connection: RedisClient, limit: number, onLate: () => void): void {
  let timer: NodeJS.Timeout | undefined;
  const clear = (): void => clearTimeout(timer);
  connection.on('connect', () => {
    clear();
    timer = setTimeout(() => {
      onLate();
      void endConnections(connection);
    }, limit).unref();
  });
  connection.on('ready', clear);
  connection.on('close', clear);
}

async function endConnections(client: RedisClient): Promise<void> {
  await Promise.all(connectionsOf(client).map(({ stream }) => stream && end(stream)));
}

/**
 * Ends a connection with a TCP reset if possible. Otherwise a server that is out of reach or stopped would later carry
 * out commands that are still on their way, long after their callers have given up.
 */
async function end(stream: Stream): Promise<void> {
  const closed = stream.closed ? undefined : new Promise((resolve) => stream.once('close', resolve));
  // Node sends a reset only if all data is written and end() was not called.
  if (stream.connecting || stream.writableEnded || stream.writableLength > 0) stream.destroy();
  else if ('encrypted' in stream || stream.remotePort === undefined) stream.destroy();
  else stream.resetAndDestroy();
  await closed;
}
