const UNITS = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1_000],
] as const;

/** A length of time for people: `250 ms`, `2.3 s`, `4m 10s`, `3d 2h`. */
export function lengthOf(ms: number): string {
  if (ms === Infinity) return 'no end';
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  if (ms < 59_950) return `${(ms / 1_000).toFixed(1)} s`;
  const seconds = Math.round(ms / 1_000) * 1_000;
  const at = UNITS.findIndex(([, length]) => seconds >= length);
  const [unit, length] = UNITS[at];
  const [smaller, part] = UNITS[at + 1];
  const rest = Math.floor((seconds % length) / part);
  return `${Math.floor(seconds / length)}${unit}${rest > 0 ? ` ${rest}${smaller}` : ''}`;
}

/** How long ago a moment was, or how far away it is: `4m 10s ago`, `in 3h`. */
export function fromNow(time: Date | undefined, now = Date.now()): string {
  if (!time) return '-';
  const ms = time.getTime() - now;
  return ms > 0 ? `in ${lengthOf(ms)}` : `${lengthOf(-ms)} ago`;
}

/** A moment in the time zone of the terminal: `2026-11-30 03:00:00`. */
export function moment(time: Date | undefined): string {
  if (!time) return '-';
  const day = [time.getFullYear(), two(time.getMonth() + 1), two(time.getDate())].join('-');
  return `${day} ${clockTime(time)}`;
}

/** The time of day in the time zone of the terminal. */
export function clockTime(time: Date): string {
  const parts = [time.getHours(), time.getMinutes(), time.getSeconds()];
  return parts.map(two).join(':');
}

function two(n: number): string {
  return String(n).padStart(2, '0');
}
