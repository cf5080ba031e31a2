import type { SharedRedis } from './shared-redis.js';

const REDIS_PORT = 6379;

/** A Redis in a container of the image REDIS_IMAGE. Rejects if the image cannot be had. */
export async function startRedisContainer(): Promise<SharedRedis> {
  // Imported late: it takes a second, and most machines without an engine need not wait for it.
  const { GenericContainer, Wait } = await import('testcontainers');
  const image = process.env.REDIS_IMAGE ?? 'redis:8';
  const container = await new GenericContainer(image)
    .withCommand(['redis-server', '--protected-mode', 'no', '--save', '', '--appendonly', 'no'])
    .withExposedPorts(REDIS_PORT)
    .withWaitStrategy(Wait.forLogMessage(/Ready to accept connections/))
    .start();
  return {
    url: `redis://${container.getHost()}:${container.getMappedPort(REDIS_PORT)}`,
    stop: async () => {
      await container.stop();
    },
  };
}
