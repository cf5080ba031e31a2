import { LockConfigurationError } from '../common/errors.js';
import type { LockLogger } from '../common/logger.js';
import { messages } from '../common/messages.js';
import type { OutageLog } from '../common/outage-log.js';
import { LocalLockStore } from './local/local-lock-store.js';
import type { LockStore } from './lock-store.js';
import { MemoryLockStore } from './memory/memory-lock-store.js';
import type { RedisConnectionOptions } from './redis/redis-connection-options.js';
import { RedisLockStore } from './redis/redis-lock-store.js';

/** What the user said about the store; not checked yet. */
export interface StoreChoice {
  readonly store?: 'redis' | 'local' | 'memory' | LockStore;
  readonly redis?: RedisConnectionOptions;
  readonly folder?: string;
}

interface StoreContext {
  readonly prefix: string;
  readonly logger: LockLogger;
  readonly outages: OutageLog;
  readonly env: NodeJS.ProcessEnv;
}

/** The methods a store must have to be taken for one. */
const STORE_METHODS = ['acquire', 'renew', 'release', 'inspect', 'close'] as const;

/**
 * Opens the store that the options, or else the environment, say.
 *
 * @throws LockConfigurationError
 */
export async function openStore(choice: StoreChoice, context: StoreContext): Promise<LockStore> {
  const { redis, store, folder } = choice;
  const { prefix, env } = context;
  if (folder !== undefined && store !== 'local') {
    throw new LockConfigurationError(messages.contradiction('folder', `It belongs to store: 'local'.`));
  }
  if (folder !== undefined && (typeof folder !== 'string' || folder === '')) {
    throw new LockConfigurationError(messages.wrongType('folder', 'the path of a folder', folder));
  }
  if (redis !== undefined) {
    if (store !== undefined && store !== 'redis') {
      throw new LockConfigurationError(messages.contradiction('redis and store', 'Leave one of them out.'));
    }
    return openRedis('redis', redis, context);
  }
  if (store === 'memory') return new MemoryLockStore();
  if (store === 'local') return LocalLockStore.open({ folder, prefix });
  if (typeof store === 'object' && store !== null) return checkStore(store);
  if (store !== undefined && store !== 'redis') {
    throw new LockConfigurationError(
      messages.wrongType('store', `'redis', 'local', 'memory' or a LockStore`, store),
    );
  }
  if (env['REDIS_URL']) return openRedis('REDIS_URL', env['REDIS_URL'], context);
  if (store === 'redis') throw new LockConfigurationError(messages.redisNowhere());
  if (env['NODE_ENV'] === 'production') throw new LockConfigurationError(messages.noStoreInProduction());
  const local = await LocalLockStore.open({ folder, prefix });
  context.logger.warn(messages.localStoreByDefault(local.description));
  return local;
}

function openRedis(
  option: string,
  connection: RedisConnectionOptions,
  { prefix, outages }: StoreContext,
): Promise<LockStore> {
  if (typeof connection === 'string') checkRedisUrl(option, connection);
  else if (typeof connection !== 'object' || connection === null || Array.isArray(connection)) {
    throw new LockConfigurationError(
      messages.wrongType(option, 'a URL, ioredis options or an ioredis client', connection),
    );
  }
  return RedisLockStore.open({ connection, prefix, outages });
}

/** The URL itself is not repeated in the error: it may hold a password. */
function checkRedisUrl(option: string, text: string): void {
  if (text.startsWith('/')) return;
  if (!/^[a-z][a-z0-9+.-]*:\/\//i.test(text)) {
    throw new LockConfigurationError(
      messages.badRedisUrl(option, 'it does not begin with redis:// or rediss://'),
    );
  }
  if (!URL.canParse(text))
    throw new LockConfigurationError(messages.badRedisUrl(option, 'it cannot be parsed'));
  const { protocol, pathname, search, hash } = new URL(text);
  if (protocol !== 'redis:' && protocol !== 'rediss:') {
    throw new LockConfigurationError(messages.badRedisUrl(option, `its protocol is ${protocol}//`));
  }
  if (`${pathname}${search}${hash}`.includes('@')) {
    throw new LockConfigurationError(
      messages.badRedisUrl(option, 'a /, ? or # in its user name or password must be percent-encoded'),
    );
  }
  if (!/^(\/\d*)?$/.test(pathname)) {
    throw new LockConfigurationError(
      messages.badRedisUrl(option, `its database "${pathname.slice(1)}" is not a number`),
    );
  }
}

function checkStore(store: LockStore): LockStore {
  const missing = STORE_METHODS.filter((method) => typeof store[method] !== 'function');
  if (missing.length === 0) return store;
  throw new LockConfigurationError(messages.notAStore(missing));
}
