import { join } from 'node:path';
import { Module, type DynamicModule } from '@nestjs/common';
import { ScheduleModule } from '@nestjs/schedule';
import { ExclusiveLockModule, type ExclusiveLockModuleOptions } from 'nestjs-exclusive-lock';
import { Jobs, Replica } from './jobs.js';

const { CONSUMER_STORE = 'memory', CONSUMER_REDIS_URL = '' } = process.env;

function options(): ExclusiveLockModuleOptions {
  if (CONSUMER_STORE === 'redis') return { redis: CONSUMER_REDIS_URL, prefix: `consumer-${process.pid}` };
  if (CONSUMER_STORE === 'local') return { store: 'local', folder: join(process.cwd(), 'locks') };
  return { store: 'memory' };
}

// @ts-expect-error the variable may not be set
export const redisOfVariable: ExclusiveLockModuleOptions = { redis: process.env['CACHE_URL'] };
// @ts-expect-error it is not set
export const redisWithoutValue: ExclusiveLockModuleOptions = { redis: undefined };
// @ts-expect-error the variable may not be set
export const folderOfVariable: ExclusiveLockModuleOptions = { store: 'local', folder: process.env['LOCKS'] };

// @ts-expect-error no such unit
export const ttlOfNoTime: ExclusiveLockModuleOptions = { ttl: '30 bananas' };

/** The memory store belongs to one application; the others are shared by two. */
export const REPLICAS = CONSUMER_STORE === 'memory' ? ['a'] : ['a', 'b'];

@Module({})
export class AppModule {
  static of(replica: Replica): DynamicModule {
    const schedule = ScheduleModule.forRoot();
    const locks = ExclusiveLockModule.forRoot(options());
    return {
      module: AppModule,
      // Either order must do.
      imports: replica.name === 'a' ? [schedule, locks] : [locks, schedule],
      providers: [Jobs, { provide: Replica, useValue: replica }],
    };
  }
}
