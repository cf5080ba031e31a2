import { element, svgElement } from './dom.js';

/** The size of a mark. */
export const MARK = { width: 7, height: 16 };

/**
 * Each state has a colour, in board.css, and a shape of its own, so that neither is needed to tell them apart. A shape is
 * drawn from the upper left corner of the mark.
 */
export const STATES = {
  running: {
    label: 'running',
    means: 'it has begun, and its replica holds the lock',
    shape: 'm0 2l7 6l-7 6z',
  },
  failed: {
    label: 'failed',
    means: 'the work threw an error',
    shape: 'm0 1h2.6l.9 3.2l.9-3.2h2.6l-2 7l2 7h-2.6l-.9-3.2l-.9 3.2h-2.6l2-7z',
  },
  lost: {
    label: 'lost',
    means: 'the work ended after its lease was lost',
    shape: 'm0 1h7v5h-7zm0 9h7v5h-7z',
  },
  abandoned: {
    label: 'abandoned',
    means: 'the replica died, or never told how the run ended',
    shape: 'm0 1h7v5l-3.5 5l-3.5-5z',
  },
  missed: {
    label: 'missed',
    means: 'no replica ran the tick, and it is too late now',
    shape: 'm0 1h7v14h-7zm1.5 1.5v11h4v-11z',
  },
  late: {
    label: 'late',
    means: 'it succeeded, but began more than 10 s after its tick',
    shape: 'm0 8h7v7h-7zm2-6h3v3h-3z',
  },
  paused: {
    label: 'paused',
    means: 'all replicas skip the job',
    shape: 'm0 2h2.5v12h-2.5zm4.5 0h2.5v12h-2.5z',
  },
  succeeded: { label: 'succeeded', means: 'the work returned', shape: 'm0 1h7v14h-7z' },
  none: { label: 'no run yet', means: 'no run is recorded', shape: 'm0 7h7v2h-7z' },
};

/** The path of a mark at a place. */
export function markAt(state, x, y) {
  return `M${x} ${y}${STATES[state].shape}`;
}

/** Draws whatever has the same state as one path, so that many marks cost little. */
export class StatePaths {
  #paths = new Map();

  add(state, d) {
    this.#paths.set(state, (this.#paths.get(state) ?? '') + d);
  }

  drawn(name) {
    return [...this.#paths].map(([state, d]) => svgElement('path', { class: `${name} s-${state}`, d }));
  }
}

/** A mark with its word. */
export function stateBadge() {
  const path = svgElement('path');
  const word = element('span');
  const node = element(
    'span',
    { class: 'state' },
    svgElement('svg', { viewBox: '0 0 7 16', 'aria-hidden': 'true' }, path),
    word,
  );
  const show = (state) => {
    if (node.dataset.state === state) return;
    node.dataset.state = state;
    node.className = `state s-${state}`;
    path.setAttribute('d', markAt(state, 0, 0));
    word.textContent = STATES[state].label;
  };
  return { node, show };
}

/** What the marks mean. */
export function legend() {
  const items = Object.entries(STATES)
    .filter(([state]) => state !== 'none')
    .map(([state, { means }]) => {
      const badge = stateBadge();
      badge.show(state);
      return element('li', { title: means }, badge.node, element('span', { class: 'second', text: means }));
    });
  return element(
    'details',
    { class: 'legend' },
    element('summary', { text: 'What the marks mean' }),
    element('ul', {}, ...items),
  );
}
