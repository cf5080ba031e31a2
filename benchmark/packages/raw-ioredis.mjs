// What everything is compared with: the recipe of the Redis documentation, with ioredis and nothing around it.
import { TTL } from '../support/ttl.mjs';
import { openIoredis } from '../support/redis-clients.mjs';
import { rawLocks } from '../support/raw-locks.mjs';

export { leftOut } from '../support/raw-locks.mjs';
export const title = 'raw ioredis (SET NX PX, owner-checked DEL)';

export async function open(port) {
  const redis = await openIoredis(port);
  return rawLocks(redis, async (key, token) => (await redis.set(key, token, 'PX', TTL, 'NX')) === 'OK');
}
