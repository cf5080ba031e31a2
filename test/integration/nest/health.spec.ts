import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Controller, Get, Injectable, type INestApplication } from '@nestjs/common';
import { Cron, ScheduleModule } from '@nestjs/schedule';
import { HealthCheckService, TerminusModule } from '@nestjs/terminus';
import { Exclusive, ExclusiveLockService, LockStoreError } from 'nestjs-exclusive-lock';
import {
  ExclusiveLockHealthIndicator,
  type ExclusiveLockHealthOptions,
} from 'nestjs-exclusive-lock/terminus';
import { MemoryLockStore } from '../../../lib/stores/memory/memory-lock-store.js';
import { closeAfterwards, closeApps, compileApp } from './support/nest-apps.js';

let options: ExclusiveLockHealthOptions;
let fails: boolean;

beforeEach(() => {
  options = {};
  fails = false;
});
afterEach(closeApps);

@Injectable()
class Reports {
  @Cron('0 3 1 1 *')
  @Exclusive('nightly-report')
  async nightly(): Promise<void> {
    if (fails) throw new Error('no paper');
  }
}

@Controller('health')
class HealthController {
  constructor(
    private readonly health: HealthCheckService,
    private readonly locks: ExclusiveLockHealthIndicator,
  ) {}

  @Get()
  check() {
    return this.health.check([() => this.locks.check('locks', options)]);
  }
}

/** A store that has stopped answering. */
class AwayStore extends MemoryLockStore {
  override inspect(): Promise<never> {
    return Promise.reject(new LockStoreError('the store is away', { mayHaveRun: false }));
  }
}

/** A store that never answers. */
class SilentStore extends MemoryLockStore {
  override inspect(): Promise<never> {
    return new Promise(() => undefined);
  }
}

interface HealthApp {
  readonly locks: ExclusiveLockService;
  readonly indicator: ExclusiveLockHealthIndicator;
  /** What a probe of Kubernetes sees. */
  probe(): Promise<{ status: number; body: Health }>;
}

interface Health {
  readonly details: { readonly locks: { readonly status: string; readonly message?: string } };
}

async function start(store: MemoryLockStore = new MemoryLockStore()): Promise<HealthApp> {
  const { module } = await compileApp({
    locks: { store },
    imports: [ScheduleModule.forRoot(), TerminusModule.forRoot({ logger: false })],
    controllers: [HealthController],
    providers: [Reports, ExclusiveLockHealthIndicator],
  });
  const app = closeAfterwards(module.createNestApplication<INestApplication<Server>>());
  await app.listen(0, '127.0.0.1');
  const { port } = app.getHttpServer().address() as AddressInfo;
  return {
    locks: app.get(ExclusiveLockService),
    indicator: app.get(ExclusiveLockHealthIndicator),
    probe: async () => {
      const response = await fetch(`http://127.0.0.1:${port}/health`);
      return { status: response.status, body: (await response.json()) as Health };
    },
  };
}

describe('the health of the locks', () => {
  it('is up while the store answers', async () => {
    const { status, body } = await (await start()).probe();

    expect(status).toBe(200);
    expect(body.details.locks).toEqual({ status: 'up', responseTime: expect.any(Number) });
  });

  it.each([
    ['does not answer in time', new SilentStore(), 'not answered the health check within 20 ms'],
    ['cannot be reached', new AwayStore(), 'the store is away'],
  ])('is degraded, with status 200, if the store %s', async (_why, store, told) => {
    options = { timeout: 20 };

    const { status, body } = await (await start(store)).probe();
    expect(status).toBe(200);
    expect(body.details.locks).toMatchObject({
      status: 'degraded',
      message: expect.stringContaining(told),
    });
  });

  it('is down in an outage of the store if that is wanted', async () => {
    options = { whenUnavailable: 'down' };

    const { status, body } = await (await start(new AwayStore())).probe();
    expect(status).toBe(503);
    expect(body.details.locks).toMatchObject({ status: 'down' });
  });
});

describe('the health of a job', () => {
  it('is up from its success on', async () => {
    options = { jobs: { 'nightly-report': '26h' } };
    const app = await start();
    await app.locks.jobs.run('nightly-report');

    expect(await app.probe()).toMatchObject({ status: 200 });
  });

  it('stays up when the success before the last run is young enough', async () => {
    options = { jobs: { 'nightly-report': '26h' } };
    const app = await start();
    await app.locks.jobs.run('nightly-report');
    fails = true;
    await app.locks.jobs.run('nightly-report').catch(() => undefined);

    expect(await app.probe()).toMatchObject({ status: 200 });
  });

  it('counts from the start of the process while no success is known', async () => {
    options = { jobs: { 'nightly-report': '26h', 'of-another-replica': '1h' } };

    expect(await (await start()).probe()).toMatchObject({ status: 200 });
  });

  it('is down when its last success is too old', async () => {
    options = { jobs: { 'nightly-report': 1 } };
    const app = await start();
    await app.locks.jobs.run('nightly-report');
    await new Promise((resolve) => setTimeout(resolve, 5));

    const { status, body } = await app.probe();
    expect(status).toBe(503);
    expect(body.details.locks.message).toMatch(
      /^"nightly-report" has not succeeded for more than .*: its last success began at \d{4}-/,
    );
  });

  it('is degraded instead if that is wanted', async () => {
    options = { jobs: { 'nightly-report': 1 }, whenOverdue: 'degraded' };
    const app = await start();
    await new Promise((resolve) => setTimeout(resolve, 5));

    expect(await app.probe()).toMatchObject({
      status: 200,
      body: { details: { locks: { message: expect.stringContaining('no success is known') } } },
    });
  });
});

describe('the health of an election', () => {
  it('is up while any replica leads, and down while none does', async () => {
    options = { leaders: ['feed'] };
    const app = await start();

    expect(await app.probe()).toMatchObject({
      status: 503,
      body: { details: { locks: { message: 'No replica leads "feed".' } } },
    });
    await using lease = await app.locks.acquire('feed');
    expect(lease?.held).toBe(true);
    expect(await app.probe()).toMatchObject({ status: 200 });
  });
});

describe('options of the health indicator', () => {
  it.each([
    [{ timeout: 0 }, /timeout/],
    [{ whenUnavailable: 'up' }, /whenUnavailable.*'degraded' or 'down'/],
    [{ jobs: ['nightly-report'] }, /jobs.*26h/],
    [{ jobs: { nightly: '26 bananas' } }, /jobs\['nightly'\]/],
    [{ leader: ['feed'] }, /leader/],
  ])('are refused where they are wrong: %j', async (wrong, told) => {
    const { indicator } = await start();

    await expect(indicator.check('locks', wrong as ExclusiveLockHealthOptions)).rejects.toThrow(told);
  });
});
