import { applicationName } from './common/application-name.js';
import { checkOptions, refuse, type KnownOptions } from './common/check-options.js';
import { checkDuration, type Duration } from './common/duration.js';
import { LockConfigurationError } from './common/errors.js';
import { loggerOf, type LockLogger, type LoggerWithLevels } from './common/logger.js';
import { messages } from './common/messages.js';
import { stderrLogger } from './common/stderr-logger.js';
import { resolveTimes } from './core/lease-options.js';
import { checkName } from './core/lock-name.js';
import { checkVersion } from './schedule/occurrence-options.js';
import type { LockStore } from './stores/lock-store.js';
import type { RedisConnectionOptions } from './stores/redis/redis-connection-options.js';
import type { StoreToOpen } from './stores/store-to-open.js';

/** Options of `ExclusiveLockModule.forRoot()`. */
export type ExclusiveLockModuleOptions = ExclusiveLockSettings & StorePlace;

/** The options that apply to every store. */
export interface ExclusiveLockSettings {
  /**
   * The time after which a lock is free again if its holder dies. A living holder renews it, however long the work
   * takes. At least 100 ms, and twice `renewEvery`.
   *
   * @default 10_000
   */
  ttl?: Duration | undefined;
  /**
   * The time between two renewals of a lease. At least 20 ms, and at most half of `ttl`.
   *
   * @default ttl / 3
   */
  renewEvery?: Duration | undefined;
  /**
   * The time after which a store call without a reply fails. While the store cannot be reached, the call is retried
   * until then. An acquisition has two thirds of the `ttl` at most. At least 10 ms.
   *
   * @default 2_000
   */
  commandTimeout?: Duration | undefined;
  /**
   * How long a shutdown waits for running work before the signals abort, counted from the first `onModuleDestroy`. Then
   * the work has one more second to return. At least 0. A lease of `acquire()` or `lock()` counts as work until it is
   * released. On Kubernetes, `terminationGracePeriodSeconds` must be at least 5 seconds longer.
   *
   * @default 10_000
   */
  drainTimeout?: Duration | undefined;
  /**
   * The name of this application, the same in all its replicas. If another application holds a lock or ran a tick of
   * the same name, one error line names both. Give each application on a store a `prefix` of its own. If two
   * applications are meant to exclude each other, give both the same `application`.
   *
   * @default the `name` in the package.json that is nearest to the main script
   */
  application?: string | undefined;
  /**
   * Precedes every lock name in the store. Replicas with the same prefix share their locks. It has no colon; a colon
   * follows it.
   *
   * @default 'exclusive-lock'
   */
  prefix?: string | undefined;
  /**
   * This replica's name, shown to others when the lock is busy.
   *
   * @default host name and process id
   */
  replica?: string | undefined;
  /**
   * The version of the application, such as an image tag or a commit. Start hooks and `@Timeout` methods with
   * `@Exclusive` run once for each version. Without a version, a success is remembered for 60 seconds.
   */
  version?: string | undefined;
  /**
   * How many runs of each job are recorded: when and where each began, and how it ended. A whole number from 0 to 100;
   * 0: none. The record is kept for 35 days after the last run.
   *
   * @default 20
   */
  history?: number | undefined;
  /**
   * Whether this replica publishes itself and its jobs to the others, which see them with `locks.jobs`. Costs one
   * command a minute.
   *
   * @default true
   */
  catalogue?: boolean | undefined;
  /**
   * Whether locks live in the store. `false` is for development: locks live in the memory of this process, whatever
   * `redis` or `store` say. The package connects to nothing, and neither uses nor closes a store of your own. Within
   * the process, everything works as usual. One warning at start says that locks are off.
   *
   * @default true
   */
  enabled?: boolean | undefined;
  /**
   * Whether this process runs the methods with `@Exclusive` that its scheduler calls. `false` is for a process that has
   * the jobs of the application but must not run them, such as a command of nest-commander. Its scheduled calls are
   * skipped, `ScheduleModule` may be missing, and providers with `@LeaderElection` do not stand for election. Calls by
   * hand, start hooks and `ExclusiveLockService` work as usual. One line at start says so.
   *
   * @default true
   */
  ticks?: boolean | undefined;
  /**
   * Where this package logs: any logger with levels, such as a `LoggerService` of Nest, pino, winston or `console`.
   * `false`: nowhere.
   *
   * @default Nest's `Logger`, with the context `ExclusiveLock`
   */
  logger?: LoggerWithLevels | false | undefined;
}

/** Where the locks live; see {@link ExclusiveLockModuleOptions}. Without any: `REDIS_URL`, else the local store. */
export type StorePlace = RedisPlace | LocalPlace | MemoryPlace | CustomPlace | DefaultPlace;

/** Replicas on several machines: Redis, Valkey or KeyDB. */
export interface RedisPlace {
  /**
   * A URL, ioredis options, `{ cluster: […] }`, or a client of ioredis or node-redis, whose settings are copied. The
   * client itself is never used, changed or closed.
   */
  redis: RedisConnectionOptions;
  store?: never;
  folder?: never;
}

