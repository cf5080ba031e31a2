import type { Redis } from 'ioredis';
import type { LockLogger } from '../../common/logger.js';
import { messages } from '../../common/messages.js';
import type { OpenedClient, RedisClient } from './open-redis-client.js';

/** Warns once, after the first connect, if Redis may evict a lock that is held. */
export function warnOfEviction({ client, label }: OpenedClient, logger: LockLogger): void {
  // Users turn the ready check off for servers that do not support INFO.
  if (!client.options.enableReadyCheck) return;
  client.once('ready', () => {
    void evictionPolicyOf(client).then((policy) => policy && logger.warn(messages.mayEvict(label, policy)));
  });
}

/** Never rejects: there is nothing to warn about if the server does not tell its policy. */
async function evictionPolicyOf(client: RedisClient): Promise<string | undefined> {
  const servers: Redis[] = 'nodes' in client ? client.nodes('master') : [client];
  const infos = await Promise.allSettled(servers.map((server) => server.info('memory')));
  const policies = infos.map((info) => (info.status === 'fulfilled' ? policyIn(info.value) : undefined));
  return policies.find((policy) => policy !== undefined);
}

/** Undefined if the server never evicts keys. */
function policyIn(info: string): string | undefined {
  const isLimited = /^maxmemory:[1-9]/m.test(info);
  const policy = /^maxmemory_policy:(.*?)\r?$/m.exec(info)?.[1];
  return isLimited && policy !== 'noeviction' ? policy : undefined;
}
