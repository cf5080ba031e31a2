import { element, setAttribute, svgElement } from './dom.js';
import { countOf, lengthOf, timeOf } from './format.js';
import { MARK, STATES, StatePaths, markAt } from './states.js';

/** Runs that overlap stand below each other, on this many lines at most. */
const MOST_LINES = 3;
const LINE = MARK.height + 4;
const LETTER = 6.5;
/** How near the pointer must be, in pixels. */
const NEAR = 6;

/**
 * The runs of one replica in the last minutes: a mark where each began, in the shape of its state, and a bar for as long as
 * it took. One path for each state draws all marks, so that hundreds of runs cost little.
 */
export class Lane {
  node = svgElement('svg', { class: 'lane', role: 'img' });
  #placed = [];

  constructor(tip) {
    this.node.addEventListener('pointermove', (event) => tip.show(event, this.#at(event)));
    this.node.addEventListener('pointerdown', (event) => tip.show(event, this.#at(event)));
    this.node.addEventListener('pointerleave', () => tip.hide());
  }

  /** @param scale the moment `now`, the milliseconds `span` before it, and the pixels `width` for them */
  draw(replica, runs, scale) {
    const first = scale.now - scale.span;
    const seen = runs.filter((run) => endOf(run, scale.now) >= first);
    this.#placed = placed(seen, scale);
    const lines = Math.max(1, ...this.#placed.map(({ line }) => line + 1));
    setAttribute(this.node, 'width', scale.width);
    setAttribute(this.node, 'height', lines * LINE);
    setAttribute(this.node, 'aria-label', laneInWords(replica, seen, scale.span));
    this.node.replaceChildren(...pathsOf(this.#placed), ...labelsOf(this.#placed));
  }

  #at({ offsetX, offsetY }) {
    const line = Math.floor(offsetY / LINE);
    const distance = ({ x, width }) => Math.max(x - offsetX, offsetX - x - width, 0);
    const near = this.#placed
      .filter((one) => one.line === line && distance(one) <= NEAR)
      .toSorted((a, b) => distance(a) - distance(b));
    return near[0]?.run;
  }
}

/** A note about the run below the pointer. */
export class Tip {
  node = element('div', { class: 'tip', 'aria-hidden': 'true', hidden: true });
  #now;

  constructor(now) {
    this.#now = now;
  }

  show({ clientX, clientY }, run) {
    setAttribute(this.node, 'hidden', !run);
    if (!run) return;
    const { job, state, started, duration } = run;
    const took = duration === undefined ? '' : `, took ${lengthOf(duration)}`;
    this.node.replaceChildren(
      element('strong', { text: job }),
      element('div', { text: `${STATES[state].label}, began ${timeOf(started, this.#now())}${took}` }),
    );
    const { offsetWidth, offsetHeight } = this.node;
    this.node.style.left = `${Math.max(4, Math.min(clientX + 10, innerWidth - offsetWidth - 8))}px`;
    this.node.style.top = `${clientY + (clientY + offsetHeight + 24 > innerHeight ? -offsetHeight - 10 : 14)}px`;
  }

  hide() {
    this.node.hidden = true;
  }
}

/** Where each run stands: the first line that has room, or else the last. */
function placed(runs, { now, span, width }) {
  const scaleX = (moment) => ((moment - now + span) / span) * width;
  const taken = [];
  return runs.toReversed().map((run) => {
    const x = Math.min(Math.max(0, scaleX(Date.parse(run.started))), width - MARK.width);
    const right = Math.min(width, Math.max(x + MARK.width, scaleX(endOf(run, now))));
    const free = taken.findIndex((until) => until <= x);
    const line = Math.min(free < 0 ? taken.length : free, MOST_LINES - 1);
    taken[line] = right + 2;
    return { run, line, x: round(x), width: round(right - x), y: line * LINE + 2 };
  });
}

function pathsOf(runs) {
  const tails = new StatePaths();
  const marks = new StatePaths();
  for (const { run, x, y, width } of runs) {
    marks.add(run.state, markAt(run.state, x, y));
    if (width > MARK.width) tails.add(run.state, `M${x} ${y + 1}h${width}v14h-${width}z`);
  }
  return [...tails.drawn('tail'), ...marks.drawn('mark')];
}

/** The name of the job, where it fits. */
function labelsOf(runs) {
  return runs
    .filter(({ run, width }) => run.job.length * LETTER + MARK.width + 10 < width)
    .map(({ run, x, y }) => svgElement('text', { x: x + MARK.width + 5, y: y + 12, text: run.job }));
}

function endOf({ started, duration, state }, now) {
  return state === 'running' ? now : Date.parse(started) + (duration ?? 0);
}

function round(pixels) {
  return Math.round(pixels * 10) / 10;
}

function laneInWords(replica, runs, span) {
  const bad = runs.filter(({ state }) => ['failed', 'lost', 'abandoned'].includes(state)).length;
  const period = countOf(span / 60_000, 'minute').replace(/^1 /, '');
  return `${replica}: ${countOf(runs.length, 'run')} in the last ${period}${bad > 0 ? `, ${bad} of them not well` : ''}`;
}
