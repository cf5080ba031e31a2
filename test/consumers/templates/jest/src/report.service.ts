import { setTimeout as sleep } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import { Exclusive } from 'nestjs-exclusive-lock';

@Injectable()
export class ReportService {
  made = 0;

  @Exclusive('report')
  async make(title: string): Promise<string | undefined> {
    this.made++;
    await sleep(20);
    return `report: ${title}`;
  }
}
