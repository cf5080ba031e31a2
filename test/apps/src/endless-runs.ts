// Locked methods that call themselves from inside, again and again, in the memory store. Needs --expose-gc.
// Env: RUNS (how many). Tells the heap after a tenth of them and after all.
import 'reflect-metadata';
import { Injectable, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Exclusive, ExclusiveLockModule, ExclusiveLockService } from 'nestjs-exclusive-lock';
import { tell, tellingLogger } from './tell.js';

const runs = Number(process.env['RUNS'] ?? 50_000);
const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

@Injectable()
class Endless {
  private count = 0;
  private after = (): void => {};

  run(method: 'oneAfterTheOther' | 'oneInTheOther', count: number): Promise<void> {
    this.count = count;
    const done = new Promise<void>((resolve) => (this.after = resolve));
    void this[method](0);
    return done;
  }

  @Exclusive('one-after-the-other')
  async oneAfterTheOther(_round: number): Promise<void> {
    this.next(() => this.oneAfterTheOther(0));
  }

  /** Of three names in turn, so that each begins before the one that has begun it ends. */
  @Exclusive((round: number) => `one-in-the-other:${round % 3}`)
  async oneInTheOther(round: number): Promise<void> {
    this.next(() => this.oneInTheOther(round + 1));
    await nextTurn();
    await nextTurn();
  }

  private next(call: () => Promise<void>): void {
    if (--this.count > 0) setImmediate(() => void call());
    // What a timer of finished work sees.
    else setImmediate(() => setTimeout(() => this.finish(), 50));
  }

  private finish(): void {
    if (ExclusiveLockService.current()) tell('haunted');
    this.after();
  }
}

@Module({ imports: [ExclusiveLockModule.forRoot({ store: 'memory' })], providers: [Endless] })
class AppModule {}

const app = await NestFactory.createApplicationContext(AppModule, { logger: tellingLogger });
const endless = app.get(Endless);

for (const method of ['oneAfterTheOther', 'oneInTheOther'] as const) {
  await endless.run(method, runs / 10);
  const before = await heap();
  await endless.run(method, runs);
  tell('ran', { method, runs, grown: (await heap()) - before });
}
await app.close();

/** Bytes in use, when all that can be collected was. */
async function heap(): Promise<number> {
  for (let i = 0; i < 3; i++) {
    await nextTurn();
    global.gc?.();
  }
  return process.memoryUsage().heapUsed;
}
