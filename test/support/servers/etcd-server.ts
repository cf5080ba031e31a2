import { join } from 'node:path';
import { aptInstall } from '../apt.js';
import { freePort } from '../free-port.js';
import { onPath } from '../on-path.js';
import { ServerProcess } from './server-process.js';

const HOW_TO_GET_ONE =
  'These tests need etcd 3.4 or later on the PATH: apt-get install etcd-server, or brew install etcd.';

/** Starts a cluster of one member, without TLS and authentication. */
export async function startEtcdServer(): Promise<ServerProcess> {
  const etcd = await findEtcd();
  // Nobody connects to it. Another program may have it by then: etcd ends at once then, and the test says so.
  const peers = `http://127.0.0.1:${await freePort()}`;
  return ServerProcess.start({
    name: 'etcd',
    command: ({ port, folder }) => [
      etcd,
      `--data-dir=${join(folder, 'data')}`,
      `--listen-client-urls=${etcdUrl({ port })}`,
      `--advertise-client-urls=${etcdUrl({ port })}`,
      `--listen-peer-urls=${peers}`,
      `--initial-advertise-peer-urls=${peers}`,
      `--initial-cluster=default=${peers}`,
      '--log-level=error',
    ],
    answers: async (port) => (await ask(port, 'kv/range', { key: 'YQ==' }))?.ok === true,
  });
}

export function etcdUrl({ port }: { readonly port: number }): string {
  return `http://127.0.0.1:${port}`;
}

/** Calls a method of the gateway, as an operator does. */
export async function callEtcd<R>(
  server: { readonly port: number },
  method: string,
  body: object,
): Promise<R> {
  const response = await ask(server.port, method, body);
  if (!response?.ok) throw new Error(`${method} was not carried out: ${await response?.text()}`);
  return (await response.json()) as R;
}

async function ask(port: number, method: string, body: object): Promise<Response | undefined> {
  try {
    const url = `${etcdUrl({ port })}/v3/${method}`;
    return await fetch(url, {
      method: 'POST',
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(5000),
    });
  } catch {
    return undefined;
  }
}

/** The path of etcd. Installs Debian's where that can be done unasked. */
async function findEtcd(): Promise<string> {
  const found = onPath('etcd') ?? ((await aptInstall('etcd-server')) ? onPath('etcd') : undefined);
  if (!found) throw new Error(HOW_TO_GET_ONE);
  return found;
}
