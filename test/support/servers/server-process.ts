import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventually } from '../eventually.js';
import { freePort } from '../free-port.js';
import { noteChild } from '../leftovers.js';
import { isGone, standsStill, withChildren } from '../process-state.js';

/** How servers of one kind are run. */
export interface ServerKind {
  readonly name: string;
  /** Makes the files that it needs, once, in a new folder. */
  prepare?(folder: string): Promise<void>;
  /** The program and its arguments, for a port of 127.0.0.1. */
  command(place: { readonly port: number; readonly folder: string }): readonly string[];
  /** Whether it serves clients. */
  answers(port: number): Promise<boolean>;
  /** What shuts it down in good order without waiting for its clients. @default SIGTERM */
  readonly stopSignal?: NodeJS.Signals;
}

const PORT_ATTEMPTS = 5;

/** A server of a test's own, to be killed, stopped, paused and started again. */
export class ServerProcess {
  static readonly #open = new Set<ServerProcess>();

  /** Starts a server on a free port and waits until it answers. `close()` it in the end. */
  static async start(kind: ServerKind): Promise<ServerProcess> {
    for (let attempt = 1; ; attempt++) {
      const server = new ServerProcess(kind, await freePort());
      try {
        await kind.prepare?.(server.folder);
        await server.restart();
        return server;
      } catch (error) {
        await server.close();
        const isCollision = /address already in use/i.test(server.#output);
        if (!isCollision || attempt === PORT_ATTEMPTS) throw error;
      }
    }
  }

  /** For `afterEach`: closes every server that this test file has started. */
  static async closeAll(): Promise<void> {
    await Promise.all([...ServerProcess.#open].map((server) => server.close()));
  }

  readonly folder: string;
  readonly #kind: ServerKind;
  #child: ChildProcess | undefined;
  #output = '';

  private constructor(
    kind: ServerKind,
    readonly port: number,
  ) {
    this.#kind = kind;
    this.folder = mkdtempSync(join(process.env.TEST_RUN_FOLDER ?? tmpdir(), 'server-'));
    ServerProcess.#open.add(this);
  }

  /** Crashes it (SIGKILL), with its children, and waits until all are gone. */
  async kill(): Promise<void> {
    await this.#end('SIGKILL');
  }

  /** Shuts it down in good order and waits until it is gone. */
  async stop(): Promise<void> {
    await this.#end(this.#kind.stopSignal ?? 'SIGTERM');
  }

  /** Starts it again, after stopping it if it runs, with the same port and folder; waits until it answers. */
  async restart(): Promise<void> {
    await this.stop();
    const [file, ...args] = this.#kind.command(this);
    const child = spawn(file, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    await once(child, 'spawn');
    this.#child = child;
    this.#output = '';
    noteChild(child);
    child.stdout.on('data', (text: Buffer) => (this.#output += text));
    child.stderr.on('data', (text: Buffer) => (this.#output += text));
    child.once('exit', () => (this.#child = undefined));
    const ready = await eventually(() => this.#readyOrGone());
    if (ready === 'gone') throw new Error(`${file} ended at once. It said:\n${this.#output}`);
  }

  /** Makes it and its children stand still (SIGSTOP): connections stay open, nothing is answered, its clock runs on. */
  async pause(): Promise<void> {
    await this.#freeze(this.#runningPid());
  }

  /** Lets it go on after `pause()`. */
  resume(): void {
    send(withChildren(this.#runningPid()), 'SIGCONT');
  }

  /** Ends everything: process and data. For good. */
  async close(): Promise<void> {
    await this.kill();
    rmSync(this.folder, { recursive: true, force: true });
    ServerProcess.#open.delete(this);
  }

  async #readyOrGone(): Promise<'ready' | 'gone' | false> {
    if (!this.#child) return 'gone';
    // Another server may have taken the port: then this one is gone now.
    return (await this.#kind.answers(this.port)) && this.#child ? 'ready' : false;
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    const child = this.#child;
    if (child?.pid === undefined) return;
    const exited = once(child, 'exit');
    const isCrash = signal === 'SIGKILL';
    const all = isCrash ? await this.#freeze(child.pid) : withChildren(child.pid);
    send(isCrash ? all : [child.pid], signal);
    // A paused process hears other signals only when it goes on.
    send(all, 'SIGCONT');
    await exited;
    if (isCrash) await Promise.all(all.map(isGone));
  }

  /** Parents first, so that none has another child meanwhile. */
  async #freeze(pid: number): Promise<readonly number[]> {
    send([pid], 'SIGSTOP');
    await standsStill(pid);
    const all = withChildren(pid);
    send(all, 'SIGSTOP');
    await Promise.all(all.map(standsStill));
    return all;
  }

  #runningPid(): number {
    const pid = this.#child?.pid;
    if (pid === undefined) throw new Error(`The ${this.#kind.name} on port ${this.port} is not running.`);
    return pid;
  }
}

function send(pids: readonly number[], signal: NodeJS.Signals): void {
  for (const pid of pids) {
    try {
      process.kill(pid, signal);
    } catch {
      // It has exited just now.
    }
  }
}
