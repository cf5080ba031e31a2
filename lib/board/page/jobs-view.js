import { element, setAttribute, setText, table } from './dom.js';
import { byName } from './format.js';
import { JobRow } from './job-row.js';
import { Rows } from './rows.js';
import { STATES, legend, stateBadge } from './states.js';

const COLUMNS_OF_JOBS = [
  ['status', 'State'],
  ['job', 'Job'],
  ['next', 'Next tick'],
  ['last', 'Last run'],
  ['history', 'Last 20 runs'],
  ['actions', 'Actions'],
];

/** All jobs, in the order of their names, with a filter by name and one by state. */
export class JobsView {
  node;
  #board;
  #table = table('Jobs', 'jobs', COLUMNS_OF_JOBS);
  #rows;
  #search = element('input', { type: 'search', placeholder: 'Filter', 'aria-label': 'Filter jobs by name' });
  #chips = element('div', { class: 'chips', role: 'group', 'aria-label': 'Filter jobs by state' });
  #chipOf = new Map();
  #nothing = element('div', { class: 'nothing' });
  #state;

  constructor(board) {
    this.#board = board;
    this.#rows = new Rows(
      this.#table.body,
      () => new JobRow(board),
      ({ id }) => id,
    );
    this.#search.addEventListener('input', () => this.show());
    this.node = element(
      'section',
      { 'aria-label': 'Jobs' },
      element('div', { class: 'bar' }, this.#chips, this.#search),
      this.#table.node,
      this.#nothing,
      legend(),
    );
  }

  show() {
    const { jobs, actions } = this.#board.overview;
    this.#showChips(jobs);
    const text = this.#search.value.trim().toLowerCase();
    const shown = jobs
      .filter((job) => isFound(job, text) && (!this.#state || job.state === this.#state))
      .toSorted((a, b) => byName(a.id, b.id));
    this.#table.node.classList.toggle('without-actions', !actions);
    setAttribute(this.#table.node, 'hidden', shown.length === 0);
    setAttribute(this.#nothing, 'hidden', shown.length > 0);
    if (shown.length === 0) this.#nothing.replaceChildren(...whyNothing(jobs));
    void this.#rows.show(shown);
  }

  tick(now) {
    for (const row of this.#rows) row.tick(now);
  }

  #showChips(jobs) {
    const counts = new Map(Object.keys(STATES).map((state) => [state, 0]));
    for (const { state } of jobs) counts.set(state, counts.get(state) + 1);
    for (const [state, count] of counts) {
      if (count === 0 && !this.#chipOf.has(state)) continue;
      const chip = this.#chip(state);
      setText(chip.count, String(count));
      setAttribute(chip.node, 'hidden', count === 0 && this.#state !== state);
    }
    this.#chips.append(
      ...Object.keys(STATES)
        .flatMap((state) => this.#chipOf.get(state)?.node ?? [])
        .filter((node, i) => this.#chips.children[i] !== node),
    );
  }

  /** A button that shows only the jobs of a state. */
  #chip(state) {
    const known = this.#chipOf.get(state);
    if (known) return known;
    const badge = stateBadge();
    badge.show(state);
    const count = element('span', { class: 'count' });
    const node = element(
      'button',
      { type: 'button', 'aria-pressed': 'false', onclick: () => this.#choose(state) },
      badge.node,
      count,
    );
    this.#chipOf.set(state, { node, count });
    return { node, count };
  }

  #choose(state) {
    this.#state = this.#state === state ? undefined : state;
    for (const [one, { node }] of this.#chipOf)
      setAttribute(node, 'aria-pressed', String(one === this.#state));
    this.show();
  }
}

function isFound({ id, method, replicas }, text) {
  return text === '' || [id, method, ...replicas].some((one) => one.toLowerCase().includes(text));
}

function whyNothing(jobs) {
  if (jobs.length > 0) return [element('p', { text: 'No job matches the filter.' })];
  return [
    element('p', { text: 'No jobs yet.' }),
    element('p', {
      class: 'second',
      text: 'A method with @Exclusive and @Cron, @Interval or @Timeout appears here when a replica that has it starts.',
    }),
  ];
}
