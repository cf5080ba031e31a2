export { LockTestKit, type HeldElsewhere, type HoldElsewhereOptions } from './lock-test-kit.js';
export type { ManualClock } from './manual-clock.js';
export { withoutLocks } from './without-locks.js';
