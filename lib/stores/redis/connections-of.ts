import type { Cluster, Redis } from 'ioredis';

/** The connections that a client has at present: one, or those to the nodes of the cluster. */
export function connectionsOf(client: Redis | Cluster): Redis[] {
  return 'nodes' in client ? client.nodes('all') : [client];
}
