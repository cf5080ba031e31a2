import { aptInstall } from '../apt.js';
import { onPath } from '../on-path.js';

const NAMES = ['redis-server', 'valkey-server'];

const HOW_TO_GET_ONE = `These tests need a Redis. Any one of these will do:
  - a running Docker engine (image: REDIS_IMAGE, default redis:8); enough for most tests, but some start servers of their own
  - REDIS_SERVER=/path/of/keydb-server, or of any other server that speaks like Redis
  - redis-server or valkey-server on the PATH, e.g. apt-get install redis-server, brew install redis
  - REDIS_URL=redis://host:port of a server that the tests may use (they touch keys of their own only)`;

/** The path of the server that REDIS_SERVER names, or of redis-server or valkey-server. Installs Debian's where that can be done unasked. */
export async function findRedisBinary(): Promise<string> {
  const binary = process.env.REDIS_SERVER ?? redisBinaryOnPath() ?? (await installedRedis());
  if (!binary) throw new Error(HOW_TO_GET_ONE);
  return binary;
}

export function redisBinaryOnPath(): string | undefined {
  return NAMES.map(onPath).find((path) => path !== undefined);
}

async function installedRedis(): Promise<string | undefined> {
  try {
    return (await aptInstall('redis-server')) ? redisBinaryOnPath() : undefined;
  } catch (cause) {
    throw new Error(`apt-get could not install redis-server.\n${HOW_TO_GET_ONE}`, { cause });
  }
}
