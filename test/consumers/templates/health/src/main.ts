import 'reflect-metadata';
import assert from 'node:assert/strict';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { TerminusModule } from '@nestjs/terminus';
import { ExclusiveLockModule } from 'nestjs-exclusive-lock';
import { ExclusiveLockHealthIndicator } from 'nestjs-exclusive-lock/terminus';

// Nothing listens there.
const AWAY = 'redis://127.0.0.1:1';

@Module({
  imports: [
    ExclusiveLockModule.forRoot(
      process.env['CONSUMER_STORE'] === 'away' ? { redis: AWAY, logger: false } : { store: 'memory' },
    ),
    TerminusModule,
  ],
  providers: [ExclusiveLockHealthIndicator],
})
class AppModule {}

async function main(): Promise<void> {
  const app = await NestFactory.createApplicationContext(AppModule, { logger: false });
  const { locks } = await app.get(ExclusiveLockHealthIndicator).check('locks', { timeout: 500 });
  const { status, degraded } = locks as { status: string; degraded?: boolean };
  const said = degraded === undefined ? { status } : { status, degraded };
  assert.deepEqual(said, JSON.parse(process.env['CONSUMER_EXPECTS']!));
  await app.close();
}

void main();
