import { Injectable } from '@nestjs/common';
import { Cron, ScheduleModule, SchedulerRegistry } from '@nestjs/schedule';
import { Exclusive, ExclusiveLockService } from 'nestjs-exclusive-lock';
import { MemoryLockStore } from '../../../lib/stores/memory/memory-lock-store.js';
import { eventually } from '../../support/eventually.js';
import { fire, jobOf } from './support/fired-jobs.js';
import { closeApps, startApp } from './support/nest-apps.js';

afterEach(closeApps);

it('a scheduler whose classes a minifier has renamed is found', async () => {
  const ticks: unknown[] = [];
  @Injectable()
  class Jobs {
    @Cron('0 0 0 1 1 *')
    @Exclusive('job')
    async run(): Promise<void> {
      ticks.push(ExclusiveLockService.current()?.tick);
    }
  }
  const { name } = SchedulerRegistry;
  Object.defineProperty(SchedulerRegistry, 'name', { value: 't' });
  try {
    const store = new MemoryLockStore();
    for (let i = 0; i < 2; i++) {
      const imports = [ScheduleModule.forRoot()];
      const { module, log } = await startApp({ locks: { store }, imports, providers: [Jobs] });
      fire(jobOf(module));
      await eventually(() => (i === 0 ? ticks.length === 1 : log.ours('debug').length === 1));
    }
    expect(ticks).toEqual([expect.any(Date)]);
  } finally {
    Object.defineProperty(SchedulerRegistry, 'name', { value: name });
  }
});
