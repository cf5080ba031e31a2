import { list, seconds } from './wording.js';

/** About the end of an application. */
export const shutdownMessages = {
  shuttingDown: (name: string) => `The lock "${name}" was not requested: the application is shutting down.`,
  destroyedTooEarly: (providers: readonly string[]) =>
    `onModuleDestroy of ${list(providers)} may be called before scheduled work has ended, because its module is at the same ` +
    "end of Nest's shutdown order as ExclusiveLockModule. Close what the work needs in onApplicationShutdown.",
  draining: (names: readonly string[], ms: number) =>
    `The application is shutting down and waits up to ${seconds(ms)} for running work: ${list(names)}.`,
  drainOver: (name: string) =>
    `The application is shutting down, and "${name}" is still running after drainTimeout.`,
  drainTimedOut: (names: readonly string[], ms: number) =>
    `Work is still running after drainTimeout (${ms} ms), and its signals abort now: ${list(names)}.`,
  neverReturned: (names: readonly string[]) =>
    'Work did not return, or a lease was not released, after its signal had aborted. The locks expire by themselves: ' +
    `${list(names)}.`,
} as const;
