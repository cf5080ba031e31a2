import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { portOf } from '../../../support/free-port.js';

/** What the fake answers to a command (its words), as RESP; undefined: nothing, ever. */
export type Answer = (command: string[], connection: number) => string | undefined;

/** Speaks just enough RESP for the answers that a real server cannot be made to give at will. */
export class FakeRedis {
  static readonly #open = new Set<FakeRedis>();

  /** For `afterEach`. */
  static closeAll(): void {
    for (const fake of FakeRedis.#open) fake.close();
  }

  readonly port: number;
  readonly #server: Server;
  readonly #sockets: Set<Socket>;

  static async start(answer: Answer): Promise<FakeRedis> {
    let connections = 0;
    const sockets = new Set<Socket>();
    const server = createServer((socket) => {
      const connection = ++connections;
      sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('data', (bytes) => {
        for (const command of parse(bytes.toString())) {
          const reply = answer(command, connection) ?? '';
          if (reply) socket.write(reply);
        }
      });
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new FakeRedis(server, sockets);
  }

  private constructor(server: Server, sockets: Set<Socket>) {
    this.#server = server;
    this.#sockets = sockets;
    this.port = portOf(server);
    FakeRedis.#open.add(this);
  }

  close(): void {
    FakeRedis.#open.delete(this);
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
  }
}

/** The handshake of ioredis, answered as a Redis does. */
export function handshake([name = '']: string[]): string {
  return /^info$/i.test(name) ? '$22\r\nredis_version:7.0.15\r\n\r\n' : '+OK\r\n';
}

/** Commands as ioredis writes them: arrays of strings, each packet whole. */
function parse(text: string): string[][] {
  return text
    .split(/^\*\d+\r\n/m)
    .filter(Boolean)
    .map((command) => command.split('\r\n').filter((_, i) => i % 2 === 1));
}
