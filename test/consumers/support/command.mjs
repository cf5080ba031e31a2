import { spawn } from 'node:child_process';
import { once } from 'node:events';

const running = new Set();
// However this process ends, what it started ends too.
process.on('exit', () => running.forEach(killGroup));

/** A command that failed; `output` is all that it wrote. */
export class CommandError extends Error {
  constructor(message, output) {
    super(message);
    this.output = output;
  }
}

/**
 * Runs a command to its end.
 *
 * @returns everything it wrote
 * @throws CommandError when it ends with another code than 0, or not within `limit` milliseconds
 */
export async function run(command, args, { cwd, env = process.env, limit }) {
  // A group of its own, so that a command that hangs is killed together with its children.
  const child = spawn(command, args, { cwd, env, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
  running.add(child);
  let output = '';
  child.stdout.on('data', (chunk) => (output += chunk));
  child.stderr.on('data', (chunk) => (output += chunk));
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    killGroup(child);
  }, limit);
  try {
    const [code, signal] = await once(child, 'close');
    const line = [command, ...args].join(' ');
    if (late) throw new CommandError(`${line}: did not end within ${limit / 1000} s`, output);
    if (code !== 0) throw new CommandError(`${line}: ended with ${signal ?? `code ${code}`}`, output);
    return output;
  } finally {
    clearTimeout(timer);
    running.delete(child);
  }
}

function killGroup({ pid }) {
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // It has ended already, or never begun.
  }
}
