import {
  Injectable,
  Module,
  VersioningType,
  type CallHandler,
  type CanActivate,
  type ExecutionContext,
  type NestInterceptor,
} from '@nestjs/common';
import { map, type Observable } from 'rxjs';
import { basicStore, asBasicStore } from 'nestjs-exclusive-lock';
import { ExclusiveLockBoardModule } from 'nestjs-exclusive-lock/board';
import { LockTestKit } from 'nestjs-exclusive-lock/testing';
import { MemoryLockStore } from '../../../lib/stores/memory/memory-lock-store.js';
import { eventually } from '../../support/eventually.js';
import { restoreEnvironment, setEnvironment } from '../nest/support/environment.js';
import { Gate } from '../nest/support/gate.js';
import { closeApps } from '../nest/support/nest-apps.js';
import { ADAPTERS, Jobs, serveBoard } from './support/boards.js';

afterEach(async () => {
  Jobs.work = () => undefined;
  restoreEnvironment();
  await closeApps();
});

@Injectable()
class Passwords {
  readonly right = 'sesame';
}

@Module({ providers: [Passwords], exports: [Passwords] })
class AuthModule {}

@Injectable()
class AdminGuard implements CanActivate {
  constructor(private readonly passwords: Passwords) {}

  canActivate(context: ExecutionContext): boolean {
    const { headers } = context.switchToHttp().getRequest<{ headers: Record<string, string> }>();
    return headers['authorization'] === this.passwords.right;
  }
}

@Injectable()
class Envelope implements NestInterceptor {
  intercept(_context: ExecutionContext, next: CallHandler): Observable<unknown> {
    return next.handle().pipe(map((data: unknown) => ({ data })));
  }
}

