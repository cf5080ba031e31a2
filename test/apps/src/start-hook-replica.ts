// A replica that seeds something while it starts.
// Env: OPTIONS (JSON, of forRoot), SEED_MS (how long that takes), SEED_FAILS (then it throws at the end).
import 'reflect-metadata';
import { setTimeout as sleep } from 'node:timers/promises';
import { Injectable, Module, type OnModuleInit } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Exclusive, ExclusiveLockModule, ExclusiveLockService } from 'nestjs-exclusive-lock';
import { optionsOfTest } from './options.js';
import { tell, tellingLogger } from './tell.js';

const options = optionsOfTest();
const duration = Number(process.env['SEED_MS'] ?? 1);

@Injectable()
class Catalogue implements OnModuleInit {
  constructor() {
    tell('constructed');
  }

  @Exclusive('seed')
  async onModuleInit(): Promise<void> {
    const details = { fencingToken: ExclusiveLockService.current()?.fencingToken };
    tell('started', details);
    await sleep(duration);
    if (process.env['SEED_FAILS']) throw new Error('the seed is rotten');
    tell('finished', details);
  }
}

@Module({ imports: [ExclusiveLockModule.forRoot(options)], providers: [Catalogue] })
class AppModule {}

try {
  const app = await NestFactory.createApplicationContext(AppModule, {
    logger: tellingLogger,
    abortOnError: false,
  });
  app.enableShutdownHooks();
  tell('ready');
} catch (error) {
  tell('refused', { message: error instanceof Error ? error.message : String(error) });
  process.exit(1);
}

// It has nothing to do and stays up, as a server would.
setInterval(() => {}, 60_000);
