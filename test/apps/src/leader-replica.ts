// A replica whose leader works until it is told to end, and tells what it believed, with the machine's monotonic time.
// Env: OPTIONS (JSON, of forRoot).
import 'reflect-metadata';
import { setTimeout as sleep } from 'node:timers/promises';
import { Injectable, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import {
  ExclusiveLockModule,
  LeaderElection,
  type Lease,
  type OnLeadershipAcquired,
} from 'nestjs-exclusive-lock';
import { optionsOfTest } from './options.js';
import { machineTime as now, tell, tellingLogger } from './tell.js';

const options = optionsOfTest();
/** The signal aborts 50 ms before the store can expire a lock of a second: a process that ran was told in time. */
const STOOD_STILL = 25;

@Injectable()
@LeaderElection('feed')
export class Feed implements OnLeadershipAcquired {
  async onLeadershipAcquired(lease: Lease): Promise<void> {
    const { fencingToken, signal } = lease;
    const first = now();
    tell('leads', { fencingToken, first });
    let last = first;
    for (let checks = 0; ; checks++) {
      // Read before the check, which is right about every moment before itself.
      const at = now();
      if (signal.aborted || !lease.held) break;
      last = at;
      if (checks % 20 === 0) tell('belief', { fencingToken, first, last });
      await sleep(1, undefined, { signal }).catch(() => undefined);
    }
    const end = now();
    const stoodStill = end - last > STOOD_STILL;
    // Work is work until it returns, unless nobody could tell it to.
    tell('belief', { fencingToken, first, last: stoodStill ? last : end });
    tell('ended', { fencingToken, end, stoodStill });
  }
}

@Module({ imports: [ExclusiveLockModule.forRoot(options)], providers: [Feed] })
class AppModule {}

process.on('unhandledRejection', (error) => tell('unhandled', { error: String(error) }));
const app = await NestFactory.createApplicationContext(AppModule, { logger: tellingLogger });
app.enableShutdownHooks();
tell('ready');
