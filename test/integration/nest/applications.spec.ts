import { Injectable, type OnModuleInit, type Provider } from '@nestjs/common';
import { Exclusive } from 'nestjs-exclusive-lock';
import { MemoryLockStore } from '../../../lib/stores/memory/memory-lock-store.js';
import { SHARED_STORES, type SharedStore } from '../../support/stores.js';
import { Gate } from './support/gate.js';
import { closeApps, startApp, startFailure } from './support/nest-apps.js';

afterEach(closeApps);

/** Nest's own example has this name in many applications. */
@Injectable()
class AppService implements OnModuleInit {
  static readonly migrated: string[] = [];

  @Exclusive()
  async onModuleInit(): Promise<void> {
    AppService.migrated.push('migrated');
  }
}

/** In the memory of the test, which two applications share. */
function sharedMemory(): SharedStore {
  return { options: { store: new MemoryLockStore() }, remove: async () => undefined };
}

const STORES = [...SHARED_STORES, ['a store in memory', sharedMemory] as const];

describe.each(STORES)('two applications with one prefix, on %s', (_name, makeStore) => {
  let store: SharedStore;
  beforeEach(() => {
    AppService.migrated.length = 0;
    store = makeStore();
  });
  afterEach(async () => {
    await closeApps();
    await store.remove();
  });

  const start = (application: string, providers: Provider[] = [AppService]) =>
    startApp({ locks: { ...store.options, application }, providers });
  const tick = { occurrence: { tick: new Date(), job: 'handleCron' } };

  it('log one error line if the other application has already run a start hook of the same name', async () => {
    const shop = await start('shop');
    const blog = await start('blog');
    expect(AppService.migrated).toHaveLength(1);
    expect(shop.log.ours('error')).toEqual([]);
    expect(blog.log.ours('error')).toEqual([
      expect.stringMatching(
        /^"AppService\.onModuleInit" was run by the application "shop", but this application is "blog": .*prefix.*application/,
      ),
    ]);
  });

  it('log one error line for each lock that the other one holds or has run a tick of', async () => {
    const [shop, blog] = [await start('shop', []), await start('blog', [])];
    await shop.locks.run('TasksService.handleCron', () => undefined, tick);
    const gate = new Gate();
    const holding = shop.locks.run('import', () => gate.pass());
    await gate.reached;
    for (let times = 0; times < 3; times++) {
      await expect(blog.locks.run('TasksService.handleCron', () => 1, tick)).resolves.toMatchObject({
        reason: 'done',
      });
      await expect(blog.locks.run('import', () => 1)).resolves.toMatchObject({
        reason: 'busy',
        holder: { application: 'shop' },
      });
    }
    gate.open();
    await holding;
    expect(blog.log.ours('error')).toEqual([
      expect.stringMatching(/^"TasksService\.handleCron" was run by the application "shop"/),
      expect.stringMatching(/^"import" is held by the application "shop"/),
    ]);
    expect(shop.log.ours('error')).toEqual([]);
  });

  it('log nothing if they are replicas of one application', async () => {
    const [one, other] = [await start('shop'), await start('shop')];
    const gate = new Gate();
    const holding = one.locks.run('import', () => gate.pass());
    await gate.reached;
    await expect(other.locks.run('import', () => 1)).resolves.toMatchObject({ reason: 'busy' });
    gate.open();
    await holding;
    expect([...one.log.ours('error'), ...other.log.ours('error')]).toEqual([]);
  });
});

describe('the option application', () => {
  it('is the name of the package by default', async () => {
    const { locks } = await startApp();
    await locks.run('a', async () => {
      await expect(locks.inspect('a')).resolves.toMatchObject({
        holder: { application: 'nestjs-exclusive-lock' },
      });
    });
  });

  it('is checked', async () => {
    const error = await startFailure({ locks: { store: 'memory', application: 'a\nb' } });
    expect(error).toMatchObject({ code: 'LOCK_CONFIGURATION' });
    expect(error.message).toMatch(/^application must not contain control characters/);
  });
});

describe('a prefix with a colon', () => {
  it('is refused, because the locks of two prefixes would overlap', async () => {
    const error = await startFailure({ locks: { store: 'memory', prefix: 'app:staging' } });
    expect(error).toMatchObject({ code: 'LOCK_CONFIGURATION' });
    expect(error.message).toMatch(
      /^prefix must not contain a colon.*"app:staging".*"app-staging".*keyPrefix/,
    );
  });
});
