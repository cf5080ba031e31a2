import { once } from 'node:events';
import { connect } from 'node:net';

/**
 * Counts by MONITOR the commands that clients send, and apart from them the calls that scripts make: INFO commandstats
 * adds both up. The commands of this benchmark's own connection are not counted.
 */
export class CommandCounter {
  static async start({ port, redis }) {
    const socket = connect(port, '127.0.0.1');
    await once(socket, 'connect');
    socket.write('MONITOR\r\n');
    await once(socket, 'data');
    return new CommandCounter(socket, redis);
  }

  #commands = 0;
  #calls = 0;
  #socket;
  #redis;
  #rest = '';
  #heard = () => {};

  constructor(socket, redis) {
    this.#socket = socket;
    this.#redis = redis;
    const own = `:${redis.stream.localPort}]`;
    socket.setEncoding('latin1').on('data', (text) => this.#read(text, own));
  }

  /** Resolves, when all that the server did until now has been read, to `commands` of clients and `calls` in scripts. */
  async count() {
    const heard = new Promise((resolve) => (this.#heard = resolve));
    await this.#redis.ping();
    await heard;
    return { commands: this.#commands, calls: this.#calls };
  }

  /** The last count. */
  async stop() {
    const counted = await this.count();
    this.#socket.destroy();
    return counted;
  }

  #read(text, own) {
    const lines = (this.#rest + text).split('\r\n');
    this.#rest = lines.pop();
    for (const line of lines) {
      const source = line.slice(0, line.indexOf('"'));
      if (source.includes(' lua]')) this.#calls++;
      else if (!source.includes(own)) this.#commands++;
      else if (line.endsWith('"ping"')) this.#heard();
    }
  }
}
