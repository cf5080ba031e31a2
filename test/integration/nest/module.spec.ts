import { Injectable, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Cluster, Redis } from 'ioredis';
import {
  ExclusiveLockModule,
  ExclusiveLockService,
  type ExclusiveLockModuleOptions,
  type LockStore,
} from 'nestjs-exclusive-lock';
import { MemoryLockStore } from '../../../lib/stores/memory/memory-lock-store.js';
import { freePort } from '../../support/free-port.js';
import { removeKeys, testRedisUrl, uniquePrefix } from '../../support/redis/test-redis.js';
import { CapturingLogger } from './support/capturing-logger.js';
import { restoreEnvironment, setEnvironment } from './support/environment.js';
import { closeAfterwards, closeApps, compileApp, startApp, startFailure } from './support/nest-apps.js';

beforeEach(() =>
  setEnvironment({ REDIS_URL: undefined, NODE_ENV: 'test', KUBERNETES_SERVICE_HOST: undefined }),
);

afterEach(async () => {
  await closeApps();
  restoreEnvironment();
});

describe('forRoot() without options', () => {
  it('uses REDIS_URL if it is set, without a warning', async () => {
    setEnvironment({ REDIS_URL: testRedisUrl() });
    const name = uniquePrefix();
    const client = new Redis(testRedisUrl());
    try {
      const { locks, log } = await startApp({ locks: null, imports: [ExclusiveLockModule.forRoot()] });
      await locks.run(name, async () => expect(await client.exists(`exclusive-lock:${name}`)).toBe(1));
      expect(log.complaints).toEqual([]);
    } finally {
      await removeKeys(client, `exclusive-lock:${name}`);
      await client.unlink(`{exclusive-lock:${name}}:token`);
      client.disconnect();
    }
  });

  it('uses REDIS_URL in production', async () => {
    setEnvironment({ REDIS_URL: testRedisUrl(), NODE_ENV: 'production' });
    const { log } = await startApp({ locks: {} });
    expect(log.complaints).toEqual([]);
  });

  it('uses the local store otherwise, with exactly one warning that says how to choose', async () => {
    const { locks, log } = await startApp({ locks: { prefix: uniquePrefix() } });
    await expect(locks.run('job', () => 'done')).resolves.toEqual({ status: 'ran', value: 'done' });
    expect(log.complaints).toHaveLength(1);
    expect(log.ours('warn')).toEqual([expect.stringMatching(/local store.*REDIS_URL.*store: 'local'/s)]);
  });

  it('ignores an empty REDIS_URL', async () => {
    setEnvironment({ REDIS_URL: '' });
    const { log } = await startApp({ locks: { prefix: uniquePrefix() } });
    expect(log.ours('warn')).toHaveLength(1);
  });

  it.each([
    ['in production', { NODE_ENV: 'production' }],
    ['on Kubernetes', { KUBERNETES_SERVICE_HOST: '10.0.0.1' }],
  ])(
    'does not start %s if no option says where locks live, and says what to set',
    async (_where, variables) => {
      setEnvironment(variables);
      const error = await startFailure({ locks: {} });
      expect(error).toMatchObject({ name: 'LockConfigurationError', code: 'LOCK_CONFIGURATION' });
      for (const part of ['REDIS_URL', 'redis', "store: 'local'"]) expect(error.message).toContain(part);
    },
  );
});

describe('the module without forRoot()', () => {
  @Module({ imports: [ExclusiveLockModule] })
  class FeatureModule {}

  it.each([
    ['in the root module', [ExclusiveLockModule]],
    ['in another module, with forRoot() in the root module', [ExclusiveLockModule.forRoot(), FeatureModule]],
  ])('says %s that forRoot() is missing and where to put it', async (_where, imports) => {
    const error = await startFailure({ locks: null, imports });
    expect(error).toMatchObject({ code: 'LOCK_CONFIGURATION' });
    expect(error.message).toMatch(
      /imported without forRoot\(\)\. .*imports of the root module\. .*other modules need not import it/,
    );
  });
});

