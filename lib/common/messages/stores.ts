import { reason, seconds } from './wording.js';

/** About the lock store and its connection. */
export const storeMessages = {
  // Causes, which become parts of the sentences below
  noReply: (ms: number) => `no reply within ${Math.round(ms)} ms`,
  notAnsweredYet: () => 'the store has not answered yet',
  notInTime: () => 'there was not enough time: other processes wrote first, or the disk is slow',
  writeUnknown: () =>
    'other processes wrote while this one stood still, so it is unknown whether its own write came first',
  connectionNotReady: (ms: number) => `the connection was not ready within ${ms} ms`,
  connectionClosed: () => 'the server closed the connection',
  noPrimary: (name: string) =>
    `the server that the sentinels name as primary of ${name} is not a primary, or it closed the connection`,
  unknownToSentinels: (name: string) => `the sentinels know no primary named ${name}`,
  overtaken: () => 'there was not enough time: others kept writing or locking the row',
  storeClosed: () => 'the store is closed',
  basicStoreSlow: () => 'it did not answer in time',
  basicStoreCannotInspect: () =>
    'it cannot say who holds a lock. Give basicStore() the option inspect, if the store can tell who has a key',

  storeUnavailable: (description: string, cause: unknown) =>
    `The lock store (${description}) is unavailable: ${reason(cause)}. Locks cannot be acquired until it is back.`,
  storeBack: (description: string, ms: number) =>
    `The lock store (${description}) is back after ${seconds(ms)}.`,
  storeThrew: (description: string, cause: unknown) =>
    `The lock store (${description}) failed: ${reason(cause)}.`,
  storeCannot: (description: string, method: string) =>
    `The ${description} lacks the method ${method}, which is optional in a LockStore. Add it to the store.`,
  keepsNoRuns: (description: string, what: string) =>
    `${what} needs a store that records runs, but the ${description} lacks the capability runs. Add it to the ` +
    `store, or do without ${what}.`,
  memoryInProduction: () =>
    "Locks live in the memory of this process (store: 'memory') and do not exclude other processes. Set redis or REDIS_URL.",
  locksOff: () =>
    'Locks are off (enabled: false): they live in the memory of this process and do not exclude other processes.',
  outOfStep: (ahead: number, now: number, store: number) =>
    `The clock of this replica is ${seconds(Math.abs(ahead))} ${ahead > 0 ? 'ahead of' : 'behind'} the store's: ` +
    `it says ${new Date(now).toISOString()}, and the store's clock says ${new Date(store).toISOString()}. ` +
    "Ticks follow the store's clock. Set the clock that is wrong.",

  redisFailed: (label: string, cause: unknown) =>
    `Redis at ${label} did not carry out the command: ${reason(cause)}.`,
  queueRefused: (refusal: string) =>
    `Waiters for a lock ask ten times a second and keep no order, because the Redis user lacks a permission that the ` +
    `queue needs (${refusal}). Grant it; the README lists the commands and channels.`,
  noShardedMessages: () =>
    'Waiters for a lock ask ten times a second and keep no order, because this cluster does not know SSUBSCRIBE. Redis 7 ' +
    'and Valkey know it.',
  mayEvict: (label: string, policy: string) =>
    `Redis at ${label} may evict locks that are held when its memory is full (maxmemory-policy ${policy}), and then two ` +
    'replicas would run. Set maxmemory-policy noeviction, or use a separate Redis for locks.',
  etcdFailed: (label: string, cause: unknown) => `${label} did not carry out the call: ${reason(cause)}.`,
  notEtcd: (status: number | undefined) =>
    `the reply (HTTP status ${status}) is not one of etcd's gateway, but perhaps of a proxy in front of it`,
  leaseGone: () =>
    'the lease of this process has expired in etcd, and with it all that this process held there',
  folderRefused: (folder: string, what: string, remedy: string) =>
    `The local store cannot use folder = ${folder}: ${what}; ${remedy}.`,

  unhealthy: (ms: number) => `The lock store has not answered the health check within ${ms} ms.`,
} as const;
