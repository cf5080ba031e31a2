export { LockTestKit, type HeldElsewhere, type HoldElsewhereOptions } from './lock-test-kit.js';
export type { ManualClock } from './manual-clock.js';
export type { StoreContractNeed } from './store-contract/contract-case.js';
export {
  storeContract,
  type StoreContractCase,
  type StoreContractOptions,
} from './store-contract/store-contract.js';
export type { StoresUnderTest } from './store-contract/subject.js';
export type { TestReplica } from './test-replica.js';
export { withoutLocks } from './without-locks.js';
