import { ReplicaProcess } from './replica-process.js';
import { freesAtOnce, sharedStores, shortestTtlOf, type SharedStore } from './stores.js';
import type { ServerStore } from './tested-stores.mjs';

/** The store of the test that runs, new for each. */
export interface StoreOfTest {
  /** `Redis` or `the local store`. */
  readonly name: string;
  readonly options: SharedStore['options'];
  /** Whether it frees the lock of a process that has died without waiting for the TTL. */
  readonly freesAtOnce: boolean;
  /** The shortest TTL that it takes, in milliseconds. */
  readonly shortestTtl: number;
}

interface SharedStoreOptions {
  readonly skip?: boolean;
  /** The TTL of the tests: they do not run on stores that need a longer one. */
  readonly ttl?: number;
  /** Stores on which `npm test` runs them too; `npm run test:stores` runs them on any. */
  readonly alsoInTheGate?: readonly ServerStore[];
}

/**
 * Tests of several processes, run once on each store that processes can share; `%s` in the title is its name.
 * After each test its processes are killed and its store is removed.
 */
export function describeOnSharedStores(
  title: string,
  declare: (store: StoreOfTest) => void,
  { skip = false, ttl = Infinity, alsoInTheGate }: SharedStoreOptions = {},
): void {
  for (const [name, makeStore] of sharedStores(alsoInTheGate)) {
    const shortestTtl = shortestTtlOf(name);
    const isLeftOut = skip || ttl < shortestTtl;
    (isLeftOut ? describe.skip : describe)(title.replace('%s', name), () => {
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
        freesAtOnce: freesAtOnce(name),
        shortestTtl,
        get options() {
          return store.options;
        },
      });
    });
  }
}
