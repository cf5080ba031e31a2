import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { portOf } from './free-port.js';
import { ProxiedStream, type Traffic } from './proxied-stream.js';

export type Direction = 'toServer' | 'toClient';

interface Connection {
  readonly sockets: readonly [client: Socket, server: Socket];
  readonly streams: Readonly<Record<Direction, ProxiedStream>>;
}

/**
 * Stands between a client and a server on 127.0.0.1 and spoils the connection as a test wants it. What is set
 * for a direction holds for all connections, new ones too.
 */
export class TcpProxy {
  static readonly #open = new Set<TcpProxy>();

  static async start(targetPort: number): Promise<TcpProxy> {
    const server = createServer({ allowHalfOpen: true }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new TcpProxy(server, targetPort);
  }

  /** For `afterEach`: closes every proxy that this test file has started. */
  static async closeAll(): Promise<void> {
    await Promise.all([...TcpProxy.#open].map((proxy) => proxy.close()));
  }

  readonly port: number;
  readonly #server: Server;
  readonly #targetPort: number;
  readonly #connections = new Set<Connection>();
  readonly #traffic: Record<Direction, Traffic> = { toServer: freeFlow(), toClient: freeFlow() };
  readonly #listeners: Record<Direction, ((bytes: Buffer) => void)[]> = { toServer: [], toClient: [] };
  #refusing = false;

  private constructor(server: Server, targetPort: number) {
    this.#server = server;
    this.#targetPort = targetPort;
    this.port = portOf(server);
    server.on('connection', (client) => this.#accept(client));
    TcpProxy.#open.add(this);
  }

  /** How many connections are open now. */
  get connections(): number {
    return this.#connections.size;
  }

  /** Bytes that arrive from now on take `ms` longer, in this direction. */
  delay(direction: Direction, ms: number): void {
    this.#traffic[direction].delay = ms;
  }

  /** Keeps the bytes of this direction, until `releaseHeld` or `heal`. */
  hold(direction: Direction): void {
    this.#traffic[direction].held = true;
  }

  /** Delivers the kept bytes, and no longer keeps any. */
  releaseHeld(direction: Direction): void {
    this.#traffic[direction].held = false;
    for (const { streams } of this.#connections) streams[direction].deliver();
  }

  /** A black hole: bytes of this direction are thrown away, the end of the stream too; connections stay open. */
  drop(direction: Direction): void {
    this.#traffic[direction].dropped = true;
  }

  /** Destroys all connections of now. */
  cut(): void {
    for (const connection of this.#connections) destroy(connection);
  }

  /** While true, new connections are destroyed at once. */
  refuse(refusing: boolean): void {
    this.#refusing = refusing;
  }

  /** Undoes all of the above. A connection that has lost bytes is cut: TCP would never go on after a hole. */
  heal(): void {
    this.#refusing = false;
    for (const traffic of Object.values(this.#traffic)) Object.assign(traffic, freeFlow());
    for (const connection of this.#connections) {
      const streams = Object.values(connection.streams);
      if (streams.some((stream) => stream.hasHole)) destroy(connection);
      else for (const stream of streams) stream.hurry();
    }
  }

  /** The next bytes that reach the proxy in this direction, whether or not it passes them on. */
  onceBytes(direction: Direction): Promise<Buffer> {
    return new Promise((resolve) => this.#listeners[direction].push(resolve));
  }

  async close(): Promise<void> {
    TcpProxy.#open.delete(this);
    this.#refusing = true;
    this.cut();
    if (!this.#server.listening) return;
    this.#server.close();
    await once(this.#server, 'close');
  }

  #accept(client: Socket): void {
    client.on('error', ignore);
    if (this.#refusing) {
      client.destroy();
      return;
    }
    const server = connect({ port: this.#targetPort, host: '127.0.0.1', allowHalfOpen: true, noDelay: true });
    server.on('error', ignore);
    const unreachable = (): Socket => client.destroy();
    server.once('error', unreachable);
    // From here on an end of the server reaches the client like its bytes: late, or not at all.
    server.once('connect', () => server.off('error', unreachable));
    client.setNoDelay(true);
    const connection: Connection = {
      sockets: [client, server],
      streams: {
        toServer: new ProxiedStream(client, server, this.#traffic.toServer, this.#heard('toServer')),
        toClient: new ProxiedStream(server, client, this.#traffic.toClient, this.#heard('toClient')),
      },
    };
    this.#connections.add(connection);
    const forget = (): void => {
      if (client.closed && server.closed) this.#connections.delete(connection);
    };
    client.once('close', forget);
    server.once('close', forget);
  }

  #heard(direction: Direction): (bytes: Buffer) => void {
    return (bytes) => {
      for (const listener of this.#listeners[direction].splice(0)) listener(bytes);
    };
  }
}

function freeFlow(): Traffic {
  return { delay: 0, held: false, dropped: false };
}

function destroy({ sockets }: Connection): void {
  for (const socket of sockets) socket.destroy();
}

/** A broken connection shows in its `close`; Node wants a listener all the same. */
function ignore(): void {}
