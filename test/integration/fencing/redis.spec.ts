import type { Redis } from 'ioredis';
import type { Lease } from '../../../lib/index.js';
import { LOSSES, Replicas } from './support/overtaken.js';
import { recipeModule } from './support/recipes.js';

type Write = (redis: Redis, lease: Lease, key: string, value: string) => Promise<void>;

const OVERTAKEN = /newer holder/;

let replicas: Replicas;
let write: Write;
let key: string;

beforeAll(async () => {
  replicas = await Replicas.start();
  key = `${replicas.prefix}:value`;
  ({ write } = await recipeModule<{ write: Write }>('redis-write'));
});
beforeEach(() => replicas.redis.del(key));
afterEach(() => replicas.release());
afterAll(() => replicas.close());

describe.each(LOSSES)('a holder that does not know that %s', (loss) => {
  it('cannot overwrite what the new holder wrote to Redis', async () => {
    const { stale, current } = await replicas.overtaken(loss);
    await write(replicas.redis, current, key, 'new');
    await expect(write(replicas.redis, stale, key, 'old')).rejects.toThrow(OVERTAKEN);
    expect(await replicas.redis.hgetall(key)).toEqual({
      value: 'new',
      token: String(current.fencingToken),
    });
  });

  it('does not keep the new holder from writing to Redis, again and again', async () => {
    const { stale, current } = await replicas.overtaken(loss);
    await write(replicas.redis, stale, key, 'old, in time');
    for (const value of ['new', 'newer', '']) {
      await write(replicas.redis, current, key, value);
      await expect(write(replicas.redis, stale, key, 'old')).rejects.toThrow(OVERTAKEN);
      expect(await replicas.redis.hgetall(key)).toEqual({
        value,
        token: String(current.fencingToken),
      });
    }
  });
});

it('takes the writes of one lease after the other', async () => {
  const { current } = await replicas.overtaken('its key was deleted');
  await write(replicas.redis, current, key, 'new');
  const next = await replicas.successorOf(current);
  await write(replicas.redis, next, key, 'next');
  await expect(write(replicas.redis, current, key, 'new')).rejects.toThrow(OVERTAKEN);
  expect(await replicas.redis.hget(key, 'value')).toBe('next');
});
