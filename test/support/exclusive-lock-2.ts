import type { Redis } from 'ioredis';

/**
 * A lock of a replica that still uses `exclusive-lock` 2.0.0: the Redis commands that it sends for each of its calls.
 * `key` is what it makes of key_prefix and name.
 */
export class ExclusiveLock2 {
  readonly #redis: Redis;
  readonly #key: string;
  readonly #ttl: number;

  constructor(redis: Redis, key: string, ttl = 3000) {
    this.#redis = redis;
    this.#key = key;
    this.#ttl = ttl;
  }

  async acquire(contents = '1'): Promise<boolean> {
    return (await this.#redis.set(this.#key, contents, 'PX', this.#ttl, 'NX')) === 'OK';
  }

  /** Its answer is not looked at: the key may be gone, or somebody else's. */
  async refresh(): Promise<void> {
    await this.#redis.pexpire(this.#key, this.#ttl);
  }

  async inspect(): Promise<{ lock_contents: string; lock_ttl_ms: number } | null> {
    const replies = await this.#redis.multi().get(this.#key).pttl(this.#key).exec();
    const [contents, ttl] = (replies ?? []).map(([, reply]) => reply) as [string | null, number];
    return contents === null ? null : { lock_contents: contents, lock_ttl_ms: ttl };
  }

  /** Whoever has the key. */
  async release(): Promise<void> {
    await this.#redis.del(this.#key);
  }
}
