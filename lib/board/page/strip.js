import { setAttribute, svgElement } from './dom.js';
import { countOf } from './format.js';
import { MARK, STATES, StatePaths, markAt } from './states.js';

const RUNS = 20;
const PITCH = MARK.width + 2;
const WIDTH = RUNS * PITCH - 2;

/** The last 20 runs of a job as a row of marks, the newest on the right. One path for each state draws them. */
export function historyStrip() {
  const node = svgElement('svg', {
    class: 'strip',
    viewBox: `0 0 ${WIDTH} ${MARK.height}`,
    width: WIDTH,
    height: MARK.height,
    role: 'img',
  });
  const show = (history) => {
    const shown = history.join();
    if (node.dataset.shown === shown) return;
    node.dataset.shown = shown;
    const first = RUNS - history.length;
    const paths = new StatePaths();
    paths.add('none', pathOfEmpty(first));
    history.forEach((state, i) => paths.add(state, markAt(state, (first + i) * PITCH, 0)));
    node.replaceChildren(...paths.drawn('mark'));
    setAttribute(node, 'aria-label', inWords(history));
  };
  return { node, show };
}

function pathOfEmpty(count) {
  return Array.from({ length: count }, (_, i) => `M${i * PITCH + 2} 7h3v2h-3z`).join('');
}

function inWords(history) {
  if (history.length === 0) return 'No recorded runs';
  const counts = Object.keys(STATES)
    .map((state) => [state, history.filter((one) => one === state).length])
    .filter(([, count]) => count > 0);
  const words = counts.map(([state, count]) => `${count} ${STATES[state].label}`).join(', ');
  return `Last ${countOf(history.length, 'run')}: ${words}`;
}
