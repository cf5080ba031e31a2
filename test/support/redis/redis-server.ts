import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { eventually } from '../eventually.js';
import { freePort } from '../free-port.js';
import { noteChild } from '../leftovers.js';
import { standsStill } from '../process-state.js';
import { findRedisBinary } from './find-redis-binary.js';
import { answersPing } from './ping-redis.js';

export interface RedisServerOptions {
  /** More arguments of redis-server, such as `['--maxmemory', '2mb']`; they win over ours. */
  readonly args?: readonly string[];
  /** A function names another for each attempt. @default `freePort` */
  readonly port?: number | (() => Promise<number>);
  /** Whether writes survive `kill()`. @default false: it forgets everything, even on `stop()` */
  readonly appendonly?: boolean;
}

const PORT_ATTEMPTS = 5;

/** A Redis of a test's own, to be killed, stopped, paused and started again. */
export class RedisServer {
  static readonly #open = new Set<RedisServer>();

  /** Starts a server on 127.0.0.1 and waits until it answers. `close()` it in the end. */
  static async start({
    args = [],
    port = freePort,
    appendonly = false,
  }: RedisServerOptions = {}): Promise<RedisServer> {
    const binary = await findRedisBinary();
    for (let attempt = 1; ; attempt++) {
      const itsPort = typeof port === 'function' ? await port() : port;
      const server = new RedisServer(binary, itsPort, appendonly, args);
      try {
        await server.restart();
        return server;
      } catch (error) {
        await server.close();
        const collision = typeof port === 'function' && server.#output.includes('Address already in use');
        if (!collision || attempt === PORT_ATTEMPTS) throw error;
      }
    }
  }

  /** For `afterEach`: closes every server that this test file has started. */
  static async closeAll(): Promise<void> {
    await Promise.all([...RedisServer.#open].map((server) => server.close()));
  }

  readonly port: number;
  readonly url: string;
  readonly #binary: string;
  readonly #args: string[];
  readonly #folder = mkdtempSync(join(process.env.TEST_RUN_FOLDER ?? tmpdir(), 'redis-'));
  readonly #clients = new Set<Redis>();
  #child: ChildProcess | undefined;
  #output = '';

  private constructor(binary: string, port: number, appendonly: boolean, args: readonly string[]) {
    this.port = port;
    this.url = `redis://127.0.0.1:${port}`;
    this.#binary = binary;
    const ours = {
      port,
      bind: '127.0.0.1',
      dir: this.#folder,
      save: '',
      appendonly: appendonly ? 'yes' : 'no',
      // A replica would get its first data five seconds late.
      'repl-diskless-sync-delay': 0,
    };
    this.#args = [...Object.entries(ours).flatMap(([name, value]) => [`--${name}`, String(value)]), ...args];
    RedisServer.#open.add(this);
  }

  /** Undefined while it does not run. */
  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /** Crashes it (SIGKILL) and waits until it is gone. Its clients stay, and reconnect after a `restart()`. */
  async kill(): Promise<void> {
    await this.#end('SIGKILL');
  }

  /** Shuts it down in good order (SIGTERM) and waits until it is gone. */
  async stop(): Promise<void> {
    await this.#end('SIGTERM');
  }

  /** Starts it again, after stopping it if it runs, with the same port and folder; waits until it answers. */
  async restart(): Promise<void> {
    await this.stop();
    const child = spawn(this.#binary, this.#args, { stdio: ['ignore', 'pipe', 'pipe'] });
    await once(child, 'spawn');
    this.#child = child;
    this.#output = '';
    noteChild(child);
    child.stdout.on('data', (text: Buffer) => (this.#output += text));
    child.stderr.on('data', (text: Buffer) => (this.#output += text));
    child.once('exit', () => (this.#child = undefined));
    const ready = await eventually(() => this.#readyOrGone());
    if (ready === 'gone') throw new Error(`${this.#binary} ended at once. It said:\n${this.#output}`);
  }

  /** Makes it stand still (SIGSTOP): connections stay open, nothing is answered, its clock runs on. */
  async pause(): Promise<void> {
    const pid = this.#runningPid();
    process.kill(pid, 'SIGSTOP');
    await standsStill(pid);
  }

  /** Lets it go on after `pause()`. */
  resume(): void {
    process.kill(this.#runningPid(), 'SIGCONT');
  }

  /** A plain ioredis client, which is closed with the server. */
  client(): Redis {
    const client = new Redis(this.url);
    // Without a listener ioredis prints every failed reconnect while the server is down.
    client.on('error', () => undefined);
    this.#clients.add(client);
    return client;
  }

  /** Ends everything: clients, process, data. For good. */
  async close(): Promise<void> {
    for (const client of this.#clients) client.disconnect();
    this.#clients.clear();
    await this.kill();
    rmSync(this.#folder, { recursive: true, force: true });
    RedisServer.#open.delete(this);
  }

  async #readyOrGone(): Promise<'ready' | 'gone' | false> {
    if (this.pid === undefined) return 'gone';
    return (await answersPing(this.port, this.pid)) && 'ready';
  }

  async #end(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    const child = this.#child;
    if (!child) return;
    const exited = once(child, 'exit');
    child.kill(signal);
    // A paused process hears SIGTERM only when it goes on.
    child.kill('SIGCONT');
    await exited;
  }

  #runningPid(): number {
    if (this.pid === undefined) throw new Error(`The Redis on port ${this.port} is not running.`);
    return this.pid;
  }
}
