import 'reflect-metadata';
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { Injectable, Module, type DynamicModule } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import {
  Exclusive,
  ExclusiveLockModule,
  ExclusiveLockService,
  type ExclusiveLockModuleOptions,
  type LockError,
} from 'nestjs-exclusive-lock';

const OPTIONAL_PEERS = ['@nestjs/schedule', 'ioredis'];

@Injectable()
class Jobs {
  @Exclusive('job')
  async job(value: number): Promise<number | undefined> {
    return ExclusiveLockService.current() && value;
  }
}

@Module({})
class AppModule {
  static with(options: ExclusiveLockModuleOptions): DynamicModule {
    return { module: AppModule, imports: [ExclusiveLockModule.forRoot(options)], providers: [Jobs] };
  }
}

function start(options: ExclusiveLockModuleOptions) {
  return NestFactory.createApplicationContext(AppModule.with(options), {
    // What Nest reports of a start that fails is not of interest.
    logger: false,
    abortOnError: false,
  });
}

async function checkStore(options: ExclusiveLockModuleOptions): Promise<void> {
  const app = await start(options);
  assert.equal(await app.get(Jobs).job(1), 1);

  const locks = app.get(ExclusiveLockService);
  const outcome = await locks.run('work', async (lease) => {
    const busy = await locks.acquire('work');
    return { fencingToken: lease.fencingToken, busy };
  });
  assert.ok(outcome.status === 'ran' && outcome.value.fencingToken > 0 && outcome.value.busy === null);
  await app.close();
}

async function checkRefused(options: ExclusiveLockModuleOptions, peer: string): Promise<void> {
  await assert.rejects(start(options), (error: LockError) => {
    assert.equal(error.code, 'LOCK_CONFIGURATION');
    assert.match(error.message, new RegExp(`npm install ${peer}$`));
    return true;
  });
}

async function main(): Promise<void> {
  const { resolve } = createRequire(__filename);
  for (const peer of OPTIONAL_PEERS) assert.throws(() => resolve(peer), { code: 'MODULE_NOT_FOUND' });
  await checkStore({ store: 'memory', ttl: '5 seconds' });
  await checkStore({ store: 'local', folder: 'locks' });
  await checkRefused({ redis: 'redis://127.0.0.1:1' }, 'ioredis');
  process.exitCode = 0;
}

// Until all is checked: a promise that never settles lets the process end.
process.exitCode = 1;
void main();
