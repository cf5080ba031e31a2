import { setTimeout as sleep } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import { Cron, CronExpression } from '@nestjs/schedule';
import { Exclusive, ExclusiveLockService } from 'nestjs-exclusive-lock';
import { tell } from '../../support/tell.js';

@Injectable()
export class ReportService {
  @Cron(CronExpression.EVERY_SECOND)
  @Exclusive('report')
  async report(): Promise<void> {
    const lease = ExclusiveLockService.current();
    tell({ event: 'started', tick: lease?.tick?.getTime() });
    await sleep(200); // the work
    tell({ event: 'finished', tick: lease?.tick?.getTime() });
  }
}
