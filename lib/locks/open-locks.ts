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

/** The options that apply to every store. */
export interface OpenLocksSettings extends Omit<
  ExclusiveLockSettings,
  'ticks' | 'version' | 'catalogue' | 'drainTimeout' | 'logger'
> {
  /**
   * How long `close()` waits for running work before the signals abort. Then the work has one more second to return. At
   * least 0. A lease of `acquire()` or `lock()` counts as work until it is released.
   *
   * @default 10_000
   */
  drainTimeout?: Duration | undefined;
  /**
   * Where this package logs: any logger with levels, such as pino, winston or `console`; false: nowhere.
   *
   * @default information, warnings and errors go to stderr
   */
  logger?: LoggerWithLevels | false | undefined;
}

/** The locks that `openLocks()` opens. Close them in the end. */
export class OpenedLocks extends Locks {
  readonly #manager: LockManager;

  constructor(manager: LockManager, settings: ResolvedSettings) {
    super(manager, settings);
    this.#manager = manager;
  }

  /**
   * Refuses new locks, waits up to `drainTimeout` for running work, then aborts its signals; releases the locks and
   * closes the connection. Do not await it inside work under a lock: it waits for that work. A second call waits for
   * the first.
   *
   * @example
   * process.once('SIGTERM', () => void locks.close());
   */
  close(): Promise<void> {
    return this.#manager.close();
  }

  /** Does the same as `close()`, at the end of an `await using` block. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

/** Options of the module that would have no effect here. */
const ONLY_IN_NEST = ['ticks', 'version', 'catalogue', 'isGlobal'];

/**
 * Opens locks for a script, a worker or a command line, without Nest. An application with the same store and `prefix`
 * shares them. Without options, they live in `REDIS_URL` if it is set, else in the local store; in production that is
 * an error.
 *
 * Installs no signal handlers. It resolves even if the store cannot be reached: then the calls fail or wait.
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
