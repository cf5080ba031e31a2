import { dockerEngineAnswers } from './docker-engine.js';
import { startRedisContainer } from './redis-container.js';
import { RedisServer } from './redis-server.js';

/** The one server that all test files share; each keeps to keys of its own, see `uniquePrefix`. */
export interface SharedRedis {
  readonly url: string;
  stop(): Promise<void>;
}

/** The first that can be had: the one that REDIS_URL or REDIS_SERVER names, a container, a redis-server of this machine. */
export async function startSharedRedis(): Promise<SharedRedis> {
  const told = process.env.REDIS_URL;
  if (told) return { url: told, stop: async () => undefined };
  return (await containerIfAny()) ?? (await ownServer());
}

async function containerIfAny(): Promise<SharedRedis | undefined> {
  if (process.env.REDIS_SERVER || !(await dockerEngineAnswers())) return undefined;
  try {
    return await startRedisContainer();
  } catch (error) {
    const reason = String(error instanceof Error ? error.message : error).split('\n')[0];
    process.stderr.write(`Docker answers but gave no Redis (${reason}); looking for a redis-server here.\n`);
    return undefined;
  }
}

async function ownServer(): Promise<SharedRedis> {
  const server = await RedisServer.start();
  return { url: server.url, stop: () => server.close() };
}
