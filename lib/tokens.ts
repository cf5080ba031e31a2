/**
 * Injection tokens are strings: two copies of the package may meet in one process, and Nest prints them when
 * something is missing.
 */
export const LOCK_MANAGER = 'EXCLUSIVE_LOCK_MANAGER';
export const LOCK_OUTAGES = 'EXCLUSIVE_LOCK_OUTAGES';
export const LOCK_SETTINGS = 'EXCLUSIVE_LOCK_SETTINGS';
export const LOCAL_JOBS = 'EXCLUSIVE_LOCK_LOCAL_JOBS';
export const EXCLUSIVE_RUNNER = 'EXCLUSIVE_LOCK_RUNNER';
