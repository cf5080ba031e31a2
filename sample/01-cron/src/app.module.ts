import { Module } from '@nestjs/common';
import { ScheduleModule } from '@nestjs/schedule';
import { ExclusiveLockModule } from 'nestjs-exclusive-lock';
import { ReportService } from './report.service.js';

// Without a REDIS_URL forRoot() would take the local store by itself, and warn of it.
const where = process.env['REDIS_URL'] ? {} : ({ store: 'local' } as const);

@Module({
  imports: [
    ScheduleModule.forRoot(),
    // Locks live in REDIS_URL if it is set, else in the embedded store of this machine. On Redis the lock of a
    // killed replica is free again after the ttl: 800 ms, so that the next tick, a second later, is not missed.
    ExclusiveLockModule.forRoot({ ...where, ttl: 800 }),
  ],
  providers: [ReportService],
})
export class AppModule {}