describe.each(ADAPTERS)('the board on %s', (_, adapter) => {
  it('is a page that may run its own script and nothing else', async () => {
    const { client } = await serveBoard({ adapter });

    const { status, headers, text } = await client.get('locks');

    expect(status).toBe(200);
    expect(headers.get('content-type')).toBe('text/html; charset=utf-8');
    expect(headers.get('content-security-policy')).toMatch(
      /^default-src 'none'; script-src 'sha256-\S+'; style-src 'sha256-\S+'; connect-src 'self';/,
    );
    expect(headers.get('cache-control')).toBe('no-store');
    expect(headers.get('x-content-type-options')).toBe('nosniff');
    expect(text).toContain('<!doctype html>');
    expect(text.length).toBeLessThan(60_000);
    expect(text).not.toMatch(/(?:src|href)="(?!#|data:)/);
  });

  it('is where the application puts it: path, global prefix, version', async () => {
    const { client } = await serveBoard({
      adapter,
      board: { path: 'admin/locks', version: '2' },
      prepare: (app) => app.setGlobalPrefix('ops').enableVersioning({ type: VersioningType.URI }),
    });
    await expect(client.get('ops/v2/admin/locks')).resolves.toMatchObject({ status: 200 });
    await expect(client.overview('ops/v2/admin/locks')).resolves.toMatchObject({ replica: 'one' });
    await expect(client.get('locks')).resolves.toMatchObject({ status: 404 });
  });

  it('lets nobody in whom a guard keeps out, on any route', async () => {
    const { client } = await serveBoard({
      adapter,
      board: { guards: [AdminGuard], imports: [AuthModule], actions: true },
    });
    for (const path of ['locks', 'locks/api/overview', 'locks/api/runs?job=nightly'])
      await expect(client.get(path)).resolves.toMatchObject({ status: 403 });
    for (const action of ['pause', 'resume', 'run', 'release'])
      await expect(client.post(action, {})).resolves.toMatchObject({
        status: 403,
        body: { message: 'Forbidden resource' },
      });
    await expect(client.get('locks', { authorization: 'sesame' })).resolves.toMatchObject({ status: 200 });
  });

  it('answers the same if an interceptor of the application wraps what is returned', async () => {
    const { client } = await serveBoard({
      adapter,
      board: { actions: true },
      prepare: (app) => app.useGlobalInterceptors(new Envelope()),
    });
    await expect(client.overview()).resolves.toMatchObject({ replica: 'one' });
    const { body } = await client.post('run', { name: 'nightly', job: 'nightly' });
    expect(body).toHaveProperty('status');
    expect((await client.get('locks')).text).toContain('<!doctype html>');
  });

  it('says that the store is away', async () => {
    const kit = new LockTestKit();
    const { client } = await serveBoard({ adapter, locks: { store: kit.store } });
    kit.down();
    await expect(client.get('locks/api/overview')).resolves.toMatchObject({
      status: 503,
      body: { statusCode: 503, code: 'LOCK_STORE', message: expect.any(String) },
    });
    kit.up();
    await expect(client.overview()).resolves.toMatchObject({ notes: [] });
  });
});

describe('the overview', () => {
  it('has the jobs, with schedule, last run and what can be done with them', async () => {
    const { client, locks } = await serveBoard();
    Jobs.work = () => {
      throw new Error('<b>no paper</b>');
    };
    await locks.jobs.run('nightly').catch(() => {});
    await locks.jobs.pause('sync', { reason: 'maintenance', by: 'anna' });

    const { jobs, replicas, runs, now } = await client.overview();

    expect(jobs.map(({ id, role, state }) => [id, role, state])).toEqual([
      ['nightly', 'cron', 'failed'],
      ['sync', 'interval', 'paused'],
      ['migrate', 'start hook', 'succeeded'],
    ]);
    const [nightly, sync, migrate] = jobs;
    expect(nightly).toMatchObject({
      name: 'nightly',
      job: 'nightly',
      method: 'Jobs.nightly',
      schedule: {
        expression: '0 0 3 1 1 *',
        words: 'at 03:00, on day 1 of January',
        timeZone: 'Europe/Berlin',
      },
      nextTick: expect.stringMatching(/-01-01T02:00:00.000Z$/),
      lastRun: { outcome: 'failed', replica: 'one', byHand: true, error: '<b>no paper</b>' },
      history: ['failed'],
      replicas: ['one'],
      can: { pause: true, run: true },
    });
    expect(nightly).not.toHaveProperty('paused');
    expect(sync?.schedule).toEqual({ expression: '3600000 ms', words: 'every hour' });
    expect(sync?.paused).toMatchObject({ reason: 'maintenance', by: 'anna' });
    expect(sync?.can).toEqual({ pause: true, run: true });
    expect(migrate?.can).toEqual({ pause: false, run: false });
    await eventually(() => expect(replicas).toMatchObject([{ replica: 'one', jobs: 3 }]));
    expect(runs.map(({ job, state }) => [job, state])).toEqual([
      ['nightly', 'failed'],
      ['migrate', 'succeeded'],
    ]);
    expect(Math.abs(Date.parse(now) - Date.now())).toBeLessThan(60_000);
  });

  it('has the locks that are held, with their holders', async () => {
    const { client, locks } = await serveBoard();
    await using lease = await locks.acquire('import', { contents: { step: 3 } });

    const { locks: held } = await client.overview();

    expect(held).toEqual([
      {
        name: 'import',
        application: expect.any(String),
        replica: 'one',
        host: expect.any(String),
        pid: process.pid,
        since: expect.any(String),
        contents: '{"step":3}',
        remaining: expect.any(Number),
        fencingToken: lease?.fencingToken,
        waiters: 0,
      },
    ]);
  });

  it('tells a run that is under way, and one whose replica has died', async () => {
    const kit = new LockTestKit();
    const { client, locks } = await serveBoard({ locks: { store: kit.store, replica: 'one' } });
    const gate = new Gate();
    Jobs.work = () => gate.pass();
    const run = locks.jobs.run('nightly');
    await gate.reached;

    expect((await client.overview()).jobs[0]).toMatchObject({
      state: 'running',
      lastRun: { outcome: 'running' },
      history: ['running'],
    });
    gate.open();
    await run;
  });

  it('has the runs of a job in full', async () => {
    const { client, locks } = await serveBoard();
    await locks.jobs.run('nightly');
    await locks.jobs.run('nightly');

    const { body } = await client.get('locks/api/runs?job=nightly');

    expect(body['runs']).toMatchObject([
      { state: 'succeeded', replica: 'one', byHand: true, missed: false, duration: expect.any(Number) },
      { state: 'succeeded', started: expect.stringMatching(/Z$/), fencingToken: expect.any(Number) },
    ]);
    await expect(client.get('locks/api/runs?job=weekly')).resolves.toMatchObject({ status: 404 });
    await expect(client.get('locks/api/runs')).resolves.toMatchObject({ status: 404 });
  });

  it('says what a store cannot do, and has the rest', async () => {
    const store = basicStore(asBasicStore(new MemoryLockStore()));
    const { client } = await serveBoard({ locks: { store }, jobs: [] });

    const { jobs, locks, notes } = await client.overview();

    expect([jobs, locks]).toEqual([[], []]);
    expect(notes).toEqual([expect.stringContaining('locks.jobs'), expect.stringContaining('list')]);
  });
});

describe('a board without guards', () => {
  it('ends the start in production and on Kubernetes', () => {
    for (const environment of [{ NODE_ENV: 'production' }, { KUBERNETES_SERVICE_HOST: '10.0.0.1' }]) {
      setEnvironment(environment);
      expect(() => ExclusiveLockBoardModule.forRoot({ actions: true })).toThrow('The board has no guards');
      expect(() => ExclusiveLockBoardModule.forRoot({ guards: [] })).toThrow("guards: 'elsewhere'");
      expect(() => ExclusiveLockBoardModule.forRoot({ guards: 'elsewhere' })).not.toThrow();
      restoreEnvironment();
    }
  });

  it('is told of in development', async () => {
    const { log } = await serveBoard({ board: { path: 'ops', actions: true } });
    const message = expect.stringContaining('The board at "ops" has no guards');
    expect(log.lines).toContainEqual({ level: 'warn', context: 'ExclusiveLockBoard', message });
  });
});

it.each<[what: string, options: object, told: string]>([
  ['an option that there is not', { guard: [] }, 'guard is not an option of ExclusiveLockBoardModule'],
  ['no path', { path: '/' }, 'path must be a path, such as "locks"'],
  ['a guard that is none', { guards: [{}] }, 'guards must be an array of guards'],
  ['a text for a guard', { guards: 'admin' }, 'guards must be an array of guards'],
  ['a text for actions', { actions: 'false' }, 'actions must be true or false; got actions = "false"'],
  ['a user that is no function', { user: 'anna' }, 'user must be a function'],
])('forRoot() of the board refuses %s', (_, options, told) => {
  expect(() => ExclusiveLockBoardModule.forRoot(options as never)).toThrow(told);
});
