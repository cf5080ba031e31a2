/** How the command line ends. */
export const EXIT = {
  /** Done. */
  done: 0,
  /** The store refused it, or there is no such lock or job. */
  refused: 1,
  /** The command is not understood. */
  usage: 2,
  /** The store does not answer. */
  unreachable: 3,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];
