/** A store on a server. */
export type ServerStore = 'redis' | 'postgres' | 'mysql' | 'mariadb' | 'etcd' | 'zookeeper';

/** The stores for which tests run now. */
export const TESTED_STORES: readonly ServerStore[];

/** Whether they were chosen. Then tests run on these alone, and not on the embedded stores. */
export const IS_CHOICE: boolean;
