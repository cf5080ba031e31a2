import type { Command } from '../command.js';
import { doctor } from './doctor.js';
import { jobs, pause, resume, runs } from './jobs.js';
import { get, ls, release } from './locks.js';
import { replicas } from './replicas.js';
import { watch } from './watch.js';

/** All commands, in the order of the help. */
export const COMMANDS = {
  ls,
  get,
  release,
  jobs,
  runs,
  pause,
  resume,
  replicas,
  watch,
  doctor,
} satisfies Record<string, Command>;
