import { cell, element, setAttribute, setText, table, twoLines } from './dom.js';
import { spanOf, timeOf } from './format.js';
import { Rows } from './rows.js';

const COLUMNS_OF_LOCKS = [
  ['lock', 'Lock'],
  ['holder', 'Holder'],
  ['since', 'Held for'],
  ['remaining', 'Expires unless renewed'],
  ['token', 'Fencing token'],
  ['waiters', 'Waiting'],
  ['actions', 'Actions'],
];

/** The locks that are held now. */
export class HeldView {
  node;
  #board;
  #table = table('Held locks', 'held', COLUMNS_OF_LOCKS);
  #rows;
  #nothing = element(
    'div',
    { class: 'nothing' },
    element('p', { text: 'No lock is held.' }),
    element('p', {
      class: 'second',
      text: 'A lock appears here while a job, or other work under a lock, runs.',
    }),
  );
  #more = element('p', { class: 'second more', text: 'Only 500 of the held locks are listed.' });

  constructor(board) {
    this.#board = board;
    this.#rows = new Rows(
      this.#table.body,
      () => new LockRow(board),
      ({ name, fencingToken }) => `${name} ${fencingToken}`,
    );
    this.node = element('section', { 'aria-label': 'Held now' }, this.#table.node, this.#nothing, this.#more);
  }

  show() {
    const { locks, moreLocks, actions } = this.#board.overview;
    this.#table.node.classList.toggle('without-actions', !actions);
    setAttribute(this.#table.node, 'hidden', locks.length === 0);
    setAttribute(this.#nothing, 'hidden', locks.length > 0);
    setAttribute(this.#more, 'hidden', !moreLocks);
    void this.#rows.show(locks);
  }

  tick(now) {
    for (const row of this.#rows) row.tick(now);
  }
}

class LockRow {
  node;
  #board;
  #lock;
  /** The longest time that was seen to remain, which is about the TTL. */
  #longest = 1;
  #name = twoLines();
  #holder = twoLines();
  #since = twoLines();
  #left = element('span', { class: 'first' });
  #bar = element('div', { class: 'fill' });
  #token = element('span', { class: 'token' });
  #waiters = element('span');
  #release;

  constructor(board) {
    this.#board = board;
    this.#release = element('button', {
      type: 'button',
      class: 'danger',
      text: 'Release',
      onclick: () => board.dialogs.release(this.#lock),
    });
    this.node = element(
      'div',
      { role: 'row', class: 'entry' },
      cell('lock', ...this.#name.nodes),
      cell('holder', ...this.#holder.nodes),
      cell('since', ...this.#since.nodes),
      cell('remaining', this.#left, element('div', { class: 'meter', 'aria-hidden': 'true' }, this.#bar)),
      cell('token', this.#token),
      cell('waiters', this.#waiters),
      cell('actions', ...(board.overview.actions ? [this.#release] : [])),
    );
  }

  show(lock) {
    this.#lock = lock;
    const { name, contents, occurrence, replica, application, host, pid, fencingToken, waiters } = lock;
    setText(this.#name.first, name);
    setText(this.#name.second, contents ?? occurrence ?? '');
    setAttribute(this.#name.second, 'title', contents ?? occurrence);
    setText(this.#holder.first, replica ?? 'another program');
    setText(this.#holder.second, [application, host, pid && `pid ${pid}`].filter(Boolean).join(' · '));
    setText(this.#token, fencingToken === undefined ? '–' : String(fencingToken));
    setText(this.#waiters, waiters === undefined ? '–' : String(waiters));
    setAttribute(this.#release, 'aria-label', `Release ${name}`);
    setAttribute(this.#release, 'disabled', fencingToken === undefined);
    this.#longest = Math.max(this.#longest, lock.remaining ?? 0);
    this.tick(this.#board.now());
  }

  tick(now) {
    const { since, remaining } = this.#lock;
    setText(this.#since.first, since ? spanOf(Math.max(0, now - Date.parse(since))) : '–');
    setText(this.#since.second, since ? timeOf(since, now) : '');
    const left = remaining === null ? undefined : Math.max(0, remaining - this.#board.age());
    setText(this.#left, left === undefined ? 'never' : spanOf(left));
    this.#bar.style.width = `${left === undefined ? 100 : (100 * left) / this.#longest}%`;
  }
}
