import type { Redis } from 'ioredis';
import { HANDSHAKE_TIMEOUT } from './hardened-options.js';
import { connectionsOf, type RedisClient } from './open-redis-client.js';

type Stream = Redis['stream'];

/** Milliseconds that a connection on which a reply is late has for answering a PING. */
const PING_TIMEOUT = 250;

/** Notices connections that are dead without knowing it (half-open, a failed-over address), and ends them. */
export class SilentConnections {
  readonly #client: RedisClient;
  readonly #pinged = new WeakSet<Stream>();

  /** `onLate` hears of connections that were accepted and then never became ready. */
  constructor(client: RedisClient, onLate: () => void) {
    this.#client = client;
    const limit = handshakeTimeoutOf(client);
    const watch = (connection: RedisClient): void => watchHandshake(connection, limit, onLate);
    watch(client);
    // The nodes of a cluster connect one by one, when they are first needed.
    client.on('+node', watch);
  }

  /** A reply is late. Ends the connections that do not answer a PING either; a slow command harms nobody else. */
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

  /** Resolves when their sockets are closed. */
  async endAll(): Promise<void> {
    await endConnections(this.#client);
  }
}

/** Milliseconds that a connection may take to be ready: longer where the user knows of a slow network. */
export function handshakeTimeoutOf(client: RedisClient): number {
  const { connectTimeout } = 'nodes' in client ? (client.options.redisOptions ?? {}) : client.options;
  return Math.max(HANDSHAKE_TIMEOUT, connectTimeout ?? 0);
}

/** ioredis waits for ever for the first reply of a connection that was accepted and then says nothing. */
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
 * By a reset where that can be had: a server that is out of reach or stands still would otherwise carry out what
 * is still on its way, long after its caller has given up.
 */
async function end(stream: Stream): Promise<void> {
  const closed = stream.closed ? undefined : new Promise((resolve) => stream.once('close', resolve));
  // Node resets only after all is written, and never once a shutdown has begun.
  if (stream.connecting || stream.writableEnded || stream.writableLength > 0) stream.destroy();
  else if ('encrypted' in stream || stream.remotePort === undefined) stream.destroy();
  else stream.resetAndDestroy();
  await closed;
}
