/**
 * Milliseconds after which a test gives up on what should have happened: it hangs. This is no measure of speed, so that the
 * tests pass on a busy machine, too. A lease that must not be over meanwhile has a TTL of twice this.
 */
export const HANG = 60_000;
