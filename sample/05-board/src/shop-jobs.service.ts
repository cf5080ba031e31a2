import { setTimeout as sleep } from 'node:timers/promises';
import { Injectable, type OnModuleInit } from '@nestjs/common';
import { Cron, CronExpression, Interval } from '@nestjs/schedule';
import { Exclusive } from 'nestjs-exclusive-lock';

const SECOND = 1000;

/** The jobs of a shop: some are quick, some take long, and one fails now and then. */
@Injectable()
export class ShopJobs implements OnModuleInit {
  @Exclusive('migrate', { version: '1.4.2' })
  async onModuleInit(): Promise<void> {
    await sleep(SECOND);
  }

  @Cron('*/5 * * * * *')
  @Exclusive('sync-stock')
  async syncStock(): Promise<void> {
    await sleep(400 + Math.random() * SECOND);
  }

  @Cron(CronExpression.EVERY_10_SECONDS)
  @Exclusive('send-mails')
  async sendMails(): Promise<void> {
    await sleep(SECOND + Math.random() * 5 * SECOND);
  }

  @Cron('*/20 * * * * *', { timeZone: 'Europe/Berlin' })
  @Exclusive('import-prices')
  async importPrices(): Promise<void> {
    await sleep(2 * SECOND);
    if (Math.random() < 0.3) throw new Error('prices.csv: line 4117 has no article number');
  }

  @Cron('0 * * * * *', { timeZone: 'Europe/Berlin' })
  @Exclusive('rebuild-search')
  async rebuildSearch(): Promise<void> {
    await sleep(25 * SECOND);
  }

  @Interval('warm-cache', 15 * SECOND)
  @Exclusive('warm-cache')
  async warmCache(): Promise<void> {
    await sleep(SECOND);
  }

  @Cron('0 3 * * *', { timeZone: 'Europe/Berlin' })
  @Exclusive('nightly-report', { missed: { within: '6h' } })
  async nightlyReport(): Promise<void> {
    await sleep(10 * SECOND);
  }

  @Cron('30 7 * * 1-5', { timeZone: 'Europe/Berlin' })
  @Exclusive('morning-digest')
  async morningDigest(): Promise<void> {
    await sleep(3 * SECOND);
  }
}
