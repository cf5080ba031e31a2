import { act } from './client.js';
import { element } from './dom.js';
import { spanOf } from './format.js';

const HOUR_MS = 3_600_000;
/** For how long a job can be paused, in hours; 0 until somebody resumes it. */
const PAUSES = [
  ['until somebody resumes it', 0],
  ['for 1 hour', 1],
  ['for 4 hours', 4],
  ['for 24 hours', 24],
  ['for 7 days', 168],
];

/** Asks before each action, takes it, and says how it went. */
export class Dialogs {
  #board;

  constructor(board) {
    this.#board = board;
  }

  pause(job) {
    const reason = element('input', { required: true, maxlength: 200, autocomplete: 'off', autofocus: true });
    const options = PAUSES.map(([text, hours]) => element('option', { text, value: hours }));
    const length = element('select', {}, ...options);
    this.#open({
      title: `Pause ${job.id}?`,
      content: [
        element('p', { text: 'All replicas skip its ticks. A run that has begun comes to its end.' }),
        element('label', {}, 'Reason', reason),
        element('label', {}, 'How long', length),
      ],
      verb: 'Pause',
      action: async () => {
        const hours = Number(length.value);
        const until = hours === 0 ? undefined : new Date(this.#board.now() + hours * HOUR_MS).toISOString();
        await this.#act('pause', { ...namesOf(job), reason: reason.value, until });
        return `${job.id} is paused.`;
      },
    });
  }

  resume(job) {
    const { by, reason } = job.paused ?? {};
    this.#open({
      title: `Resume ${job.id}?`,
      content: [element('p', { text: `Paused by ${by}: ${reason}` })],
      verb: 'Resume',
      action: async () => {
        await this.#act('resume', namesOf(job));
        return `${job.id} is resumed.`;
      },
    });
  }

  run(job) {
    const { replica } = this.#board.overview;
    if (!job.can.run) return this.#runElsewhere(job, replica);
    const paused = job.paused ? ' The pause is ignored.' : '';
    this.#open({
      title: `Run ${job.id} now?`,
      content: [
        element('p', {
          text: `It runs on ${replica}, unless it is running already. It claims no tick.${paused}`,
        }),
      ],
      verb: 'Run now',
      action: async () => told(job.id, await this.#act('run', namesOf(job))),
    });
  }

  release(lock) {
    const { name, replica = 'another program', since, fencingToken } = lock;
    const held = since ? `has held it for ${spanOf(this.#board.now() - Date.parse(since))}` : 'holds it';
    this.#open({
      title: `Release ${name}?`,
      content: [
        element('p', { text: `${replica} ${held}, with the fencing token ${fencingToken}.` }),
        element('p', {
          text: 'Another replica may take the lock at once, while this holder works on until its next renewal. Release it only if you know that the holder hangs.',
        }),
      ],
      verb: 'Release',
      isDanger: true,
      action: async () => {
        await this.#act('release', { name, fencingToken });
        return `${name} is released.`;
      },
    });
  }

  #runElsewhere(job, replica) {
    this.#open({
      title: `${job.id} cannot run here`,
      content: [
        element('p', {
          text: `This board is served by ${replica}, which does not have the job. Open the board of one that has it: ${job.replicas.join(', ')}.`,
        }),
      ],
    });
  }

  /** Without an action there is nothing to confirm. */
  #open({ title, content, verb, action, isDanger = false }) {
    const error = element('p', { class: 'error', role: 'alert' });
    const cancel = element('button', {
      type: 'button',
      text: action ? 'Cancel' : 'Close',
      onclick: () => dialog.close(),
    });
    const confirm = element('button', { class: isDanger ? 'danger primary' : 'primary', text: verb ?? '' });
    const heading = element('h2', { id: 'dialog-title', text: title });
    const buttons = element('div', { class: 'buttons' }, cancel, ...(action ? [confirm] : []));
    const form = element('form', {}, heading, ...content, error, buttons);
    const dialog = element('dialog', { 'aria-labelledby': 'dialog-title' }, form);
    dialog.addEventListener('close', () => dialog.remove());
    form.addEventListener('submit', (event) => {
      event.preventDefault();
      void this.#take(dialog, confirm, error, action);
    });
    document.body.append(dialog);
    dialog.showModal();
  }

  async #take(dialog, confirm, error, action) {
    confirm.disabled = true;
    error.textContent = '';
    try {
      const said = await action();
      dialog.close();
      this.#board.say(said);
    } catch (failure) {
      error.textContent = failure.message;
      confirm.disabled = false;
    }
    this.#board.poll.now();
  }

  #act(action, body) {
    return act(action, body, this.#board.overview.token);
  }
}

function namesOf({ name, job }) {
  return { name, job };
}

function told(id, { status, reason, holder }) {
  if (status === 'skipped') return `${id} did not run: ${reason}${holder ? `, ${holder} runs it` : ''}.`;
  return status === 'lost'
    ? `${id} ran, but lost its lease.`
    : `${id} ${status === 'ran' ? 'has run' : 'runs'}.`;
}
