// A replica with every-second jobs, written to be bundled: esbuild leaves out the types by which Nest injects.
// Env: REDIS, PREFIX.
import 'reflect-metadata';
import { Inject, Injectable, Module, type OnModuleInit } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Cron, ScheduleModule, SchedulerRegistry } from '@nestjs/schedule';
import { CronJob } from 'cron';
import { Exclusive, ExclusiveLockModule, ExclusiveLockService } from 'nestjs-exclusive-lock';

const EVERY_SECOND = '* * * * * *';

function tell(job: string): void {
  const tick = ExclusiveLockService.current()?.tick?.getTime();
  process.stdout.write(`${JSON.stringify({ job, tick })}\n`);
}

@Injectable()
class Jobs implements OnModuleInit {
  constructor(@Inject(SchedulerRegistry) private readonly registry: SchedulerRegistry) {}

  onModuleInit(): void {
    const job = new CronJob(EVERY_SECOND, () => this.dynamic());
    this.registry.addCronJob('dynamic', job);
    job.start();
  }

  @Cron(EVERY_SECOND)
  @Exclusive()
  async decorated(): Promise<void> {
    tell('decorated');
  }

  @Exclusive()
  async dynamic(): Promise<void> {
    tell('dynamic');
  }
}

@Module({
  imports: [
    ScheduleModule.forRoot(),
    ExclusiveLockModule.forRoot({ redis: process.env['REDIS'] ?? '', prefix: process.env['PREFIX'] ?? '' }),
  ],
  providers: [Jobs],
})
class AppModule {}

async function main(): Promise<void> {
  const app = await NestFactory.createApplicationContext(AppModule, { logger: ['warn', 'error'] });
  app.enableShutdownHooks();
}

main().catch((error: unknown) => {
  console.error(error);
  process.exit(1);
});
