import { refuse } from '../common/check-options.js';
import { LockConfigurationError } from '../common/errors.js';
import { messages } from '../common/messages.js';
import { LocalLockStore } from './local/local-lock-store.js';
import type { LockStore } from './lock-store.js';
import { MemoryLockStore } from './memory/memory-lock-store.js';
import { checkRedis } from './redis/check-redis.js';
import type { RedisConnectionOptions } from './redis/redis-connection-options.js';
import { problemOfRedisUrl } from './redis/redis-url.js';
import { RedisLockStore } from './redis/redis-lock-store.js';
import { isStoreToOpen, type StoreContext, type StoreToOpen } from './store-to-open.js';

/** The user's options about the store, not yet checked. */
export interface StoreChoice {
  readonly store?: 'local' | 'memory' | LockStore | StoreToOpen;
  readonly redis?: RedisConnectionOptions;
  readonly folder?: string;
  /** `false`: only this process sees the locks. */
  readonly enabled?: boolean;
}

const BASIC_METHODS = ['acquire', 'renew', 'release'] as const;
/** The methods by which an object is recognised as a store. */
const STORE_METHODS = [...BASIC_METHODS, 'inspect', 'close'] as const;

/**
 * Opens the store that the options name, or else the environment.
 *
 * @throws LockConfigurationError
 */
export async function openStore(choice: StoreChoice, context: StoreContext): Promise<LockStore> {
  checkChoice(choice);
  const { redis, store, folder, enabled = true } = choice;
  if (!enabled) {
    context.logger.warn(messages.locksOff());
    return new MemoryLockStore();
  }
  if (redis !== undefined) return openRedis('redis', redis, context);
  if (typeof store === 'object') return isStoreToOpen(store) ? store.open(context) : store;
  switch (store) {
    case 'memory':
      if (hasReplicas(context.env)) context.logger.warn(messages.memoryInProduction());
      return new MemoryLockStore();
    case 'local':
      return LocalLockStore.open({ folder, prefix: context.prefix });
    case undefined:
      return openByEnvironment(context);
  }
}

async function openByEnvironment(context: StoreContext): Promise<LockStore> {
  const { env, logger, prefix } = context;
  if (env['REDIS_URL']) return openRedis('REDIS_URL', env['REDIS_URL'], context);
  if (hasReplicas(env)) throw new LockConfigurationError(messages.noStoreInProduction());
  const store = await LocalLockStore.open({ prefix });
  logger.warn(messages.localStoreByDefault(store.description));
  return store;
}

/** Whether the application most likely runs as several replicas on several machines. */
export function hasReplicas(env: NodeJS.ProcessEnv): boolean {
  return env['NODE_ENV'] === 'production' || Boolean(env['KUBERNETES_SERVICE_HOST']);
}

function openRedis(
  option: string,
  connection: RedisConnectionOptions,
  { prefix, outages, logger, replica }: StoreContext,
): Promise<LockStore> {
  const problem = typeof connection === 'string' ? problemOfRedisUrl(connection) : undefined;
  if (problem) throw new LockConfigurationError(messages.badRedisUrl(option, problem));
  return RedisLockStore.open({ connection, prefix, outages, logger, replica });
}

function checkChoice(choice: StoreChoice): void {
  const { redis, store, folder, enabled = true } = choice;
  const missing = enabled ? optionWithoutValue(choice) : undefined;
  if (missing) throw new LockConfigurationError(messages.noValue(missing));
  if (redis !== undefined && store !== undefined) throw new LockConfigurationError(messages.redisAndStore());
  if (folder !== undefined && store !== 'local')
    throw new LockConfigurationError(messages.folderWithoutLocal());
  if (redis !== undefined && typeof redis !== 'string' && !isPlainObject(redis)) {
    refuse('redis', 'a URL, ioredis options, or a client of ioredis or node-redis', redis);
  }
  if (isPlainObject(redis)) checkRedis(redis);
  if (folder !== undefined && (typeof folder !== 'string' || folder === '')) {
    refuse('folder', 'the path of a folder', folder);
  }
  if (isPlainObject(store)) {
    if (isStoreToOpen(store)) return;
    const lacking = STORE_METHODS.filter((method) => typeof store[method] !== 'function');
    const isBasic = BASIC_METHODS.every((method) => !lacking.includes(method));
    if (lacking.length > 0 && isBasic) throw new LockConfigurationError(messages.notALockStoreYet(lacking));
    if (lacking.length > 0) throw new LockConfigurationError(messages.notAStore(lacking));
  } else if (store !== undefined && store !== 'local' && store !== 'memory') {
    refuse('store', "'local', 'memory' or a LockStore", store);
  }
}

/**
 * The option that would decide where locks live but has no value. Most likely an environment variable is missing, and
 * this replica would use a different store from the others.
 */
function optionWithoutValue(choice: StoreChoice): keyof StoreChoice | undefined {
  const { redis, store, folder } = choice;
  if (redis === undefined && store === undefined) {
    const missing = (['redis', 'store'] as const).find((option) => option in choice);
    if (missing) return missing;
  }
  return redis === undefined && folder === undefined && 'folder' in choice ? 'folder' : undefined;
}

function isPlainObject<T>(value: T): value is T & object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
