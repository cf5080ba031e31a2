import { performance } from 'node:perf_hooks';
// Imported, since the fake timers of a test replace the globals and would delay decisions.
import process from 'node:process';
import { clearTimeout, setImmediate, setTimeout } from 'node:timers';
import type { Deadlines } from '../../common/deadlines.js';
import { LockStoreError } from '../../common/errors.js';
import { messages } from '../../common/messages.js';
import { inTime } from './in-time.js';
import { Ledger } from './ledger.js';
import type { LedgerChange, LedgerReading, LedgerTable } from './ledger-table.js';
import { Task, type Decide, type Decided } from './task.js';

const nextTick = process.nextTick.bind(process);

/** The most rows of one round. */
const MAX_ROWS = 200;
/** Milliseconds before a table that has failed is asked again. */
export const RETRY_DELAY = 25;
/** The longest pause before a row is read again that others have written meanwhile, in milliseconds. */
const LONGEST_PAUSE = 20;

/** One row of a round, and what was decided about it. */
interface DecidedRow {
  readonly key: string;
  readonly reading: LedgerReading;
  readonly tasks: readonly Task[];
  readonly ledger: Ledger;
  readonly replies: readonly unknown[];
  /** Undefined if there is nothing to write. */
  readonly change: LedgerChange | undefined;
}

/**
 * Decides about the rows of a table in rounds, one after the other. A round reads rows, decides what is wanted of each,
 * and writes those that have changed. Whatever is wanted during a round is decided together in the next.
 */
export class Rounds {
  readonly #table: LedgerTable;
  readonly #deadlines: Deadlines;
  readonly #pauses = new Map<NodeJS.Timeout, Task>();
  #waiting: Task[] = [];
  #isRunning = false;
  #isClosed = false;

  constructor(table: LedgerTable, deadlines: Deadlines) {
    this.#table = table;
    this.#deadlines = deadlines;
  }

