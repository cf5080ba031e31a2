import ms from 'ms';
import { refuse } from './check-options.js';
import { LockConfigurationError } from './errors.js';
import { messages } from './messages.js';

type ShortUnit = 'ms' | 's' | 'm' | 'h' | 'd' | 'w' | 'y';
type LongUnit =
  | 'msec'
  | 'millisecond'
  | 'sec'
  | 'second'
  | 'min'
  | 'minute'
  | 'hr'
  | 'hour'
  | 'day'
  | 'week'
  | 'yr'
  | 'year';
type Unit = ShortUnit | LongUnit | `${LongUnit}s`;

/**
 * A length of time: a number of milliseconds, or a string of one number and its unit, such as `'500ms'`, `'30s'`,
 * `'1.5h'` or `'5 minutes'`. Strings are read by the package [ms](https://github.com/vercel/ms) and rounded to whole
 * milliseconds.
 *
 * To TypeScript, a value from the environment is only a `string`. Assert that it is a `Duration`: the options are
 * checked when the application starts, and a string without a unit is refused.
 *
 * @example
 * ExclusiveLockModule.forRoot({ ttl: '30s', drainTimeout: process.env.DRAIN_TIMEOUT as Duration | undefined });
 */
export type Duration = number | `${number}${Unit}` | `${number} ${Unit}`;

/** The longest delay a Node timer can have: 24.8 days. */
const LONGEST = 2 ** 31 - 1;
const NUMBER_ALONE = /^\s*\d*\.?\d+\s*$/;

/**
 * Checks a duration that a user gave, and returns it in milliseconds.
 *
 * @param shortest the least milliseconds
 * @param or another value that is allowed, for the message
 * @throws LockConfigurationError
 */
export function checkDuration(
  option: string,
  value: unknown,
  shortest: number,
  { longest = LONGEST, or }: { longest?: number; or?: string } = {},
): number {
  const time = typeof value === 'string' ? read(value) : value;
  if (typeof time === 'number' && time >= shortest && time <= longest) return time;
  const number = `a number of milliseconds from ${shortest} to ${longest}`;
  const expected = or
    ? `${number}, a string such as '30s', or ${or}`
    : `${number}, or a string such as '30s'`;
  if (typeof value === 'string' && NUMBER_ALONE.test(value))
    throw new LockConfigurationError(messages.durationWithoutUnit(option, expected, value));
  refuse(option, expected, value);
}

/**
 * Undefined for a text that is no duration, and for a number without a unit, which may mean seconds or milliseconds.
 */
function read(text: string): number | undefined {
  // `ms` throws for an empty text.
  if (text === '' || NUMBER_ALONE.test(text)) return undefined;
  const time = ms(text);
  // 1.005 s are 1004.9999999999999 ms.
  return time === undefined ? undefined : Math.round(time);
}
