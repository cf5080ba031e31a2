import { Module } from '@nestjs/common';
import { ScheduleModule } from '@nestjs/schedule';
import { ExclusiveLockModule } from 'nestjs-exclusive-lock';
import { ExclusiveLockBoardModule } from 'nestjs-exclusive-lock/board';
import { lockOptions } from './lock-options.js';
import { ShopJobs } from './shop-jobs.service.js';

@Module({
  imports: [
    ScheduleModule.forRoot(),
    ExclusiveLockModule.forRoot(lockOptions),
    // On your own machine. Elsewhere, add guards: docs/board.md says more.
    ExclusiveLockBoardModule.forRoot({ path: 'locks', actions: true }),
  ],
  providers: [ShopJobs],
})
export class AppModule {}
