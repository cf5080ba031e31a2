import { spawn, type ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { HANG } from './hang.js';
import { noteChild } from './leftovers.js';
import { standsStill } from './process-state.js';

/** One JSON line of a replica's stdout. */
export interface ReplicaEvent {
  readonly event: string;
  readonly [detail: string]: unknown;
}

export interface ReplicaExit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface ReplicaOptions {
  /** Added to the environment of the tests. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly args?: readonly string[];
  /** Arguments of Node itself. */
  readonly execArgv?: readonly string[] | undefined;
}

interface Waiter {
  readonly matches: (event: ReplicaEvent) => boolean;
  readonly found: (event: ReplicaEvent) => void;
}

/** A real process that runs a .js file and tells what it does in lines of JSON: `{"event":"started",…}`. */
export class ReplicaProcess {
  static readonly #running = new Set<ReplicaProcess>();

  static start(file: string, { env = {}, args = [], execArgv = [] }: ReplicaOptions = {}): ReplicaProcess {
    const child = spawn(process.execPath, [...execArgv, file, ...args], {
      env: { ...process.env, ...env },
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    return new ReplicaProcess(file, child);
  }

  /** For `afterEach`: kills every replica of this test file that still runs, stopped ones too. */
  static async killAll(): Promise<void> {
    await Promise.all([...ReplicaProcess.#running].map((replica) => replica.#kill()));
  }

  /** All events so far, in order. */
  readonly events: ReplicaEvent[] = [];
  /** The lines of stdout that are no events, such as logs. */
  readonly stdout: string[] = [];
  readonly stderr: string[] = [];
  /** Resolves when it has ended and all its output has been read. */
  readonly exit: Promise<ReplicaExit>;
  readonly #file: string;
  readonly #child: ChildProcess;
  readonly #waiters = new Set<Waiter>();

  private constructor(file: string, child: ChildProcess) {
    this.#file = file;
    this.#child = child;
    this.exit = new Promise((resolve, reject) => {
      child.once('close', (code, signal) => resolve({ code, signal }));
      child.once('error', reject);
    });
    ReplicaProcess.#running.add(this);
    child.once('close', () => ReplicaProcess.#running.delete(this));
    noteChild(child);
    // A command to a process that has just been killed is no failure of the test.
    child.stdin?.on('error', () => {});
    createInterface({ input: child.stdout! }).on('line', (line) => this.#read(line));
    createInterface({ input: child.stderr! }).on('line', (line) => this.stderr.push(line));
  }

  get pid(): number {
    const { pid } = this.#child;
    if (pid === undefined) throw new Error(`${this.#file} could not be started.`);
    return pid;
  }

  /** The first event, past or to come, that matches. Rejects after `within` ms, or when the process ends before. */
  async waitFor(
    matches: (event: ReplicaEvent) => boolean,
    { within = HANG }: { within?: number } = {},
  ): Promise<ReplicaEvent> {
    const past = this.events.find(matches);
    if (past) return past;
    const over = new AbortController();
    let waiter: Waiter | undefined;
    const event = new Promise<ReplicaEvent>((found) => this.#waiters.add((waiter = { matches, found })));
    const ended = this.exit.then(({ code, signal }) => `it ended with ${signal ?? code}`);
    const late = sleep(within, `not within ${within} ms`, { signal: over.signal });
    try {
      const outcome = await Promise.race([event, ended, late]);
      if (typeof outcome === 'string') throw new Error(this.#failure(matches, outcome));
      return outcome;
    } finally {
      over.abort();
      if (waiter) this.#waiters.delete(waiter);
    }
  }

  /** Writes a line of JSON to its stdin. */
  send(command: Readonly<Record<string, unknown>>): void {
    this.#child.stdin?.write(`${JSON.stringify(command)}\n`);
  }

  /** Sends a signal. After SIGSTOP it resolves when the process stands still. */
  async signal(signal: NodeJS.Signals): Promise<void> {
    process.kill(this.pid, signal);
    if (signal === 'SIGSTOP') await standsStill(this.pid);
  }

  /** Ends it as an orchestrator does: SIGTERM, and SIGKILL after `within` ms. */
  async stop({ within = HANG }: { within?: number } = {}): Promise<ReplicaExit> {
    this.#child.kill('SIGTERM');
    // A stopped process hears SIGTERM only when it goes on.
    this.#child.kill('SIGCONT');
    const late = setTimeout(() => this.#child.kill('SIGKILL'), within);
    return this.exit.finally(() => clearTimeout(late));
  }

  async #kill(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.exit;
  }

  #read(line: string): void {
    const event = parse(line);
    if (!event) {
      this.stdout.push(line);
      return;
    }
    this.events.push(event);
    for (const waiter of this.#waiters) {
      if (waiter.matches(event)) waiter.found(event);
    }
  }

  #failure(matches: Waiter['matches'], reason: string): string {
    return [
      `No event of ${this.#file} for ${String(matches)}: ${reason}.`,
      `Events: ${JSON.stringify(this.events.slice(-20))}`,
      `stdout: ${this.stdout.slice(-20).join('\n')}`,
      `stderr: ${this.stderr.slice(-20).join('\n')}`,
    ].join('\n');
  }
}

function parse(line: string): ReplicaEvent | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return isEvent(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function isEvent(value: unknown): value is ReplicaEvent {
  return typeof value === 'object' && value !== null && 'event' in value && typeof value.event === 'string';
}
