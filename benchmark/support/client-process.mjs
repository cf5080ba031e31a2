import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { pinned } from './pinning.mjs';

const MAIN = join(import.meta.dirname, '../client.mjs');
/** Milliseconds that a client may take for its answer. */
const PATIENCE = 60_000;

/** A process that runs the client part of one workload with one package; its actions can be called from here. */
export class ClientProcess {
  /** `onAnyCore`: not kept to the core of the server. `nodeOptions`: what Node.js is started with. */
  static async start(workload, packageName, port, { onAnyCore = false, nodeOptions = [] } = {}) {
    const client = new ClientProcess(workload, packageName, port, { onAnyCore, nodeOptions });
    await client.#reply;
    return client;
  }

  #child;
  #label;
  #reply;
  #settle;

  constructor(workload, packageName, port, { onAnyCore, nodeOptions }) {
    this.#label = `${packageName}, ${workload}`;
    const node = [
      process.execPath,
      ...nodeOptions,
      // For example BENCH_NODE_OPTIONS=--cpu-prof: a profile of each client, in the working directory.
      ...(process.env.BENCH_NODE_OPTIONS?.split(' ') ?? []),
      MAIN,
      workload,
      packageName,
      String(port),
    ];
    const [command, ...args] = pinned(node, { onAnyCore });
    this.#child = spawn(command, args, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
    this.#expectReply();
    this.#child.on('message', (message) => this.#settle(message));
    this.#child.on('exit', (code) => this.#settle({ error: `ended with ${code}` }));
  }

  get pid() {
    return this.#child.pid;
  }

  call(action, ...args) {
    this.#expectReply();
    this.#child.send({ action, args });
    return this.#reply;
  }

  async stop() {
    const gone = once(this.#child, 'exit');
    this.#child.send({ action: 'end' });
    await gone;
  }

  #expectReply() {
    this.#reply = new Promise((resolve, reject) => {
      const late = setTimeout(() => {
        reject(new Error(`${this.#label}: no answer in ${PATIENCE / 1000} s`));
        this.#child.kill('SIGKILL');
      }, PATIENCE);
      this.#settle = ({ error, result }) => {
        clearTimeout(late);
        if (error) reject(new Error(`${this.#label}: ${error}`));
        else resolve(result);
      };
    });
  }
}
