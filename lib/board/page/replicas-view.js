import { cell, element, setAttribute, setText, table, twoLines } from './dom.js';
import { agoOf, byName, lengthOf, spanOf, timeOf } from './format.js';
import { Rows } from './rows.js';
import { legend, stateBadge } from './states.js';
import { Lane, Tip } from './timeline.js';

const MINUTE_MS = 60_000;
const SPANS = [1, 5, 15];
/** A replica makes itself known once a minute. One that has not for so many milliseconds is likely dead. */
const SILENT = 90_000;
/** From how many milliseconds on a clock is out of step. */
const OUT_OF_STEP = 1000;
const LATEST = 20;
const COLUMNS_OF_REPLICAS = [
  ['replica', 'Replica'],
  ['seen', 'Last seen'],
  ['clock', 'Clock'],
  ['count', 'Jobs'],
  ['runs', 'Runs'],
];
const COLUMNS_OF_RUNS = [
  ['status', 'State'],
  ['job', 'Job'],
  ['replica', 'Replica'],
  ['began', 'Began'],
  ['took', 'Took'],
];

/** The replicas, with a timeline of the runs of each, and the latest runs as a list. */
export class ReplicasView {
  node;
  #board;
  #table = table('Replicas', 'replicas', COLUMNS_OF_REPLICAS);
  #axis = element('div', { class: 'axis', 'aria-hidden': 'true' });
  #tip;
  #rows;
  #runs = table('Latest runs', 'latest', COLUMNS_OF_RUNS);
  #runRows;
  #latest;
  #nothing = element('div', { class: 'nothing' }, element('p', { text: 'No replica is known.' }));
  #span = 5 * MINUTE_MS;

