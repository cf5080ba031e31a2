import { readBoard } from './client.js';
import { element } from './dom.js';
import { countOf, lengthOf, timeOf } from './format.js';
import { notesOf } from './run-words.js';
import { stateBadge } from './states.js';

/** All that is known of a job: its facts, and its recorded runs. */
export class JobDetails {
  node;
  #board;
  #facts = element('dl');
  // It can be scrolled to the side on a phone, so it must be reached by the keyboard.
  #runs = element('div', { class: 'runs', role: 'group', 'aria-label': 'Runs', tabindex: 0 });
  #known;

  constructor(board, job) {
    this.#board = board;
    const content = element(
      'div',
      { role: 'cell', class: 'details', 'aria-colspan': 6 },
      this.#facts,
      this.#runs,
    );
    this.node = element('div', { role: 'row' }, content);
    this.show(job);
  }

  show(job) {
    this.#facts.replaceChildren(...factsOf(job, this.#board.now()).flatMap(fact));
    const known = JSON.stringify([job.lastRun, job.history]);
    if (known === this.#known) return;
    this.#known = known;
    void this.#read(job.id);
  }

  async #read(id) {
    try {
      const { runs } = await readBoard(`runs?job=${encodeURIComponent(id)}`);
      this.#runs.replaceChildren(runs.length === 0 ? 'No recorded runs.' : this.#tableOf(id, runs));
    } catch (error) {
      this.#known = undefined;
      this.#runs.replaceChildren(element('p', { class: 'error', text: error.message }));
    }
  }

  #tableOf(id, runs) {
    const headings = ['State', 'Tick', 'Began', 'Took', 'Replica', 'Token', 'Remarks'];
    return element(
      'table',
      { 'aria-label': `Runs of ${id}` },
      element('thead', {}, tableRow('th', headings)),
      element('tbody', {}, ...runs.map((run) => tableRow('td', this.#cellsOf(run)))),
    );
  }

  #cellsOf(run) {
    const { state, tick, started, duration, replica, fencingToken, error } = run;
    const now = this.#board.now();
    const badge = stateBadge();
    badge.show(state);
    const remarks = element('span', { text: [...notesOf(run), ...(error ? [error] : [])].join(' · ') });
    remarks.classList.toggle('error', error !== undefined);
    if (state === 'missed') return [badge.node, timeOf(tick ?? started, now), '', '', '', '', remarks];
    const took = duration === undefined ? '' : lengthOf(duration);
    const token = element('span', { class: 'token', text: String(fencingToken) });
    return [badge.node, tick ? timeOf(tick, now) : '', timeOf(started, now), took, replica, token, remarks];
  }
}

function factsOf({ name, job, method, schedule, lastTick, paused, replicas }, now) {
  const { expression, timeZone } = schedule;
  return [
    ['Lock', name],
    ...(job === name ? [] : [['Job', job]]),
    ['Method', method],
    ...(expression ? [['Schedule', timeZone ? `${expression}, ${timeZone}` : expression]] : []),
    ...(lastTick ? [['Last tick', timeOf(lastTick, now)]] : []),
    ...(paused ? [['Paused', pauseInWords(paused, now)]] : []),
    [countOf(replicas.length, 'replica'), replicas.join(', ')],
  ];
}

function pauseInWords({ by, since, until, reason }, now) {
  return `by ${by}, since ${timeOf(since, now)}${until ? `, until ${timeOf(until, now)}` : ''}: ${reason}`;
}

function fact([name, value]) {
  return [element('dt', { text: name }), element('dd', { text: value })];
}

function tableRow(tag, cells) {
  return element('tr', {}, ...cells.map((content) => element(tag, {}, content)));
}
