// A replica that waits for one lock again and again, has it for a random time, and tells of each.
// Env: OPTIONS (JSON, of forRoot), HOLD_MS (shortest and longest, such as 1-5).
import 'reflect-metadata';
import { setTimeout as sleep } from 'node:timers/promises';
import { NestFactory } from '@nestjs/core';
import { ExclusiveLockModule, ExclusiveLockService } from 'nestjs-exclusive-lock';
import { optionsOfTest } from './options.js';
import { tell, tellingLogger } from './tell.js';

const options = optionsOfTest();
const [shortest = 0, longest = shortest] = (process.env['HOLD_MS'] ?? '1').split('-').map(Number);

const app = await NestFactory.createApplicationContext(ExclusiveLockModule.forRoot(options), {
  logger: tellingLogger,
});
app.enableShutdownHooks();
const locks = app.get(ExclusiveLockService);
tell('ready');

for (let running = true; running;) {
  const outcome = await locks.run(
    'turns',
    async ({ fencingToken }) => {
      tell('started', { fencingToken });
      await sleep(shortest + Math.random() * (longest - shortest));
      tell('finished', { fencingToken });
    },
    { wait: true },
  );
  running = outcome.status !== 'skipped';
}
