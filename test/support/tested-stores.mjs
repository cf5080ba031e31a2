/** The stores on servers. */
export const SERVER_STORES = ['redis', 'postgres', 'mysql', 'mariadb', 'etcd', 'zookeeper'];

/** What `npm test` has servers for. */
const IN_THE_GATE = ['redis', 'postgres', 'mariadb'];

/** Chosen with `npm run test:stores -- …`. */
const chosen = process.env.TEST_STORES?.split(' ');

/** The stores for which tests run now. */
export const TESTED_STORES = chosen ?? IN_THE_GATE;

/** Whether they were chosen. Then tests run on these alone, and not on the embedded stores. */
export const IS_CHOICE = chosen !== undefined;

/** Spec files and folders of one store are called after it; MariaDB shares those of MySQL. */
export const specsOf = (store) =>
  `/test/(integration|e2e|faults)/(.*/)?${store === 'mariadb' ? 'mysql' : store}[/.]`;

/** Of the stores that are not tested now. */
export const SPECS_LEFT_OUT = SERVER_STORES.map(specsOf).filter(
  (specs) => !TESTED_STORES.map(specsOf).includes(specs),
);
