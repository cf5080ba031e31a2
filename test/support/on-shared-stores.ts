import { ReplicaProcess } from './replica-process.js';
import { SHARED_STORES, type SharedStore } from './stores.js';

/** The store of the test that runs, new for each. */
export interface StoreOfTest {
  /** `Redis` or `the local store`. */
  readonly name: string;
  readonly options: SharedStore['options'];
}

/**
 * Tests of several processes, run once on each store that processes can share; `%s` in the title is its name.
 * After each test its processes are killed and its store is removed.
 */
export function describeOnSharedStores(
  title: string,
  declare: (store: StoreOfTest) => void,
  { skip = false } = {},
): void {
  (skip ? describe.skip : describe).each(SHARED_STORES)(title, (name, makeStore) => {
    let store: SharedStore;

    beforeEach(() => {
      store = makeStore();
    });

    afterEach(async () => {
      await ReplicaProcess.killAll();
      await store.remove();
    });

    declare({
      name,
      get options() {
        return store.options;
      },
    });
  });
}
