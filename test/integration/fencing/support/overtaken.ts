import { Test, type TestingModule } from '@nestjs/testing';
import { Redis } from 'ioredis';
import {
  ExclusiveLockModule,
  ExclusiveLockService,
  type Lease,
  type LeaseOptions,
} from '../../../../lib/index.js';
import { removeKeys, testRedisUrl, uniquePrefix } from '../../../support/redis/test-redis.js';

export type Loss = (typeof LOSSES)[number];
/** How a holder loses its lock without a chance to know it before it writes. */
export const LOSSES = ['its key was deleted', 'it was paused for longer than its lease'] as const;

/** The lease that is waited out: short, but long enough to be granted on a busy machine. */
const PAUSED = { ttl: 500, pause: 600 };

/** Two replicas and one lock, on the Redis that all test files share. */
export class Replicas {
  static async start(): Promise<Replicas> {
    const prefix = uniquePrefix();
    return new Replicas(prefix, await startReplica(prefix), await startReplica(prefix));
  }

  readonly prefix: string;
  readonly redis = new Redis(testRedisUrl());
  readonly #one: TestingModule;
  readonly #two: TestingModule;
  readonly #leases: Lease[] = [];
  #count = 0;

  private constructor(prefix: string, one: TestingModule, two: TestingModule) {
    this.prefix = prefix;
    this.#one = one;
    this.#two = two;
  }

  /** A lease of one replica that has been overtaken by one of the other. */
  async overtaken(loss: Loss): Promise<{ stale: Lease; current: Lease }> {
    const name = `report-${++this.#count}`;
    const stale = await this.#overtakable(loss, name);
    return { stale, current: await this.#acquire(this.#two, name) };
  }

  /** The next lease, after the present holder has given the lock back. */
  async successorOf(lease: Lease): Promise<Lease> {
    await lease.release();
    return this.#acquire(this.#one, lease.name);
  }

  /** For `afterEach`: so that no renewal of one test is under way when the next one pauses. */
  async release(): Promise<void> {
    await Promise.all(this.#leases.splice(0).map((lease) => lease.release()));
  }

  async close(): Promise<void> {
    await Promise.all([this.#one.close(), this.#two.close()]);
    await removeKeys(this.redis, this.prefix);
    this.redis.disconnect();
  }

  async #overtakable(loss: Loss, name: string): Promise<Lease> {
    switch (loss) {
      case 'its key was deleted': {
        const lease = await this.#acquire(this.#one, name);
        await this.redis.del(`${this.prefix}:${name}`);
        return lease;
      }
      case 'it was paused for longer than its lease': {
        const lease = await this.#acquire(this.#one, name, { ttl: PAUSED.ttl });
        pause(PAUSED.pause);
        return lease;
      }
    }
  }

  async #acquire(replica: TestingModule, name: string, options: LeaseOptions = {}): Promise<Lease> {
    const lease = await replica.get(ExclusiveLockService).acquire(name, options);
    if (!lease) throw new Error(`${name} is held`);
    this.#leases.push(lease);
    return lease;
  }
}

function startReplica(prefix: string): Promise<TestingModule> {
  const locks = ExclusiveLockModule.forRoot({ redis: testRedisUrl(), prefix });
  return Test.createTestingModule({ imports: [locks] }).compile();
}

/** Stops this process: no timer fires, no renewal is sent, while the time of Redis goes on. */
function pause(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}
