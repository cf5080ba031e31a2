/** Milliseconds for which every package takes its locks. */
export const TTL = 10_000;
/** The same for a lock that is to stay held while others try. */
export const LONG_TTL = 600_000;