  constructor(board) {
    this.#board = board;
    this.#tip = new Tip(board.now);
    this.#rows = new Rows(
      this.#table.body,
      () => new ReplicaRow(board, this.#tip),
      ({ replica }) => replica,
    );
    this.#runRows = new Rows(
      this.#runs.body,
      () => new RunRow(board),
      ({ job, fencingToken }) => `${job} ${fencingToken}`,
    );
    this.#table.node.querySelector('.runs').append(this.#axis);
    this.#latest = element('div', {}, element('h2', { text: 'Latest runs' }), this.#runs.node);
    this.node = element(
      'section',
      { 'aria-label': 'Replicas' },
      element('div', { class: 'bar' }, this.#choiceOfSpan()),
      this.#table.node,
      this.#nothing,
      this.#latest,
      legend(),
      this.#tip.node,
    );
    this.#showAxis();
    addEventListener('resize', () => this.#draw());
  }

  show() {
    const { replicas, runs } = this.#board.overview;
    const all = [...replicas, ...goneReplicas(replicas, runs)].toSorted((a, b) =>
      byName(a.replica, b.replica),
    );
    setAttribute(this.#table.node, 'hidden', all.length === 0);
    setAttribute(this.#nothing, 'hidden', all.length > 0);
    setAttribute(this.#latest, 'hidden', runs.length === 0);
    void this.#rows.show(all).then(() => this.#draw());
    void this.#runRows.show(runs.slice(0, LATEST));
  }

  tick(now) {
    for (const row of this.#rows) row.tick(now);
    for (const row of this.#runRows) row.tick(now);
    this.#draw();
  }

  #draw() {
    const [first] = this.#rows;
    const width = first?.width;
    if (!width) return;
    const scale = { now: this.#board.now(), span: this.#span, width };
    const byReplica = Map.groupBy(this.#board.overview.runs, ({ replica }) => replica);
    for (const row of this.#rows) row.draw(byReplica.get(row.replica) ?? [], scale);
  }

  #showAxis() {
    const steps = stepsOf(this.#span / MINUTE_MS);
    this.#table.node.style.setProperty('--step', `${100 / steps.length}%`);
    this.#axis.replaceChildren(...[...steps, 'now'].map((text) => element('span', { text })));
  }

  #choiceOfSpan() {
    const choices = SPANS.map((minutes) => {
      const input = element('input', { type: 'radio', name: 'span', value: minutes });
      input.checked = minutes * MINUTE_MS === this.#span;
      input.addEventListener('change', () => {
        this.#span = minutes * MINUTE_MS;
        this.#showAxis();
        this.#draw();
      });
      return element('label', {}, input, element('span', { text: `${minutes} min` }));
    });
    return element('fieldset', { class: 'choice' }, element('legend', { text: 'Timeline' }), ...choices);
  }
}

class ReplicaRow {
  node;
  replica = '';
  #board;
  #data;
  #name = twoLines();
  #seen = twoLines();
  #clock = element('span');
  #jobs = element('span');
  #lane;

  constructor(board, tip) {
    this.#board = board;
    this.#lane = new Lane(tip);
    this.node = element(
      'div',
      { role: 'row', class: 'entry' },
      cell('replica', ...this.#name.nodes),
      cell('seen', ...this.#seen.nodes),
      cell('clock', this.#clock),
      cell('count', this.#jobs),
      cell('runs', this.#lane.node),
    );
  }

  show(data) {
    this.#data = data;
    const { replica, version, application, ahead, jobs, isGone } = data;
    this.replica = replica;
    const isThis = replica === this.#board.overview.replica;
    const other = application !== this.#board.application && application;
    setText(this.#name.first, replica);
    const facts = [version && `version ${version}`, other, isThis && 'serves this page'];
    setText(this.#name.second, isGone ? 'gone, or with catalogue: false' : facts.filter(Boolean).join(' · '));
    this.node.classList.toggle('gone', isGone === true);
    setText(this.#clock, isGone ? '–' : clockInWords(ahead));
    this.#clock.classList.toggle('error', Math.abs(ahead ?? 0) >= OUT_OF_STEP);
    setText(this.#jobs, isGone ? '–' : String(jobs));
    this.tick(this.#board.now());
  }

  tick(now) {
    const { lastSeen, started, isGone } = this.#data;
    const silence = lastSeen ? Math.max(0, now - Date.parse(lastSeen)) : 0;
    setText(this.#seen.first, lastSeen ? agoOf(silence) : '–');
    this.#seen.first.classList.toggle('error', silence > SILENT);
    setText(this.#seen.second, isGone ? '' : `up for ${spanOf(Math.max(0, now - Date.parse(started)))}`);
  }

  /** Of the timeline, in pixels. */
  get width() {
    return this.#lane.node.parentNode.clientWidth;
  }

  draw(runs, scale) {
    this.#lane.draw(this.replica, runs, scale);
  }
}

class RunRow {
  node;
  #board;
  #run;
  #badge = stateBadge();
  #job = element('span', { class: 'first' });
  #replica = element('span');
  #began = element('span');
  #took = element('span');

  constructor(board) {
    this.#board = board;
    this.node = element(
      'div',
      { role: 'row', class: 'entry' },
      cell('status', this.#badge.node),
      cell('job', this.#job),
      cell('replica', this.#replica),
      cell('began', this.#began),
      cell('took', this.#took),
    );
  }

  show(run) {
    this.#run = run;
    this.#badge.show(run.state);
    setText(this.#job, run.job);
    setText(this.#replica, run.replica);
    setText(this.#began, timeOf(run.started, this.#board.now()));
    this.tick(this.#board.now());
  }

  tick(now) {
    const { state, started, duration } = this.#run;
    const running = `for ${spanOf(Math.max(0, now - Date.parse(started)))}`;
    setText(this.#took, state === 'running' ? running : duration === undefined ? '–' : lengthOf(duration));
  }
}

/** Replicas that ran something in the last minutes and are known no more. */
function goneReplicas(replicas, runs) {
  const known = new Set(replicas.map(({ replica }) => replica));
  const gone = new Set(runs.map(({ replica }) => replica).filter((replica) => !known.has(replica)));
  return [...gone].map((replica) => ({ replica, isGone: true }));
}

function clockInWords(ahead) {
  if (ahead === undefined) return 'not measured';
  if (Math.abs(ahead) < 1) return 'in step';
  return `${lengthOf(Math.abs(ahead))} ${ahead > 0 ? 'ahead' : 'behind'}`;
}

/** The labels of the axis, from the left. */
function stepsOf(minutes) {
  if (minutes === 1) return ['60 s ago', '45 s', '30 s', '15 s'];
  const step = minutes / 5;
  return Array.from({ length: 5 }, (_, i) => `${minutes - i * step} min${i === 0 ? ' ago' : ''}`);
}
