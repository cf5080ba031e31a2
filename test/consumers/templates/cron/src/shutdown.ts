import 'reflect-metadata';
import assert from 'node:assert/strict';
import { Global, Injectable, Module, type OnApplicationShutdown, type OnModuleDestroy } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Cron, CronExpression, ScheduleModule } from '@nestjs/schedule';
import { Exclusive, ExclusiveLockModule } from 'nestjs-exclusive-lock';
import { RecordingLogger } from './recording-logger.js';

/** What a job needs, and what its application closes where Nest lets it. */
class Database implements OnModuleDestroy {
  open = true;

  onModuleDestroy(): void {
    this.open = false;
  }
}

class OfRoot extends Database {}
class OfDeepModule extends Database {}
class ImportedBefore extends Database {}
class ImportedAfter extends Database {}

/** Closes as TypeORM's module does. */
class ClosedLast implements OnApplicationShutdown {
  open = true;

  onApplicationShutdown(): void {
    this.open = false;
  }
}

@Module({ providers: [OfDeepModule], exports: [OfDeepModule] })
class DeepModule {}

@Module({ imports: [DeepModule], exports: [DeepModule] })
class FeatureModule {}

@Global()
@Module({ providers: [ImportedBefore], exports: [ImportedBefore] })
class BeforeModule {}

@Global()
@Module({ providers: [ImportedAfter, ClosedLast], exports: [ImportedAfter, ClosedLast] })
class AfterModule {}

@Injectable()
class Job {
  readonly begun: Promise<void>;
  closedTooEarly: string[] | undefined;
  private begin!: () => void;
  private finish!: () => void;
  private readonly finished: Promise<void>;

  constructor(
    private readonly root: OfRoot,
    private readonly deep: OfDeepModule,
    private readonly before: ImportedBefore,
    private readonly after: ImportedAfter,
    private readonly last: ClosedLast,
  ) {
    this.begun = new Promise((resolve) => (this.begin = resolve));
    this.finished = new Promise((resolve) => (this.finish = resolve));
  }

  @Cron(CronExpression.EVERY_SECOND)
  @Exclusive('job')
  async run(): Promise<void> {
    this.begin();
    await this.finished;
    const databases = [this.root, this.deep, this.before, this.after, this.last];
    this.closedTooEarly = databases.filter(({ open }) => !open).map((database) => database.constructor.name);
  }

  end(): void {
    this.finish();
  }
}

@Module({
  imports: [
    ScheduleModule.forRoot(),
    FeatureModule,
    BeforeModule,
    ExclusiveLockModule.forRoot({ store: 'memory' }),
    AfterModule,
  ],
  providers: [OfRoot, Job],
})
class AppModule {}

/** Lets the job end when the shutdown has begun to wait. */
class Logger extends RecordingLogger {
  constructor(waits: () => void) {
    super();
    const { log } = this;
    Object.assign(this, {
      log: (...message: unknown[]) => {
        log(...message);
        if (String(message[0]).includes('waits up to')) waits();
      },
    });
  }
}

async function main(): Promise<void> {
  const logger = new Logger(() => job.end());
  const app = await NestFactory.createApplicationContext(AppModule, { logger });
  const job = app.get(Job);
  await job.begun;
  await app.close();
  assert.deepEqual(job.closedTooEarly, []);
  // Nest warns of a machine that is slow.
  const ours = logger.lines.filter(({ text }) => text.endsWith(' ExclusiveLock'));
  const complaints = ours.filter(({ level }) => ['warn', 'error', 'fatal'].includes(level));
  assert.deepEqual(complaints, []);
  assert.equal(ours.length, 1);
  process.exitCode = 0;
}

// Until all is checked: a promise that never settles lets the process end.
process.exitCode = 1;
void main();
