import type { Replica } from '../../locks/job-types.js';
import type { Command } from '../command.js';
import { EXIT } from '../exit-codes.js';
import type { Column } from '../table.js';
import { fromNow } from '../words.js';

const COLUMNS: readonly Column<Replica>[] = [
  { title: 'REPLICA', text: ({ replica }) => replica },
  { title: 'APPLICATION', text: ({ application }) => application },
  { title: 'VERSION', text: ({ version }) => version },
  { title: 'STARTED', text: ({ started }) => fromNow(started) },
  {
    title: 'CLOCK',
    text: ({ ahead }) => (ahead === undefined ? undefined : `${ahead > 0 ? '+' : ''}${ahead} ms`),
    isNumber: true,
  },
  { title: 'JOBS', text: ({ jobs }) => String(jobs.length), isNumber: true },
];

export const replicas: Command = {
  usage: '',
  summary: 'the replicas that run now, and how far their clocks are ahead of that of the store',
  words: { least: 0, most: 0 },
  async run({ locks, output }) {
    const all = (await locks.jobs.replicas()).toSorted((a, b) => (a.replica < b.replica ? -1 : 1));
    output.table(COLUMNS, all, 'No replica has made itself known.');
    return EXIT.done;
  },
};
