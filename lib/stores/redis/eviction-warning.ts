import type { Redis } from 'ioredis';
import type { LockLogger } from '../../common/logger.js';
import { messages } from '../../common/messages.js';
import type { OpenedClient, RedisClient } from './open-redis-client.js';

/** Warns, once and when connected for the first time, if Redis may remove a lock that is held to make room. */
export function warnOfEviction({ client, label }: OpenedClient, logger: LockLogger): void {
  // A user who forgoes the ready check may have a server that does not know INFO.
  if (!client.options.enableReadyCheck) return;
  client.once('ready', () => {
    void evictionPolicyOf(client).then((policy) => policy && logger.warn(messages.mayEvict(label, policy)));
  });
}

/** Never rejects: a policy that is not told is nothing to warn of. */
async function evictionPolicyOf(client: RedisClient): Promise<string | undefined> {
  const servers: Redis[] = 'nodes' in client ? client.nodes('master') : [client];
  const infos = await Promise.allSettled(servers.map((server) => server.info('memory')));
  const policies = infos.map((info) => (info.status === 'fulfilled' ? policyIn(info.value) : undefined));
  return policies.find((policy) => policy !== undefined);
}

/** Undefined if nothing is ever removed. */
function policyIn(info: string): string | undefined {
  const isLimited = /^maxmemory:[1-9]/m.test(info);
  const policy = /^maxmemory_policy:(.*?)\r?$/m.exec(info)?.[1];
  return isLimited && policy !== 'noeviction' ? policy : undefined;
}
