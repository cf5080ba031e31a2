import { etcdUrl, startEtcdServer } from './etcd-server.js';

/** The one server that all test files share; each keeps to a prefix of its own. */
export interface SharedEtcd {
  readonly url: string;
  stop(): Promise<void>;
}

/** The one that ETCD_URL names, else one of this machine. */
export async function startSharedEtcd(): Promise<SharedEtcd> {
  const told = process.env.ETCD_URL;
  if (told) return { url: told, stop: async () => undefined };
  const server = await startEtcdServer();
  return { url: etcdUrl(server), stop: () => server.close() };
}

export function testEtcdUrl(): string {
  const url = process.env.TEST_ETCD_URL;
  if (!url) throw new Error('No etcd is shared: run npm run test:stores -- etcd.');
  return url;
}
