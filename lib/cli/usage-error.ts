/** The command line is not understood. The message says what to write instead. */
export class UsageError extends Error {}