/** Processes of one machine, without a server. */
export interface LocalPlace {
  /** Locks are files in a folder. */
  store: 'local';
  /**
   * The folder that the processes share. It must be the user's own (0700) and on a disk of this machine. A folder that
   * other machines can reach, by NFS or SMB for example, is an error at start.
   *
   * @default a folder of the user in the system's temporary folder
   */
  folder?: string;
  redis?: never;
}

/** One process, for tests. */
export interface MemoryPlace {
  /** Locks are in the memory of the process. If `NODE_ENV` is `production`, and on Kubernetes, a warning says so. */
  store: 'memory';
  redis?: never;
  folder?: never;
}

/** Another store of this package, such as `etcdStore()` makes, or one of your own. */
export interface CustomPlace {
  /** Closed together with the application. */
  store: LockStore | StoreToOpen;
  redis?: never;
  folder?: never;
}

/**
 * `REDIS_URL` if it is set, else the local store with a warning. If `NODE_ENV` is `production`, and on Kubernetes, a
 * missing `REDIS_URL` is an error. An option without a value is an error as well, such as `redis:
 * process.env.CACHE_URL` when that variable is not set.
 */
export interface DefaultPlace {
  store?: never;
  redis?: never;
  folder?: never;
}

/** The settings without a default. */
type Unset = 'application' | 'replica' | 'version';

type Time = 'ttl' | 'renewEvery' | 'commandTimeout' | 'drainTimeout';

/** The settings with their defaults filled in and times in milliseconds. */
export type ResolvedSettings = Required<Omit<ExclusiveLockSettings, Unset | Time | 'logger'>> &
  Record<Time, number> &
  Record<Unset, string | undefined> & {
    logger: LockLogger;
    /** Whether the start fails if decorated jobs have no scheduler. */
    needsScheduler: boolean;
  };

const DEFAULT_TTL = 10_000;
const DEFAULT_COMMAND_TIMEOUT = 2_000;
const DEFAULT_DRAIN_TIMEOUT = 10_000;
const DEFAULT_PREFIX = 'exclusive-lock';
const DEFAULT_HISTORY = 20;
const LONGEST_HISTORY = 100;

/** The options that make sense with and without Nest. */
export const COMMON_OPTIONS: KnownOptions<
  Omit<ExclusiveLockModuleOptions, 'version' | 'ticks' | 'catalogue'>
> = {
  redis: true,
  store: true,
  folder: true,
  ttl: true,
  renewEvery: true,
  commandTimeout: true,
  drainTimeout: true,
  application: true,
  prefix: true,
  replica: true,
  history: true,
  enabled: true,
  logger: true,
};

/** The differences between the ways to open locks. */
interface Opener {
  /** The function that has the options, for messages. */
  readonly of: string;
  readonly known: Readonly<Record<string, true>>;
  readonly defaultLogger: LoggerWithLevels;
}

const OPEN_LOCKS: Opener = { of: 'openLocks', known: COMMON_OPTIONS, defaultLogger: stderrLogger };

/**
 * Checks the options and fills in the defaults.
 *
 * @throws LockConfigurationError naming the option, its value and the remedy
 */
export function resolveSettings(
  options: ExclusiveLockModuleOptions,
  { of, known, defaultLogger }: Opener = OPEN_LOCKS,
): ResolvedSettings {
  checkOptions<object>(options, known, of);
  const { commandTimeout = DEFAULT_COMMAND_TIMEOUT, drainTimeout = DEFAULT_DRAIN_TIMEOUT } = options;
  const { application = applicationName(), prefix = DEFAULT_PREFIX } = options;
  const { replica, version, enabled = true, ticks = true, logger } = options;
  const { history = DEFAULT_HISTORY, catalogue = true } = options;
  if (application !== undefined) checkName(application, 'application');
  checkName(prefix, 'prefix');
  // Locks of the prefixes `a` and `a:b` would overlap.
  if (prefix.includes(':')) throw new LockConfigurationError(messages.colonInPrefix(prefix));
  if (replica !== undefined) checkName(replica, 'replica');
  if (version !== undefined) checkVersion(version);
  // A string such as 'false' from the environment would count as true.
  if (typeof enabled !== 'boolean') refuse('enabled', 'true or false', enabled);
  if (typeof ticks !== 'boolean') refuse('ticks', 'true or false', ticks);
  if (typeof catalogue !== 'boolean') refuse('catalogue', 'true or false', catalogue);
  if (!Number.isInteger(history) || history < 0 || history > LONGEST_HISTORY)
    refuse('history', `a whole number from 0 to ${LONGEST_HISTORY}`, history);
  return {
    ...resolveTimes(options, { ttl: DEFAULT_TTL, renewEvery: DEFAULT_TTL / 3 }),
    commandTimeout: checkDuration('commandTimeout', commandTimeout, 10),
    drainTimeout: checkDuration('drainTimeout', drainTimeout, 0),
    application,
    prefix,
    replica,
    version,
    history,
    catalogue,
    enabled,
    ticks,
    needsScheduler: ticks && enabled && !isTestStore(options.store),
    logger: loggerOf(logger === undefined ? defaultLogger : logger),
  };
}

/** The store of a `LockTestKit`: the test calls the jobs, and no scheduler does. */
function isTestStore(store: StorePlace['store']): boolean {
  return typeof store === 'object' && 'clock' in store && store.clock !== undefined;
}