  /**
   * Has `decide` decide by the row with this key.
   *
   * @param mayHaveRun whether something may have been written for this call before
   * @throws LockStoreError
   */
  decide<R>(key: string, within: number, decide: Decide<R>, mayHaveRun = false): Promise<Decided<R>> {
    const at = performance.now() + within;
    const task = new Task(key, decide, at, mayHaveRun);
    // If the event loop was blocked, the reply may wait in the socket. It is read before an immediate runs.
    const tooLate = (): void =>
      void setImmediate(() => {
        this.#giveUp(task, task.overtaken > 0 ? messages.overtaken() : messages.noReply(within));
      });
    const deadline = this.#deadlines.add(at, tooLate);
    this.#want(task);
    return (task.settled as Promise<Decided<R>>).finally(() => this.#deadlines.cancel(deadline));
  }

  close(): void {
    this.#isClosed = true;
    const paused = [...this.#pauses];
    for (const [pause] of paused) clearTimeout(pause);
    for (const task of [...this.#waiting, ...paused.map(([, waiting]) => waiting)])
      this.#giveUp(task, messages.storeClosed());
    this.#waiting = [];
  }

  #want(task: Task): void {
    if (this.#isClosed) return this.#giveUp(task, messages.storeClosed());
    this.#waiting.push(task);
    if (this.#isRunning) return;
    this.#isRunning = true;
    // Runs after the current code and its promise callbacks, so that calls made together go together.
    nextTick(() => void this.#run());
  }

  async #run(): Promise<void> {
    for (let tasks = this.#take(); tasks.size > 0; tasks = this.#take()) await this.#round(tasks);
    this.#isRunning = false;
  }

  /** The tasks of the next round, by their keys. */
  #take(): Map<string, Task[]> {
    const taken = new Map<string, Task[]>();
    const left: Task[] = [];
    for (const task of this.#waiting) {
      const others = taken.get(task.key);
      if (task.isOver) continue;
      if (others) others.push(task);
      else if (taken.size < MAX_ROWS) taken.set(task.key, [task]);
      else left.push(task);
    }
    this.#waiting = left;
    return taken;
  }

  /** Never rejects. */
  async #round(tasks: ReadonlyMap<string, readonly Task[]>): Promise<void> {
    const all = [...tasks.values()].flat();
    for (const task of all) task.asks();
    let isWriting = false;
    try {
      const rows = await this.#inTime(all, (within) => this.#decideAll(tasks, within));
      for (const row of rows) if (!row.change) settle(row);
      const changed = rows.filter((row) => row.change);
      isWriting = true;
      if (changed.length > 0) await this.#inTime(all, (within) => this.#write(changed, within));
    } catch (error) {
      if (!isWriting) for (const task of all) task.wasNotWritten();
      for (const task of all) this.#failed(task, error);
    }
  }

  async #decideAll(
    tasks: ReadonlyMap<string, readonly Task[]>,
    within: number,
  ): Promise<readonly DecidedRow[]> {
    const keys = [...tasks.keys()];
    const readings = await this.#table.read(keys, within);
    const rows = keys.flatMap((key, i) => this.#decideRow(key, readings[i], tasks.get(key)!));
    return this.#passOver(rows, within);
  }

  /** Empty if nothing can be made of the row. */
  #decideRow(
    key: string,
    reading: LedgerReading,
    all: readonly Task[],
    gone?: ReadonlySet<string>,
  ): DecidedRow[] {
    // Not for callers that have given up meanwhile.
    const tasks = all.filter(({ isOver }) => !isOver);
    try {
      const ledger = new Ledger(key, reading, gone);
      const replies = tasks.map((task) => task.decide(ledger));
      return [{ key, reading, tasks, ledger, replies, change: ledger.change }];
    } catch (error) {
      for (const task of tasks) task.giveUp(this.#table.description, error);
      return [];
    }
  }

  /** Decides again about locks that were given to a waiter, if it or others who wait for them are gone. */
  async #passOver(rows: readonly DecidedRow[], within: number): Promise<readonly DecidedRow[]> {
    const processes = new Set(
      rows.flatMap(({ change, ledger }) => (change?.given ? ledger.waitingProcesses : [])),
    );
    const gone = processes.size > 0 && (await this.#table.gone?.([...processes], within));
    if (!gone || gone.size === 0) return rows;
    return rows.flatMap((row) => {
      const isConcerned = row.ledger.waitingProcesses.some((one) => gone.has(one));
      return isConcerned ? this.#decideRow(row.key, row.reading, row.tasks, gone) : [row];
    });
  }

  async #write(rows: readonly DecidedRow[], within: number): Promise<void> {
    const written = await this.#table.write(
      rows.map(({ change }) => change!),
      within,
    );
    for (const [i, row] of rows.entries()) {
      if (written[i]) settle(row);
      else if (written[i] === undefined) row.tasks.forEach((task) => this.#failed(task, undefined));
      else row.tasks.forEach((task) => this.#wasOvertaken(task));
    }
  }

  #wasOvertaken(task: Task): void {
    task.wasNotWritten();
    task.overtaken++;
    // At random, so that those who have collided do not collide again.
    this.#again(task, Math.random() * Math.min(2 ** task.overtaken, LONGEST_PAUSE));
  }

  #failed(task: Task, error: unknown): void {
    const isFinal = error instanceof LockStoreError && error.refused;
    const isTimeUp = task.at - performance.now() <= RETRY_DELAY;
    task.failed(error, isTimeUp && !isFinal);
    if (isTimeUp || isFinal)
      this.#giveUp(task, task.overtaken > 0 ? messages.overtaken() : messages.notInTime());
    else this.#again(task, RETRY_DELAY);
  }

  #again(task: Task, ms: number): void {
    if (task.isOver) return;
    const pause = setTimeout(() => {
      this.#pauses.delete(pause);
      this.#want(task);
    }, ms);
    this.#pauses.set(pause, task);
  }

  #giveUp(task: Task, why: string): void {
    task.giveUp(this.#table.description, new Error(why));
  }

  /** Until the last of the tasks is given up. */
  #inTime<R>(tasks: readonly Task[], call: (within: number) => Promise<R>): Promise<R> {
    const last = Math.max(...tasks.map(({ at }) => at));
    return inTime(this.#deadlines, last - performance.now(), call);
  }
}

function settle({ tasks, replies }: DecidedRow): void {
  for (const [i, task] of tasks.entries()) if (!task.isOver) task.resolve(replies[i]);
}
