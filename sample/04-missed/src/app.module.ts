import { Module } from '@nestjs/common';
import { ScheduleModule } from '@nestjs/schedule';
import { ExclusiveLockModule } from 'nestjs-exclusive-lock';
import { ReportService } from './report.service.js';
import { lockOptions } from './lock-options.js';

@Module({
  imports: [ScheduleModule.forRoot(), ExclusiveLockModule.forRoot(lockOptions)],
  providers: [ReportService],
})
export class AppModule {}
