import { readBoard } from './client.js';
import { Dialogs } from './dialogs.js';
import { element, setAttribute, setText } from './dom.js';
import { ZONE, timeOf } from './format.js';
import { HeldView } from './held-view.js';
import { JobsView } from './jobs-view.js';
import { Poll } from './poll.js';
import { ReplicasView } from './replicas-view.js';

const main = document.querySelector('main');
const live = document.querySelector('#live');
const banner = document.querySelector('#banner');
const saidNode = document.querySelector('#said');
const links = new Map([...document.querySelectorAll('nav a')].map((link) => [link.hash, link]));
/** For how many milliseconds a message stays. */
const SAID_FOR = 6000;

/** What all views share. The time is the store's. */
const board = {
  overview: undefined,
  dialogs: undefined,
  poll: undefined,
  now: () => Date.now() + ahead,
  /** The name of the application that serves the page. */
  application: undefined,
  /** How old the overview is, in milliseconds. */
  age: () => performance.now() - readAt,
  say,
};
let ahead = 0;
let readAt = 0;
let isDown = false;
let current;
let saidTimer;
const views = {};

board.dialogs = new Dialogs(board);
addEventListener('hashchange', showView);
markLink();
board.poll = new Poll(poll);
setInterval(() => {
  if (!document.hidden && !isDown) current?.tick(board.now());
}, 1000);

async function poll() {
  try {
    const overview = await readBoard('overview');
    readAt = performance.now();
    ahead = Date.parse(overview.now) - Date.now();
    board.overview = overview;
    isDown = false;
    showError();
    showOverview();
  } catch (error) {
    isDown = true;
    showError(error);
  }
}

function showOverview() {
  const { now, replica, replicas, jobs, locks, moreLocks, notes } = board.overview;
  const application = replicas.find((one) => one.replica === replica)?.application;
  board.application = application;
  setText(document.querySelector('#application'), application ?? '');
  document.title = application ? `Locks · ${application}` : 'Locks';
  setText(live, `${timeOf(now, Date.now())} ${ZONE}${replica ? ` · served by ${replica}` : ''}`);
  const counts = {
    '#jobs': jobs.length,
    '#held': locks.length + (moreLocks ? '+' : ''),
    '#replicas': replicas.length,
  };
  for (const [hash, count] of Object.entries(counts))
    setText(links.get(hash).querySelector('.count'), String(count));
  setAttribute(main, 'aria-busy', 'false');
  document.querySelector('#loading')?.remove();
  showNotes(notes);
  if (current) current.show();
  else showView();
}

/** The view that the address names. */
function showView() {
  markLink();
  if (!board.overview) return;
  const hash = currentHash();
  const Views = { '#jobs': JobsView, '#held': HeldView, '#replicas': ReplicasView };
  current?.node.remove();
  current = views[hash] ??= new Views[hash](board);
  main.append(current.node);
  current.show();
}

function markLink() {
  for (const [hash, link] of links) setAttribute(link, 'aria-current', hash === currentHash() && 'page');
}

function currentHash() {
  return links.has(location.hash) ? location.hash : '#jobs';
}

/** Says what is wrong, once, and from when the page is that is still shown. */
function showError(error) {
  setAttribute(live, 'class', error ? 'down' : 'up');
  if (banner.dataset.shown === (error?.message ?? '')) return;
  banner.dataset.shown = error?.message ?? '';
  if (!error) return banner.replaceChildren();
  const known = board.overview;
  const age = known ? ` This page shows the state of ${timeOf(known.now, Date.now())}.` : '';
  const heads = { store: 'The lock store does not answer.', forbidden: 'You may not see the board.' };
  const head = heads[error.kind] ?? 'The board cannot be read.';
  banner.replaceChildren(
    element('strong', { text: head + age }),
    element('span', { text: `${error.message} The page tries again every 3 seconds.` }),
  );
  setAttribute(main, 'aria-busy', 'false');
  document.querySelector('#loading')?.remove();
}

/** What the store cannot do. */
function showNotes(notes) {
  const known = main.querySelector(':scope > .notes');
  if (known?.dataset.shown === notes.join()) return;
  known?.remove();
  if (notes.length === 0) return;
  const node = element('ul', { class: 'notes' }, ...notes.map((text) => element('li', { text })));
  node.dataset.shown = notes.join();
  main.prepend(node);
}

/** Says how an action went, and for how long is enough to read it. */
function say(text) {
  saidNode.textContent = text;
  clearTimeout(saidTimer);
  saidTimer = setTimeout(() => (saidNode.textContent = ''), SAID_FOR);
}
