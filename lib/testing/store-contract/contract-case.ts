import { Subject, type StoresUnderTest } from './subject.js';

/**
 * What some cases need and not every store or test has:
 * - `queue`, `runs`, `admin`: the capabilities of that name
 * - `otherPrefix`, `advance`, `setClockBack`, `holdReplies`: the members of `StoresUnderTest` of that name
 * - `ownClock`: the store's clock is another than `Date` of the process that runs the test
 */
export type StoreContractNeed =
  'queue' | 'runs' | 'admin' | 'otherPrefix' | 'advance' | 'setClockBack' | 'holdReplies' | 'ownClock';

/** One promise of the contract. */
export interface PromiseOfStores {
  readonly name: string;
  readonly needs: readonly StoreContractNeed[];
  readonly check: (on: Subject) => Promise<void>;
}

/** Adds a promise to a group. */
export type Define = (
  name: string,
  check: (on: Subject) => Promise<void>,
  ...needs: StoreContractNeed[]
) => void;

/** The promises about one subject, each named after it. `allNeed`: what each of them needs. */
export function promisesOf(
  subject: string,
  define: (it: Define) => void,
  ...allNeed: StoreContractNeed[]
): readonly PromiseOfStores[] {
  const promises: PromiseOfStores[] = [];
  define((name, check, ...needs) =>
    promises.push({ name: `${subject} ${name}`, check, needs: [...allNeed, ...needs] }));
  return promises;
}

/** Opens stores, checks the promise on them, and closes them. */
export async function checkOn(
  open: () => Promise<StoresUnderTest>,
  check: (on: Subject, stores: StoresUnderTest) => Promise<void>,
): Promise<void> {
  const stores = await open();
  try {
    await check(new Subject(stores), stores);
  } finally {
    await stores.close();
  }
}
