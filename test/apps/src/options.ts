import type { ExclusiveLockModuleOptions } from 'nestjs-exclusive-lock';
import { etcdStore } from 'nestjs-exclusive-lock/etcd';
import { mysqlStore } from 'nestjs-exclusive-lock/mysql';
import { postgresStore } from 'nestjs-exclusive-lock/postgres';

/** What makes a store of its options. They come as `{ store: { etcd: { … } } }`, since a store is no JSON. */
const STORES: Readonly<Record<string, (options: never) => ExclusiveLockModuleOptions['store']>> = {
  etcd: etcdStore,
  mysql: mysqlStore,
  postgres: postgresStore,
};

/** The options of forRoot in the variable OPTIONS. */
export function optionsOfTest(): ExclusiveLockModuleOptions {
  const options = JSON.parse(process.env['OPTIONS'] ?? '{}') as { store?: unknown };
  const { store } = options;
  if (typeof store !== 'object' || store === null) return options as ExclusiveLockModuleOptions;
  const [[name, ofStore]] = Object.entries(store) as [[string, never]];
  return { ...options, store: STORES[name](ofStore) } as ExclusiveLockModuleOptions;
}
