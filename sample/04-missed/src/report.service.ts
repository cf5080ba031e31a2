import { setTimeout as sleep } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import { Cron, CronExpression } from '@nestjs/schedule';
import { Exclusive, ExclusiveLockService } from 'nestjs-exclusive-lock';
import { tell } from '../../support/tell.js';

@Injectable()
export class ReportService {
  @Cron(CronExpression.EVERY_10_SECONDS)
  @Exclusive('report', { missed: { within: '1m' } })
  async report(): Promise<void> {
    const lease = ExclusiveLockService.current();
    tell({ event: 'started', tick: lease?.tick?.getTime(), missed: lease?.missed });
    await sleep(200); // the work
  }
}
