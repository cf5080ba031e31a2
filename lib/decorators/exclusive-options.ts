import { checkOptions, refuse, type KnownOptions } from '../common/check-options.js';
import { checkDuration, type Duration } from '../common/duration.js';
import { LockConfigurationError } from '../common/errors.js';
import { messages } from '../common/messages.js';
import { LEASE_OPTIONS, checkRenewEvery, resolveTimes, type LeaseOptions } from '../core/lease-options.js';
import {
  OCCURRENCE_OPTIONS,
  checkOccurrenceOptions,
  type OccurrenceOptions,
} from '../schedule/occurrence-options.js';

/** Options of {@link Exclusive}. */
export interface ExclusiveOptions extends LeaseOptions, OccurrenceOptions, PolicyOptions {}

/** What happens to a call that cannot acquire the lock. */
export interface PolicyOptions {
  /**
   * On a method that no scheduler calls: what a call does while another holder has the lock.
   * - `skip`: it resolves to undefined;
   * - `wait`: it waits for the lock, for as long as it takes unless `wait` sets a limit;
   * - `throw`: it rejects with a `LockBusyError`, which names the `holder`.
   *
   * With `wait` and `throw`, it rejects with a `LockShuttingDownError` while the application shuts down.
   *
   * @default 'skip'
   */
  readonly whenBusy?: 'skip' | 'wait' | 'throw' | undefined;
  /**
   * With `whenBusy: 'wait'`: how long to wait for the lock, or for a store that is away. When the time is over, the
   * call rejects with a `LockTimeoutError`, which names the `holder`.
   *
   * @default as long as it takes
   */
  readonly wait?: Duration | undefined;
  /**
   * What a call does when the store cannot be reached for the module's `commandTimeout`. With `whenBusy: 'wait'`, this
   * counts when `wait` is over; on methods that a scheduler calls, when `retryFor` is over. Not for start hooks, which
   * have `standbyTimeout` and `whenTimedOut`.
   * - `skip`: it resolves to undefined;
   * - `throw`: it rejects with the `LockStoreError`, after a wait with the `LockTimeoutError`; only on a method that no
   *   scheduler calls;
   * - `run`: **unsafe**: it runs without the lock, in every replica. `ExclusiveLockService.current()` is undefined in
   *   it, a shutdown does not wait for it, and one warning is logged for each outage.
   *
   * @default 'skip'; with `whenBusy: 'wait'` or `'throw'`, 'throw'
   */
  readonly whenUnavailable?: 'skip' | 'throw' | 'run' | undefined;
  /**
   * On methods that a scheduler calls: how long a run is retried while the store is away, so that it comes late rather
   * than never. Ends when the next tick of the job is due; on `@Interval`, at its next call. 0: not at all. If the tick
   * is lost in the end, a warning says so, once for each job in an outage.
   *
   * @default 3_600_000 (1 hour); with `whenUnavailable: 'run'`, 0
   */
  readonly retryFor?: Duration | undefined;
  /**
   * Whether other methods of the application may have the same lock name. Each of them must set this. They exclude each
   * other.
   *
   * @default false: the app refuses to start if two methods have one lock name
   */
  readonly shared?: boolean | undefined;
}

const EXCLUSIVE_OPTIONS: KnownOptions<ExclusiveOptions> = {
  ...LEASE_OPTIONS,
  ...OCCURRENCE_OPTIONS,
  whenBusy: true,
  wait: true,
  whenUnavailable: true,
  retryFor: true,
  shared: true,
};

/** The decorator does not know the times of the module. Its options have both times or neither. */
const UNUSED_DEFAULTS = { ttl: 0, renewEvery: 0 };

/**
 * Checks everything about the options that is known when the class is loaded.
 *
 * @param of the owner of the options, for the message
 * @throws LockConfigurationError
 */
export function checkExclusiveOptions(options: ExclusiveOptions, of: string): void {
  checkOptions(options, EXCLUSIVE_OPTIONS, of);
  checkOccurrenceOptions(options);
  if (options.renewEvery !== undefined && options.ttl === undefined) {
    throw new LockConfigurationError(messages.renewEveryWithoutTtl(checkRenewEvery(options.renewEvery)));
  }
  resolveTimes(options, UNUSED_DEFAULTS);
  checkOneOf('whenBusy', options.whenBusy, ['skip', 'wait', 'throw']);
  checkOneOf('whenUnavailable', options.whenUnavailable, ['skip', 'throw', 'run']);
  if (options.retryFor !== undefined) checkDuration('retryFor', options.retryFor, 0);
  checkOneOf('shared', options.shared, [true, false]);
  // `acquire` accepts `wait: true`.
  if ((options.wait as unknown) === true)
    refuse(
      'wait',
      "a number of milliseconds or a string such as '30s'; without it a call waits for as long as it takes",
      true,
    );
  if (options.wait !== undefined) checkDuration('wait', options.wait, 1);
}

/** Completes options with defaults. An undefined option counts as not set. */
export function mergeOptions(options: ExclusiveOptions, under: ExclusiveOptions): ExclusiveOptions {
  const said = Object.entries(options).filter(([, value]) => value !== undefined);
  // `renewEvery` belongs to the `ttl` that it was set with.
  const { renewEvery, ...rest } = under;
  const base = options.ttl === undefined && renewEvery !== undefined ? { ...rest, renewEvery } : rest;
  return { ...base, ...Object.fromEntries(said) };
}

function checkOneOf(option: string, value: unknown, allowed: readonly (string | boolean)[]): void {
  if (value === undefined || allowed.includes(value as string)) return;
  const shown = allowed.map((each) => (typeof each === 'string' ? `'${each}'` : String(each)));
  const expected = `${shown.slice(0, -1).join(', ')} or ${shown.at(-1)}`;
  refuse(option, expected, value);
}
