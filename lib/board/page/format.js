const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

const TIME = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit', second: '2-digit' });
const DATE = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short' });
const YEAR = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short', year: 'numeric' });

/** The zone that all times of the page are in. */
export const ZONE = TIME.resolvedOptions().timeZone;

/** How long something took: `240 ms`, `1.2 s`, `4 min 12 s`. */
export function lengthOf(ms) {
  if (ms < SECOND) return `${Math.round(ms)} ms`;
  if (ms < 10 * SECOND) return `${(Math.floor(ms / 100) / 10).toFixed(1)} s`;
  return spanOf(ms);
}

/** A span that is counted down or up: `12 s`, `4 min 12 s`, `3 h 5 min`, `2 d 4 h`. */
export function spanOf(ms) {
  if (ms < MINUTE) return `${Math.floor(ms / SECOND)} s`;
  if (ms < HOUR) return `${Math.floor(ms / MINUTE)} min ${Math.floor((ms % MINUTE) / SECOND)} s`;
  if (ms < DAY) return `${Math.floor(ms / HOUR)} h ${Math.floor((ms % HOUR) / MINUTE)} min`;
  return `${Math.floor(ms / DAY)} d ${Math.floor((ms % DAY) / HOUR)} h`;
}

/** How long ago, without the seconds that nobody reads. */
export function agoOf(ms) {
  if (ms < SECOND) return 'now';
  if (ms < MINUTE) return `${spanOf(ms)} ago`;
  return `${ms < HOUR ? `${Math.floor(ms / MINUTE)} min` : spanOf(ms)} ago`;
}

/** The time of day; with the date, unless that is today. */
export function timeOf(iso, now) {
  const date = new Date(iso);
  const today = new Date(now);
  if (date.toDateString() === today.toDateString()) return TIME.format(date);
  const day = date.getFullYear() === today.getFullYear() ? DATE : YEAR;
  return `${day.format(date)}, ${TIME.format(date)}`;
}

/** `1 run`, `2 runs`. */
export function countOf(number, noun) {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}

/** Sorts names: `job-2` before `job-10`. */
export const byName = new Intl.Collator('en', { numeric: true }).compare;
