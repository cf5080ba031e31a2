import { cell, element, setAttribute, setText, twoLines } from './dom.js';
import { JobDetails } from './job-details.js';
import { lastLines, nextLines, pauseLines } from './run-words.js';
import { stateBadge } from './states.js';
import { historyStrip } from './strip.js';

/** The row of a job. The name opens the details below it. */
export class JobRow {
  node;
  #board;
  #job;
  #badge = stateBadge();
  #name = element('button', { type: 'button', class: 'name', 'aria-expanded': 'false' });
  #schedule = element('div', { class: 'second' });
  #next = twoLines();
  #last = twoLines();
  #strip = historyStrip();
  #actions = element('div', { role: 'cell', class: 'actions' });
  #details;
  #shown;

  constructor(board) {
    this.#board = board;
    this.#name.addEventListener('click', () => this.#toggle());
    const row = element(
      'div',
      { role: 'row' },
      cell('status', this.#badge.node),
      cell('job', this.#name, this.#schedule),
      cell('next', ...this.#next.nodes),
      cell('last', ...this.#last.nodes),
      cell('history', this.#strip.node),
      this.#actions,
    );
    this.node = element('div', { role: 'rowgroup', class: 'entry' }, row);
  }

  show(job) {
    const shown = JSON.stringify(job);
    if (shown === this.#shown) return;
    this.#shown = shown;
    this.#job = job;
    this.#badge.show(job.state);
    setText(this.#name, job.id);
    setText(this.#schedule, scheduleOf(job));
    setAttribute(this.#schedule, 'title', scheduleOf(job));
    this.#strip.show(job.history);
    this.#showActions(job);
    this.tick(this.#board.now());
    this.#details?.show(job);
  }

  /** Writes what changes with time. */
  tick(now) {
    const { nextTick, paused, lastRun } = this.#job;
    const [next, at] = paused ? pauseLines(paused, now) : nextLines(nextTick, now);
    write(this.#next, next, at);
    const [last, how, isError] = lastLines(lastRun, now);
    write(this.#last, last, how);
    this.#last.second.classList.toggle('error', isError === true);
  }

  #showActions(job) {
    const { actions } = this.#board.overview;
    if (!actions || this.#actions.dataset.of === job.state + job.can.run) return;
    this.#actions.dataset.of = job.state + job.can.run;
    const { dialogs } = this.#board;
    const button = (text, act) =>
      element('button', { type: 'button', text, 'aria-label': `${text} ${job.id}`, onclick: act });
    const pause = job.paused
      ? button('Resume', () => dialogs.resume(this.#job))
      : button('Pause', () => dialogs.pause(this.#job));
    const buttons = [
      ...(job.can.pause || job.paused ? [pause] : []),
      ...(job.role === 'start hook' ? [] : [button('Run now', () => dialogs.run(this.#job))]),
    ];
    const hadFocus = this.#actions.contains(document.activeElement);
    this.#actions.replaceChildren(...buttons);
    if (hadFocus) buttons[0]?.focus();
  }

  #toggle() {
    const isOpen = this.#name.getAttribute('aria-expanded') === 'true';
    setAttribute(this.#name, 'aria-expanded', String(!isOpen));
    this.#details?.node.remove();
    this.#details = isOpen ? undefined : new JobDetails(this.#board, this.#job);
    if (this.#details) this.node.append(this.#details.node);
  }
}

function write({ first, second }, line, below) {
  setText(first, line);
  setText(second, below);
  setAttribute(second, 'title', below.length > 24 ? below : undefined);
}

function scheduleOf({ schedule: { words, expression, timeZone }, role, method }) {
  const when = words ?? expression ?? role;
  const zone = timeZone && role === 'cron' ? ` · ${timeZone}` : '';
  return role === 'start hook' || role === 'method' ? `${when} · ${method}` : when + zone;
}
