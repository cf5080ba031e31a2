import type { JobRole } from '../core/local-jobs.js';

const DAYS = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday'];
const MONTHS = [
  'January',
  'February',
  'March',
  'April',
  'May',
  'June',
  'July',
  'August',
  'September',
  'October',
  'November',
  'December',
];
const PRESETS: Readonly<Record<string, string>> = {
  '@yearly': '0 0 1 1 *',
  '@monthly': '0 0 1 * *',
  '@weekly': '0 0 * * 0',
  '@daily': '0 0 * * *',
  '@hourly': '0 * * * *',
  '@minutely': '* * * * *',
  '@secondly': '* * * * * *',
  '@weekdays': '0 0 * * 1-5',
  '@weekends': '0 0 * * 0,6',
};
/** More times of day than these are no longer simple. */
const MOST_TIMES = 4;

/**
 * When a job runs, in words, such as `every 5 minutes` or `at 03:00, Monday to Friday`; undefined where there are no simple
 * ones. An unusual expression is better
 * shown as it is than put wrongly into words.
 */
export function scheduleInWords(role: JobRole, expression: string | undefined): string | undefined {
  switch (role) {
    case 'cron':
      return expression && cronInWords(expression);
    case 'interval':
      return expression && `every ${lengthInWords(Number.parseFloat(expression)).replace(/^1 /, '')}`;
    case 'timeout':
      return expression && `once, ${lengthInWords(Number.parseFloat(expression))} after the start`;
    case 'start hook':
      return 'at the start, once a version';
    case 'method':
      return 'when it is called';
  }
}

function cronInWords(expression: string): string | undefined {
  const fields = (PRESETS[expression.trim()] ?? expression).trim().toUpperCase().split(/\s+/);
  if (fields.length === 5) fields.unshift('0');
  if (fields.length !== 6) return undefined;
  const [second, minute, hour, dayOfMonth, month, dayOfWeek] = fields.map((field) =>
    field === '?' ? '*' : field,
  );
  const days = daysInWords(dayOfMonth, month, dayOfWeek);
  if (days === undefined) return undefined;
  const often = periodInWords(second, minute, hour);
  if (often) return days === '' ? often : `${often}, ${days}`;
  const times = timesInWords(second, minute, hour);
  if (!times) return undefined;
  return days === '' ? `every day at ${times}` : `at ${times}, ${days}`;
}

/** For what comes more than once a day. */
function periodInWords(second: string, minute: string, hour: string): string | undefined {
  const past = numberOf(minute, 59);
  if (past !== undefined) return second === '0' ? hoursInWords(past, hour) : undefined;
  const within = hour === '*' ? '' : rangeInWords(hour);
  if (within === undefined) return undefined;
  const seconds = stepOf(second, 60);
  if (minute === '*' && seconds) return `every ${count(seconds, 'second')}${within}`;
  const minutes = stepOf(minute, 60);
  return second === '0' && minutes ? `every ${count(minutes, 'minute')}${within}` : undefined;
}

/** For what comes once an hour, or once in a few. */
function hoursInWords(past: number, hour: string): string | undefined {
  const step = stepOf(hour, 24);
  const within = step ? '' : rangeInWords(hour);
  if (within === undefined) return undefined;
  return `every ${count(step ?? 1, 'hour')}${past === 0 ? '' : ` at :${twoDigits(past)}`}${within}`;
}

/** Hours from one to another. */
function rangeInWords(hour: string): string | undefined {
  const [from, to, ...more] = hour.split('-').map((one) => numberOf(one, 23));
  if (from === undefined || to === undefined || from >= to || more.length > 0) return undefined;
  return ` from ${twoDigits(from)}:00 to ${twoDigits(to)}:59`;
}

/** For what comes at a few times of the day. */
function timesInWords(second: string, minute: string, hour: string): string | undefined {
  const [seconds, minutes] = [numberOf(second, 59), numberOf(minute, 59)];
  const hours = hour.split(',').map((one) => numberOf(one, 23));
  if (
    seconds === undefined ||
    minutes === undefined ||
    hours.includes(undefined) ||
    hours.length > MOST_TIMES
  )
    return undefined;
  const rest = `:${twoDigits(minutes)}${seconds === 0 ? '' : `:${twoDigits(seconds)}`}`;
  return enumerated(hours.map((one) => twoDigits(one!) + rest));
}

/** Empty for every day. With both kinds of days, cron takes a day that is one of either: that is not simple. */
function daysInWords(dayOfMonth: string, month: string, dayOfWeek: string): string | undefined {
  const months = month === '*' ? '' : listOf(month, MONTHS, 1);
  if (months === undefined) return undefined;
  if (dayOfMonth === '*' && dayOfWeek === '*') return months && `in ${months}`;
  if (dayOfMonth === '*') {
    const days = dayOfWeek.split('-').length === 2 ? dayRange(dayOfWeek) : listOf(dayOfWeek, DAYS, 0);
    return days && (months ? `${days} in ${months}` : days);
  }
  if (dayOfWeek !== '*') return undefined;
  const numbers = dayOfMonth.split(',').map((one) => numberOf(one, 31));
  if (numbers.some((number) => !number) || numbers.length > MOST_TIMES) return undefined;
  return `on day ${enumerated(numbers.map(String))} of ${months || 'the month'}`;
}

function dayRange(field: string): string | undefined {
  const [from, to] = field.split('-').map((day) => nameOf(day, DAYS, 0));
  return from && to && `${from} to ${to}`;
}

function listOf(field: string, names: readonly string[], first: number): string | undefined {
  const named = field.split(',').map((one) => nameOf(one, names, first));
  return named.includes(undefined) ? undefined : enumerated(named.map(String));
}

/** By its number, or the first three letters of its name. Sunday is 0 and 7. */
function nameOf(text: string, names: readonly string[], first: number): string | undefined {
  const byName = names.find((name) => name.slice(0, 3).toUpperCase() === text);
  if (byName) return byName;
  const number = numberOf(text, 12);
  return number === undefined ? undefined : names[names === DAYS && number === 7 ? 0 : number - first];
}

/** The step of a field that begins at its first value, if it divides the whole: else the last step is shorter. */
function stepOf(field: string, whole: number): number | undefined {
  const step = field === '*' ? 1 : Number(/^(?:\*|0)\/(\d+)$/.exec(field)?.[1]);
  return step > 0 && step < whole && whole % step === 0 ? step : undefined;
}

function numberOf(field: string, most: number): number | undefined {
  return /^\d{1,2}$/.test(field) && Number(field) <= most ? Number(field) : undefined;
}

function lengthInWords(ms: number): string {
  const units = [
    [3_600_000, 'hour'],
    [60_000, 'minute'],
    [1000, 'second'],
  ] as const;
  const unit = units.find(([length]) => ms >= length && ms % length === 0);
  if (!unit) return `${ms} ms`;
  const [length, name] = unit;
  return ms === length ? `1 ${name}` : count(ms / length, name);
}

function count(number: number, unit: string): string {
  return number === 1 ? unit : `${number} ${unit}s`;
}

function enumerated(items: readonly string[]): string {
  return items.length < 2 ? items.join('') : `${items.slice(0, -1).join(', ')} and ${items.at(-1)}`;
}

function twoDigits(number: number): string {
  return String(number).padStart(2, '0');
}
