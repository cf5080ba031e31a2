import { refuse } from '../../common/check-options.js';
import { LockConfigurationError } from '../../common/errors.js';
import { messages } from '../../common/messages.js';
import { isNodeRedisClient, problemOfNodeRedis } from './node-redis-client.js';
import { addressWithoutValue, foreignOption, isRedisClient } from './redis-connection-options.js';

/**
 * Checks what the user gave as `redis`, if it is an object.
 *
 * @throws LockConfigurationError
 */
export function checkRedis(redis: object): void {
  if (isRedisClient(redis)) return;
  if (isNodeRedisClient(redis)) {
    const problem = problemOfNodeRedis(redis);
    if (problem) throw new LockConfigurationError(problem);
    return;
  }
  if ('duplicate' in redis && typeof redis.duplicate === 'function') {
    const right = 'a URL, ioredis options or a client of ioredis or node-redis, not of another package';
    refuse('redis', right, redis);
  }
  const missing = addressWithoutValue(redis);
  if (missing) throw new LockConfigurationError(messages.noAddress(missing));
  const foreign = foreignOption(redis);
  if (foreign) throw new LockConfigurationError(messages.foreignRedisOption(foreign));
  const { cluster } = redis as { cluster?: unknown };
  if (cluster !== undefined && !(Array.isArray(cluster) && cluster.length > 0))
    refuse('redis.cluster', 'some nodes of the cluster, [{ host, port }, …]', cluster);
}
