import { join } from 'node:path';
import type { ExclusiveLockModuleOptions } from '../../lib/index.js';
import { ReplicaProcess, type ReplicaOptions } from './replica-process.js';

const DIST = join(import.meta.dirname, '../apps/dist');

/** Starts a process of one of the applications in test/apps, on the built package. */
export function startApp(
  app: string,
  options: ExclusiveLockModuleOptions,
  env: Record<string, string> = {},
  { execArgv }: Pick<ReplicaOptions, 'execArgv'> = {},
): ReplicaProcess {
  const all = { OPTIONS: JSON.stringify(options), ...env };
  return ReplicaProcess.start(join(DIST, `${app}.js`), { env: all, execArgv });
}

/** The log lines of a process at these levels. */
export function logLines(replica: ReplicaProcess, ...levels: string[]): string[] {
  return replica.events
    .filter(({ event, level }) => event === 'log' && levels.includes(String(level)))
    .map(({ message }) => String(message));
}
