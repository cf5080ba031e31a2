import { Module } from '@nestjs/common';
import { ScheduleModule } from '@nestjs/schedule';
import { ExclusiveLockModule } from 'nestjs-exclusive-lock';
import { ReportService } from './report.service.js';

// Without REDIS_URL, forRoot() uses the local store by default, but logs a warning. Naming the store avoids that.
const where = process.env['REDIS_URL'] ? {} : ({ store: 'local' } as const);

@Module({
  imports: [
    ScheduleModule.forRoot(),
    // Locks live in Redis if REDIS_URL is set, else in the local store of this machine. On Redis, the lock of a killed
    // replica is free after the ttl. 800 ms is short enough that the next tick, a second later, is not missed.
    ExclusiveLockModule.forRoot({ ...where, ttl: 800 }),
  ],
  providers: [ReportService],
})
export class AppModule {}
