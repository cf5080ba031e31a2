import { jest } from '@jest/globals';
import {
  Global,
  Inject,
  Injectable,
  Module,
  type DynamicModule,
  type ModuleMetadata,
  Scope,
  type BeforeApplicationShutdown,
  type OnModuleDestroy,
  type Provider,
  type Type,
} from '@nestjs/common';
import { Cron, CronExpression, Interval, ScheduleModule, Timeout } from '@nestjs/schedule';
import { LazyModuleLoader, ModulesContainer } from '@nestjs/core';
import { Test } from '@nestjs/testing';
import { Exclusive, ExclusiveLockModule, ExclusiveLockService } from 'nestjs-exclusive-lock';
import { MemoryLockStore } from '../../../lib/stores/memory/memory-lock-store.js';
import { eventually } from '../../support/eventually.js';
import { CapturingLogger } from './support/capturing-logger.js';
import { Gate } from './support/gate.js';
import { closeAfterwards, closeApps } from './support/nest-apps.js';

afterEach(closeApps);

/** What happened in the application under test, in order. */
const history: string[] = [];
let gate: Gate;

beforeEach(() => {
  history.length = 0;
  gate = new Gate();
});

abstract class Database {
  #open = true;

  async write(): Promise<void> {
    if (!this.#open) throw new Error('The database is closed.');
    history.push('written');
  }

  protected disconnect(): void {
    this.#open = false;
    history.push('database closed');
  }
}

/** Leaves as a Prisma service does. */
@Injectable()
class PrismaLike extends Database implements OnModuleDestroy {
  onModuleDestroy(): void {
    this.disconnect();
  }
}

/** Leaves with a Prisma-like client that is frozen, or has private state that a copy would lack. */
const frozen: Provider = { provide: Database, useFactory: () => Object.freeze(new PrismaLike()) };
const prismaLike: Provider = { provide: Database, useClass: PrismaLike };

@Global()
@Module({ providers: [prismaLike], exports: [Database] })
class GlobalDatabase {}

@Module({ providers: [prismaLike], exports: [Database] })
class DeepDatabase {}

@Module({ imports: [DeepDatabase], exports: [DeepDatabase] })
class FeatureDatabase {}

/** As TypeORM's module does. */
@Global()
@Module({})
class TypeOrmLike extends Database {
  static forRoot(): DynamicModule {
    return {
      module: TypeOrmLike,
      providers: [{ provide: Database, useExisting: TypeOrmLike }],
      exports: [Database],
    };
  }

  onApplicationShutdown(): void {
    this.disconnect();
  }
}

/** Which module makes trouble is told by name. */
@Module({ providers: [PrismaLike] })
class PlacedModule {
  constructor(modules: ModulesContainer) {
    for (const module of modules.values()) if (module.metatype === PlacedModule) module.distance = -Infinity;
  }
}

const locksModule = (options: object = {}) =>
  ExclusiveLockModule.forRoot({ store: new NotedStore(), ...options });

class NotedStore extends MemoryLockStore {
  override async close(): Promise<void> {
    history.push('connection closed');
    return super.close();
  }
}

/** Where an application may have its database, and the lock module beside it. */
const PLACES: Record<string, () => ModuleMetadata> = {
  'a service of the root module that disconnects in onModuleDestroy': () => ({
    imports: [locksModule()],
    providers: [prismaLike],
  }),
  'a frozen service of the root module': () => ({ imports: [locksModule()], providers: [frozen] }),
  'a service of a deep feature module, imported before': () => ({
    imports: [FeatureDatabase, locksModule()],
  }),
  'a service of a deep feature module, imported after': () => ({ imports: [locksModule(), FeatureDatabase] }),
  'a global module that is imported before': () => ({ imports: [GlobalDatabase, locksModule()] }),
  'a global module that is imported after': () => ({ imports: [locksModule(), GlobalDatabase] }),
  'a module like that of TypeORM, imported before': () => ({
    imports: [TypeOrmLike.forRoot(), locksModule()],
  }),
  'a module like that of TypeORM, imported after': () => ({
    imports: [locksModule(), TypeOrmLike.forRoot()],
  }),
  'a lock module that is not global': () => ({
    imports: [{ ...locksModule(), global: false }, GlobalDatabase],
  }),
};

/** Works with the database once the test lets it. */
abstract class Job {
  @Inject(Database) readonly database!: Database;

