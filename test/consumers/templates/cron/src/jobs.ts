import { setTimeout as sleep } from 'node:timers/promises';
import { Injectable, applyDecorators } from '@nestjs/common';
import { Cron, CronExpression } from '@nestjs/schedule';
import { Exclusive, ExclusiveLockService } from 'nestjs-exclusive-lock';

export interface Run {
  readonly job: string;
  readonly replica: string;
  /** Milliseconds since the epoch; undefined if the call was not taken for a tick. */
  readonly tick: number | undefined;
}

/** One application, and what it ran. */
export class Replica {
  readonly runs: Run[] = [];

  constructor(readonly name: string) {}
}

const EverySecond = (): MethodDecorator =>
  applyDecorators(Cron(CronExpression.EVERY_SECOND), Exclusive('combined'));

@Injectable()
@Exclusive.defaults({ ttl: '2s', whenBusy: 'throw' })
export class Jobs {
  constructor(private readonly replica: Replica) {}

  @Cron(CronExpression.EVERY_SECOND)
  @Exclusive('cron-above', { contents: { job: 'cronAbove' } })
  async cronAbove(_onComplete?: unknown): Promise<void> {
    await this.work('cronAbove');
  }

  @Exclusive()
  @Cron(CronExpression.EVERY_SECOND)
  async exclusiveAbove(): Promise<void> {
    await this.work('exclusiveAbove');
  }

  @EverySecond()
  async combined(): Promise<void> {
    await this.work('combined');
  }

  /** Each id has a lock of its own. */
  @Exclusive((id: string) => `one:${id}`)
  async one(_id: string, work?: () => Promise<void>): Promise<string | undefined> {
    await work?.();
    return ExclusiveLockService.current()?.name;
  }

  // @ts-expect-error the method is not called with a number
  @Exclusive((id: number) => `other:${id}`)
  async misnamed(_id: string): Promise<void> {}

  /** Not locked: runs everywhere, which shows that the replicas would have run the others twice. */
  @Cron(CronExpression.EVERY_SECOND)
  plain(): void {
    this.replica.runs.push({ job: 'plain', replica: this.replica.name, tick: undefined });
  }

  private async work(job: string): Promise<void> {
    const tick = ExclusiveLockService.current()?.tick?.getTime();
    this.replica.runs.push({ job, replica: this.replica.name, tick });
    await sleep(20);
  }
}
