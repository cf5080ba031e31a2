export { etcdStore } from './etcd-store.js';
export type { EtcdStoreOptions, EtcdTlsOptions } from './etcd-options.js';
