import { agoOf, lengthOf, spanOf, timeOf } from './format.js';

/** When the next tick is due, in two lines. */
export function nextLines(nextTick, now) {
  if (!nextTick) return ['–', ''];
  const left = Date.parse(nextTick) - now;
  return [left > 0 ? `in ${spanOf(left + 999)}` : 'due', timeOf(nextTick, now)];
}

/** Who paused a job and why, in two lines. */
export function pauseLines({ by, reason, until }, now) {
  return [`paused by ${by}${until ? ` until ${timeOf(until, now)}` : ''}`, reason];
}

/** When and where a run was and how it went, in two lines; and whether that is an error. */
export function lastLines(run, now) {
  if (!run) return ['–', ''];
  const { state, started, duration, replica } = run;
  const since = now - Date.parse(started);
  if (state === 'missed') return [agoOf(now - Date.parse(run.tick ?? started)), 'no replica ran it', true];
  const when = state === 'running' ? `for ${spanOf(Math.max(0, since))}` : agoOf(since);
  const took = duration === undefined ? '' : ` · ${lengthOf(duration)}`;
  return [`${when} · ${replica}${took}`, ...remarkOf(run, now)];
}

/** The most important thing about a run, or else when it began; and whether that is an error. */
function remarkOf(run, now) {
  if (run.error) return [run.error, true];
  if (run.state === 'abandoned') return ['its replica died', true];
  if (run.state === 'lost') return ['its lease was lost', true];
  return [[timeOf(run.started, now), ...notesOf(run)].join(' · '), false];
}

/** What is unusual about a run. */
export function notesOf({ missed, byHand, late = 0 }) {
  return [
    ...(missed ? ['missed tick, run late'] : late > 10_000 ? [`${spanOf(late)} late`] : []),
    ...(byHand ? ['by hand'] : []),
  ];
}
