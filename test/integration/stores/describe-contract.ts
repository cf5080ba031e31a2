import {
  storeContract,
  type StoreContractOptions,
  type StoresUnderTest,
} from '../../../lib/testing/index.js';

/** What every store must do, and does. */
export function describeContract(
  store: string,
  open: () => Promise<StoresUnderTest>,
  options?: StoreContractOptions,
): void {
  describe(store, () => {
    for (const { name, skip, run } of storeContract(open, options)) (skip ? it.skip : it)(name, run);
  });
}
