/** Whether etcd is among the stores that are tested: `npm run test:stores -- etcd`. */
const isTested = process.env.TEST_STORES?.split(' ').includes('etcd') ?? false;

/** Tests that need etcd, which is not in `npm test`. */
export const describeOnEtcd: typeof describe.skip = isTested ? describe : describe.skip;
