import { Module } from '@nestjs/common';
import { ScheduleModule } from '@nestjs/schedule';
import { ExclusiveLockModule } from 'nestjs-exclusive-lock';
import { where } from '../../support/where.js';
import { ReportService } from './report.service.js';

@Module({
  imports: [
    ScheduleModule.forRoot(),
    // On a server, the lock of a killed replica is free after the ttl. 800 ms is short enough that the next tick, a second
    // later, is not missed.
    ExclusiveLockModule.forRoot({ ...where.place, ttl: 800 }),
  ],
  providers: [ReportService],
})
export class AppModule {}