describe('forRoot() with a store', () => {
  it('keeps locks in memory, and logs no warning', async () => {
    const { locks, log } = await startApp({ locks: { store: 'memory' } });
    await expect(locks.run('job', (lease) => lease.fencingToken)).resolves.toMatchObject({ status: 'ran' });
    expect(log.complaints).toEqual([]);
  });

  it('works in production if a store is set', async () => {
    setEnvironment({ NODE_ENV: 'production' });
    await expect(startApp({ locks: { store: 'memory' } })).resolves.toBeDefined();
  });

  it('prefers the options to REDIS_URL', async () => {
    setEnvironment({ REDIS_URL: 'redis://127.0.0.1:1' });
    const { locks, log } = await startApp({ locks: { store: 'memory' } });
    await expect(locks.run('job', () => 1)).resolves.toEqual({ status: 'ran', value: 1 });
    expect(log.complaints).toEqual([]);
  });

  it('uses a LockStore of the user, and closes it with the application', async () => {
    const calls: string[] = [];
    const memory = new MemoryLockStore();
    const store = new Proxy<LockStore>(memory, {
      get(target, method) {
        const value: unknown = Reflect.get(target, method, target);
        if (typeof value !== 'function') return value;
        return (...args: unknown[]): unknown => (calls.push(String(method)), value.apply(target, args));
      },
    });
    const { module, locks } = await startApp({ locks: { store } });
    await locks.run('job', () => locks.inspect('job'));
    await module.close();
    expect(calls).toEqual(['acquire', 'inspect', 'release', 'close']);
  });

  it('accepts an ioredis client, ioredis options with undefined values, and nodes of a cluster', async () => {
    const client = new Redis(testRedisUrl(), { lazyConnect: true });
    const { host, port } = client.options;
    const cluster = new Cluster([{ host: '127.0.0.1', port: await freePort() }], { lazyConnect: true });
    for (const redis of [client, { host, port, url: undefined, cluster: undefined }]) {
      const { locks } = await startApp({ locks: { redis, prefix: uniquePrefix() } });
      await expect(locks.run('job', () => 'done')).resolves.toEqual({ status: 'ran', value: 'done' });
    }
    for (const redis of [cluster, { cluster: ['127.0.0.1:1'] }])
      await expect(startApp({ locks: { redis, commandTimeout: 10 } })).resolves.toBeDefined();
    client.disconnect();
    cluster.disconnect();
  });

  it.each([
    ['in production', { NODE_ENV: 'production' }],
    ['on Kubernetes', { KUBERNETES_SERVICE_HOST: '10.0.0.1' }],
  ])('warns of locks in memory %s, where several replicas are likely', async (_where, variables) => {
    setEnvironment(variables);
    const { log } = await startApp({ locks: { store: 'memory' } });
    expect(log.ours('warn')).toEqual([
      expect.stringContaining("in the memory of this process (store: 'memory')"),
    ]);
  });

  it('rejects an object that lacks methods of a LockStore, and names them', async () => {
    const store = { description: 'broken', acquire: () => undefined, inspect: 'no function' };
    const error = await startFailure({ locks: { store: store as unknown as LockStore } });
    expect(error).toMatchObject({ code: 'LOCK_CONFIGURATION' });
    expect(error.message).toMatch(/store must be a LockStore.*renew, release, inspect, close/);
  });
});

const MEMORY: ExclusiveLockModuleOptions = { store: 'memory', replica: 'from-the-configuration' };

@Injectable()
class Configuration {
  readonly locks = MEMORY;

  createExclusiveLockOptions(): ExclusiveLockModuleOptions {
    return this.locks;
  }
}

@Module({ providers: [Configuration], exports: [Configuration] })
class ConfigurationModule {}

describe('forRootAsync()', () => {
  it.each([
    [
      'useFactory with inject and imports',
      () =>
        ExclusiveLockModule.forRootAsync({
          imports: [ConfigurationModule],
          inject: [Configuration],
          useFactory: async (configuration: Configuration) => configuration.locks,
        }),
    ],
    ['useClass', () => ExclusiveLockModule.forRootAsync({ useClass: Configuration })],
    [
      'useExisting',
      () => ExclusiveLockModule.forRootAsync({ imports: [ConfigurationModule], useExisting: Configuration }),
    ],
  ])('takes its options by %s', async (_by, locks) => {
    const { locks: service } = await startApp({ locks: null, imports: [locks()] });
    const outcome = await service.run('job', () => service.inspect('job'));
    expect(outcome).toMatchObject({ value: { holder: { replica: 'from-the-configuration' } } });
  });

  it('rejects invalid options as forRoot() does', async () => {
    const locks = ExclusiveLockModule.forRootAsync({ useFactory: () => ({ ...MEMORY, ttl: 5 }) });
    await expect(startFailure({ locks: null, imports: [locks] })).resolves.toMatchObject({
      code: 'LOCK_CONFIGURATION',
      message: expect.stringContaining('ttl = 5'),
    });
  });

  it('rejects a factory that returns no options, and says so', async () => {
    const locks = ExclusiveLockModule.forRootAsync({
      useFactory: () => undefined as unknown as ExclusiveLockModuleOptions,
    });
    await expect(startFailure({ locks: null, imports: [locks] })).resolves.toMatchObject({
      code: 'LOCK_CONFIGURATION',
      message: expect.stringMatching(/must be an object; got undefined/),
    });
  });
});

describe('the service', () => {
  @Injectable()
  class Feature {
    constructor(readonly locks: ExclusiveLockService) {}
  }

  @Module({ providers: [Feature] })
  class FeatureModule {}

  it('can be injected in every module', async () => {
    const { module, locks } = await startApp({ imports: [FeatureModule] });
    expect(module.get(Feature, { strict: false }).locks).toBe(locks);
  });

  it('can be injected only beside the import with isGlobal: false', async () => {
    const imports = [ExclusiveLockModule.forRoot({ store: 'memory', isGlobal: false })];
    const { module, locks } = await startApp({ locks: null, imports, providers: [Feature] });
    expect(module.get(Feature).locks).toBe(locks);
    await expect(compileApp({ locks: null, imports: [...imports, FeatureModule] })).rejects.toThrow(
      /ExclusiveLockService/,
    );
  });

  it('works in an application context of NestFactory', async () => {
    @Module({ imports: [ExclusiveLockModule.forRoot({ store: 'memory' })], providers: [Feature] })
    class AppModule {}
    const logger = new CapturingLogger();
    const app = closeAfterwards(
      await NestFactory.createApplicationContext(AppModule, { logger, abortOnError: false }),
    );
    await expect(app.get(Feature).locks.run('job', () => 7)).resolves.toEqual({ status: 'ran', value: 7 });
    expect(logger.complaints).toEqual([]);
  });
});
