import { Injectable, type OnApplicationBootstrap, type OnModuleInit } from '@nestjs/common';
import { setTimeout as sleep } from 'node:timers/promises';
import { Exclusive, ExclusiveLockService } from 'nestjs-exclusive-lock';
import { MemoryLockStore } from '../../../lib/stores/memory/memory-lock-store.js';
import { closeApps, startApp } from './support/nest-apps.js';

afterEach(closeApps);

let runs: (string | undefined)[] = [];

beforeEach(() => {
  runs = [];
});

@Injectable()
class Seeds implements OnModuleInit, OnApplicationBootstrap {
  @Exclusive('seed')
  async onModuleInit(): Promise<void> {
    runs.push(ExclusiveLockService.current()?.name);
    await sleep(50);
  }

  @Exclusive()
  async onApplicationBootstrap(): Promise<void> {
    runs.push(ExclusiveLockService.current()?.name);
    await sleep(50);
  }
}

describe('start hooks with @Exclusive', () => {
  it('run under their locks before the application has started', async () => {
    const { log } = await startApp({ providers: [Seeds] });
    expect(runs).toEqual(['seed', 'Seeds.onApplicationBootstrap']);
    expect(log.complaints).toEqual([]);
  });

  it('run where a factory made the object', async () => {
    await startApp({ providers: [{ provide: 'SEEDS', useFactory: () => new Seeds() }] });
    expect(runs).toEqual(['seed', 'Seeds.onApplicationBootstrap']);
  });

  it('fail no start of two applications that share a store', async () => {
    const store = new MemoryLockStore();
    const apps = await Promise.all([
      startApp({ locks: { store }, providers: [Seeds] }),
      startApp({ locks: { store }, providers: [Seeds] }),
    ]);
    expect(runs).toContain('seed');
    expect(runs).toContain('Seeds.onApplicationBootstrap');
    for (const { log } of apps) expect(log.complaints).toEqual([]);
  });

  it('fail the start with their own error', async () => {
    @Injectable()
    class Broken implements OnModuleInit {
      @Exclusive()
      async onModuleInit(): Promise<void> {
        throw new Error('no such table');
      }
    }
    await expect(startApp({ providers: [Broken] })).rejects.toThrow('no such table');
  });
});
