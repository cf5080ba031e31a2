import { once } from 'node:events';
import { connect } from 'node:net';

/**
 * Counts the commands that clients send, by MONITOR: INFO commandstats would count what a script does as commands,
 * too. The commands of this benchmark's own connection are not counted.
 */
export class CommandCounter {
  static async start(port, ownPort) {
    const socket = connect(port, '127.0.0.1');
    await once(socket, 'connect');
    socket.write('MONITOR\r\n');
    await once(socket, 'data');
    return new CommandCounter(socket, ownPort);
  }

  commands = 0;
  #socket;
  #rest = '';

  constructor(socket, ownPort) {
    this.#socket = socket;
    socket.setEncoding('latin1').on('data', (text) => this.#read(text, `:${ownPort}]`));
  }

  stop() {
    this.#socket.destroy();
    return this.commands;
  }

  #read(text, own) {
    const lines = (this.#rest + text).split('\r\n');
    this.#rest = lines.pop();
    for (const line of lines) {
      const source = line.slice(0, line.indexOf('"'));
      if (!source.includes(' lua]') && !source.includes(own)) this.commands++;
    }
  }
}