  protected async work(): Promise<void> {
    history.push('begun');
    await gate.pass();
    await this.database.write();
  }
}

function job(decorators: MethodDecorator[]): Type<Job> {
  @Injectable()
  class Jobs extends Job {
    async run(): Promise<void> {
      await this.work();
    }
  }
  const method = Object.getOwnPropertyDescriptor(Jobs.prototype, 'run')!;
  for (const decorator of decorators) decorator(Jobs.prototype, 'run', method);
  Object.defineProperty(Jobs.prototype, 'run', method);
  return Jobs;
}

async function start({ imports = [], providers = [] }: ModuleMetadata, jobs: Type[] = []) {
  const log = new CapturingLogger();
  const module = await Test.createTestingModule({
    imports: [ScheduleModule.forRoot(), ...imports],
    providers: [...providers, ...jobs],
  })
    .setLogger(log)
    .compile();
  closeAfterwards(module);
  await module.init();
  return { module, log };
}

/** Closes while work stands at the gate, and opens that when the shutdown has begun to wait. */
async function closeMeanwhile({ module, log }: Awaited<ReturnType<typeof start>>): Promise<void> {
  await gate.reached;
  const closing = module.close();
  await log.line(/^The application is shutting down and waits/);
  gate.open();
  await closing;
}

const KINDS: Record<string, MethodDecorator[]> = {
  cron: [Exclusive('job'), Cron(CronExpression.EVERY_SECOND)],
  interval: [Exclusive('job'), Interval(20)],
  timeout: [Exclusive('job'), Timeout(1)],
};

describe.each(Object.entries(PLACES))(
  'a job that runs while its application is closed, with its database in %s',
  (_place, metadata) => {
    it.each(Object.entries(KINDS))('finds the database open: %s', async (_kind, decorators) => {
      const app = await start(metadata(), [job(decorators)]);
      await closeMeanwhile(app);
      expect(history).toEqual(['begun', 'written', 'database closed', 'connection closed']);
      expect(app.log.complaints).toEqual([]);
      expect(app.log.ours('log')).toEqual([
        expect.stringMatching(/waits up to 10\.0 s for running work: job\.$/),
      ]);
    });
  },
);

const TYPE_ORM_PLACES = Object.entries(PLACES).filter(([place]) => place.includes('TypeORM'));

describe.each(TYPE_ORM_PLACES)(
  'work that is locked by hand while its application is closed, with its database in %s',
  (_place, metadata) => {
    it('finds the database open until it ends', async () => {
      const app = await start(metadata());
      const locks = app.module.get(ExclusiveLockService);
      const running = locks.run('by hand', async () => {
        await gate.pass();
        await app.module.get(Database).write();
      });
      await closeMeanwhile(app);
      await expect(running).resolves.toMatchObject({ status: 'ran' });
      expect(history).toEqual(['written', 'database closed', 'connection closed']);
    });

    it('finds the database open even if it began while the server was closing', async () => {
      const app = await start(metadata());
      const locks = app.module.get(ExclusiveLockService);
      const dispose = jest.spyOn(app.module as unknown as { dispose(): Promise<void> }, 'dispose');
      dispose.mockImplementation(async () => {
        void locks.run('by hand', async () => {
          await gate.pass();
          await app.module.get(Database).write();
        });
        await gate.reached;
      });
      const closing = app.module.close();
      await app.log.line(/^The application is shutting down and waits/);
      gate.open();
      await closing;
      expect(history).toEqual(['written', 'database closed', 'connection closed']);
    });
  },
);

describe('a lease that the application holds', () => {
  it.each(['onModuleDestroy', 'beforeApplicationShutdown'] as const)(
    'does not delay the shutdown if %s releases it',
    async (hook) => {
      @Injectable()
      class Consumer {
        readonly lock;
        constructor(locks: ExclusiveLockService) {
          this.lock = locks.lock('consumer');
        }
      }
      Object.defineProperty(Consumer.prototype, hook, {
        value(this: Consumer) {
          return this.lock.release();
        },
      });
      const { module, log } = await start({ imports: [locksModule()], providers: [Consumer] });
      await expect(module.get(Consumer).lock.acquire()).resolves.toBe(true);
      await module.close();
      expect(log.ours('log', 'warn')).toEqual([]);
    },
  );
});

describe.each(Object.entries(KINDS))(
  'a request for a job that is under way while its application is closed: %s',
  (_kind, decorators) => {
    it('starts nothing when it is answered, and leaves the run to another replica', async () => {
      const store = new NotedStore();
      const acquire = store.acquire.bind(store);
      let claim: Parameters<typeof acquire>[0]['claim'];
      jest.spyOn(store, 'acquire').mockImplementation(async (request) => {
        claim ??= request.claim;
        const reply = await acquire(request);
        await gate.pass();
        return reply;
      });
      const { module } = await start({ imports: [locksModule({ store })], providers: [prismaLike] }, [
        job(decorators),
      ]);
      await gate.reached;

      const closing = module.close();
      await eventually(() => expect(history).toContain('database closed'));
      gate.open();
      await closing;

      expect(history).toEqual(['database closed', 'connection closed']);
      const again = await acquire({ name: 'job', owner: 'another', holder: '{}', ttl: 1000, claim });
      expect(again.status).toBe('granted');
    });
  },
);

describe('an application that is closed', () => {
  it('twice behaves as if it was closed once', async () => {
    const app = await start(PLACES['a global module that is imported after'](), [job(KINDS['cron'])]);
    await closeMeanwhile(app);
    await app.module.close();
    expect(history.filter((event) => event === 'connection closed')).toHaveLength(1);
    expect(app.log.complaints).toEqual([]);
  });

  it('before it was initialised closes the connection', async () => {
    const module = await Test.createTestingModule({ imports: [locksModule()] }).compile();
    await module.close();
    expect(history).toEqual(['connection closed']);
  });

  it('with two lock modules waits for the jobs of both before the database closes', async () => {
    const second = { ...locksModule(), module: class Second extends ExclusiveLockModule {} };
    const app = await start({ imports: [locksModule(), GlobalDatabase, second] }, [job(KINDS['cron'])]);
    await closeMeanwhile(app);
    expect(history).toEqual([
      'begun',
      'written',
      'database closed',
      'connection closed',
      'connection closed',
    ]);
  });

  it('with providers of other scopes and modules that were loaded late shuts down in order', async () => {
    @Injectable({ scope: Scope.REQUEST })
    class OfRequest extends PrismaLike {}
    @Injectable({ scope: Scope.TRANSIENT })
    class Transient implements BeforeApplicationShutdown {
      beforeApplicationShutdown(): void {
        history.push('transient leaves');
      }
    }
    @Injectable()
    class User {
      constructor(readonly transient: Transient) {}
    }
    @Module({ providers: [PrismaLike] })
    class Late {}
    const providers = [prismaLike, OfRequest, Transient, User];
    const app = await start({ imports: [locksModule()], providers }, [job(KINDS['cron'])]);
    await app.module.get(LazyModuleLoader).load(() => Late);
    await closeMeanwhile(app);
    expect(history).toEqual(['begun', 'written', 'database closed', 'transient leaves', 'connection closed']);
    expect(app.log.complaints).toEqual([]);
  });
});

describe('a provider in a module at the same end of the order as ours', () => {
  it('is named in a warning at start, with what to do', async () => {
    const { log } = await start({ imports: [locksModule(), PlacedModule] });
    expect(log.ours('warn')).toEqual([
      expect.stringMatching(
        /^onModuleDestroy of PrismaLike \(in PlacedModule\) may be called before .* onApplicationShutdown\.$/,
      ),
    ]);
  });
});
