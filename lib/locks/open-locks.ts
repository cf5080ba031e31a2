import { checkIsObject } from '../common/check-options.js';
import type { Duration } from '../common/duration.js';
import { LockConfigurationError } from '../common/errors.js';
import type { LoggerWithLevels } from '../common/logger.js';
import { messages } from '../common/messages.js';
import { OutageLog } from '../common/outage-log.js';
import type { LockManager } from '../core/lock-manager.js';
import {
  resolveSettings,
  type ExclusiveLockSettings,
  type ResolvedSettings,
  type StorePlace,
} from '../exclusive-lock.options.js';
import { Locks } from './locks.js';
import { openLockManager } from './open-lock-manager.js';

/** Options of `openLocks()`. */
export type OpenLocksOptions = OpenLocksSettings & StorePlace;

/** What every store has in common. */
export interface OpenLocksSettings extends Omit<
  ExclusiveLockSettings,
  'ticks' | 'version' | 'catalogue' | 'drainTimeout' | 'logger'
> {
  /**
   * How long `close()` waits for running work before its signals abort; then the work has one more second to
   * return. At least 0. A lease of `acquire()` or `lock()` counts as work until it is released.
   *
   * @default 10_000
   */
  drainTimeout?: Duration | undefined;
  /**
   * Where this package logs: any logger with levels, such as pino, winston or `console`; false: nowhere.
   *
   * @default news, warnings and errors go to stderr
   */
  logger?: LoggerWithLevels | false | undefined;
}

/** Locks that were opened by `openLocks()`, to be closed by whoever has opened them. */
export class OpenedLocks extends Locks {
  readonly #manager: LockManager;

  constructor(manager: LockManager, settings: ResolvedSettings) {
    super(manager, settings);
    this.#manager = manager;
  }

  /**
   * Refuses new locks, waits up to `drainTimeout` for the work that runs, and has its signals abort then; releases the locks
   * and closes the connection. Called from within work under a lock, it would wait for itself. The second call waits for
   * the first.
   *
   * @example
   * process.once('SIGTERM', () => void locks.close());
   */
  close(): Promise<void> {
    return this.#manager.close();
  }

  /** The same as `close()`, at the end of the block. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

/** Options of the module that would do nothing here. */
const ONLY_IN_NEST = ['ticks', 'version', 'catalogue', 'isGlobal'];

/**
 * Locks for a script, a worker or a command line, without Nest. They are those of an application that has the same store
 * and `prefix`. Without options: `REDIS_URL` if it is set, else the local store; an error in production.
 *
 * No signal handler is installed. The store may be out of reach: then it is the calls that fail or wait.
 *
 * @throws LockConfigurationError for a bad option
 * @example
 * await using locks = await openLocks({ redis: 'redis://cache:6379' });
 * const outcome = await locks.run('import', ({ signal }) => importAll(signal));
 */
export async function openLocks(options: OpenLocksOptions = {}): Promise<OpenedLocks> {
  checkIsObject(options, 'openLocks');
  const foreign = ONLY_IN_NEST.find((option) => option in options);
  if (foreign) throw new LockConfigurationError(messages.onlyInNest(foreign));
  const settings = resolveSettings(options);
  const manager = await openLockManager(options, settings, new OutageLog(settings.logger));
  return new OpenedLocks(manager, settings);
}
