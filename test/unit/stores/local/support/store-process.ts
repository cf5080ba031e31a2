import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import type { AcquireReply, AcquireRequest, OwnerReply } from '../../../../../lib/stores/lock-store.js';
import { ended } from '../../../../../lib/testing/store-contract/subject.js';
import { standsStill } from '../../../../support/process-state.js';

const SCRIPT = resolve('test/unit/stores/local/support/store-process-main.mjs');
/** Built before the tests. */
const STORE = resolve('dist/esm/stores/local/local-lock-store.js');

interface Message {
  readonly id?: number;
  readonly value?: unknown;
  readonly error?: string;
  readonly pid?: number;
  readonly blocked?: boolean;
}

export interface StoreProcessOptions {
  readonly env?: Readonly<Record<string, string>>;
  /** When the process dies, it stays behind as a zombie. */
  readonly unreaped?: boolean;
  /** The command and arguments that run it, somewhere else, and die with it. */
  readonly within?: readonly string[];
}

/** A real process with the store open. */
export class StoreProcess {
  static readonly #running = new Set<StoreProcess>();

  static async start(
    folder: string,
    { env = {}, unreaped = false, within = [] }: StoreProcessOptions = {},
  ): Promise<StoreProcess> {
    if (!existsSync(STORE)) throw new Error(`There is no ${STORE}. Build the package: npm run build`);
    const args = [process.execPath, SCRIPT, STORE, folder];
    // `sleep` takes the place of the shell, and does not care for the shell's children.
    const [command, ...rest] = unreaped
      ? ['sh', '-c', '"$0" "$@" & exec sleep 600', ...args]
      : [...within, ...args];
    const child = spawn(command, rest, {
      env: { ...process.env, ...env },
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    const started = new StoreProcess(child);
    const { pid } = await Promise.race([
      started.#message((message) => message.pid !== undefined),
      started.#earlyExit([command, ...rest]),
    ]);
    // In a container it has another pid than here.
    started.#pid = within.length > 0 ? child.pid : pid;
    return started;
  }

  /** For `afterEach`. */
  static async killAll(): Promise<void> {
    await Promise.all([...StoreProcess.#running].map((running) => running.kill()));
  }

  readonly #child: ChildProcess;
  #pid: number | undefined;
  #lastId = 0;

  private constructor(child: ChildProcess) {
    this.#child = child;
    StoreProcess.#running.add(this);
  }

  get pid(): number {
    return this.#pid!;
  }

  acquire(request: AcquireRequest): Promise<AcquireReply> {
    return this.#call('acquire', request);
  }

  release(request: AcquireRequest): Promise<OwnerReply> {
    return this.#call('release', ended(request));
  }

  now(): Promise<number> {
    return this.#call('now');
  }

  count(file: string, times: number): Promise<void> {
    return this.#call('count', file, times);
  }

  /** Resolves when its event loop stands still. */
  async block(ms: number): Promise<void> {
    const blocked = this.#message((message) => message.blocked === true);
    void this.#call('block', ms);
    await blocked;
  }

  /** Lets it run all keys of a lock that were not run before, each of which adds a line to a file. */
  runEach(name: string, keys: number, log: string): Promise<void> {
    return this.#call('runEach', name, keys, log);
  }

  /** Lets it take the lock for a short time and give it back, without end. */
  writeOn(name: string): void {
    void this.#call('writeOn', name);
  }

  /** Lets it take each lock and give it back, `rounds` times, and end; resolves to its exit code. */
  async churn(names: readonly string[], rounds: number): Promise<number | null> {
    const exit = once(this.#child, 'exit') as Promise<[code: number | null]>;
    void this.#call('churn', names, rounds);
    return (await exit)[0];
  }

  /** Resolves when it stands still, wherever it was. */
  async stop(): Promise<void> {
    process.kill(this.pid, 'SIGSTOP');
    await standsStill(this.pid);
  }

  goOn(): void {
    process.kill(this.pid, 'SIGCONT');
  }

  /** SIGKILL to the process itself, which may not be our own child. */
  killOnly(): void {
    process.kill(this.pid, 'SIGKILL');
  }

  async kill(): Promise<void> {
    StoreProcess.#running.delete(this);
    const { exitCode, signalCode } = this.#child;
    if (exitCode !== null || signalCode !== null) return;
    const exit = once(this.#child, 'exit');
    if (this.#pid !== undefined && this.#pid !== this.#child.pid) this.killOnly();
    this.#child.kill('SIGKILL');
    await exit;
  }

  async #earlyExit(command: readonly string[]): Promise<never> {
    const [code, signal] = (await once(this.#child, 'exit')) as [number | null, NodeJS.Signals | null];
    throw new Error(`It ended with ${signal ?? code} before its store was open: ${command.join(' ')}`);
  }

  async #call<R>(call: string, ...args: unknown[]): Promise<R> {
    const id = ++this.#lastId;
    const reply = this.#message((message) => message.id === id);
    this.#child.send({ id, call, args });
    const { value, error } = await reply;
    if (error) throw new Error(error);
    return value as R;
  }

  #message(matches: (message: Message) => boolean): Promise<Message> {
    return new Promise((found) => {
      const listen = (message: Message) => {
        if (!matches(message)) return;
        this.#child.off('message', listen);
        found(message);
      };
      this.#child.on('message', listen);
    });
  }
}
