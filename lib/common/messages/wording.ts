import { isErrorLike } from '../error-like.js';

/** How many names a line has at most. */
const SHOWN = 5;

export function list(names: readonly string[]): string {
  const more = names.length - SHOWN;
  return more > 0 ? `${names.slice(0, SHOWN).join(', ')} and ${more} more` : names.join(', ');
}

export function lacking(missing: readonly string[]): string {
  return `the given one lacks ${missing.join(', ')}`;
}

export function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}

export function iso(moment: number): string {
  return Number.isNaN(moment) ? 'an invalid Date' : new Date(moment).toISOString();
}

/** Shows a value that somebody passed, short and without secrets. */
export function show(value: unknown): string {
  if (typeof value === 'string') {
    // A URL in the wrong place may hold a password.
    const text = value.replace(/\/\/.*@/s, '//…@');
    return JSON.stringify(text.length > 80 ? `${text.slice(0, 80)}…` : text);
  }
  if (typeof value === 'function') return `a function`;
  if (Array.isArray(value)) return 'an array';
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? 'an invalid Date' : 'a Date';
  return typeof value === 'object' && value !== null ? 'an object' : String(value);
}

/** The message of an error, for use inside a sentence. */
export function reason(cause: unknown): string {
  if (cause === undefined) return 'no connection';
  if (!isErrorLike(cause)) return show(cause);
  return cause.message.replace(/\.+$/, '') || (cause as NodeJS.ErrnoException).code || cause.name;
}

/** A stack on lines of its own, for errors that only the log reports. */
export function stackOf(error: unknown): string {
  return isErrorLike(error) && error.stack ? `\n${error.stack}` : '';
}

export function traceOf(error: unknown): string {
  return (isErrorLike(error) && error.stack) || reason(error);
}
