import { lookup } from 'node:dns';
import { Duplex } from 'node:stream';
import { inspect } from 'node:util';
import {
  ExclusiveLockModule,
  LockConfigurationError,
  openLocks,
  type ExclusiveLockModuleOptions,
  type OpenLocksOptions,
} from 'nestjs-exclusive-lock';
import { etcdStore } from 'nestjs-exclusive-lock/etcd';
import { createClient, createClientPool, createCluster, createSentinel } from 'redis';
import { createCluster as createCluster4 } from 'redis-4';
import { testRedisUrl } from '../../support/redis/test-redis.js';
import { restoreEnvironment, setEnvironment } from './support/environment.js';
import { closeApps, startApp, startFailure } from './support/nest-apps.js';

/** What JavaScript, or a configuration file, may hand in. */
type Anything = Record<string, unknown>;

const failure = (options: Anything): Promise<Error> => startFailure({ locks: options });

/** The error with which locks are not opened without Nest. */
const refusal = (options: Anything): Promise<unknown> =>
  openLocks(options as OpenLocksOptions).catch((error: unknown) => error);

beforeEach(() =>
  setEnvironment({ REDIS_URL: undefined, NODE_ENV: 'test', KUBERNETES_SERVICE_HOST: undefined }),
);

afterEach(async () => {
  await closeApps();
  restoreEnvironment();
});

describe('an invalid option is refused at start and by openLocks():', () => {
  const memory = { store: 'memory' };
  const etcd = { store: etcdStore({ endpoints: 'http://etcd-1:2379' }) };

  it.each<[what: string, options: Anything, told: string[]]>([
    ['an unknown option', { ...memory, lockTimeout: 5 }, ['lockTimeout', 'Known options', 'ttl', 'redis']],
    ['a misspelt option', { ...memory, TTL: 5000 }, ['TTL', 'Known options', 'ttl']],
    ['a ttl that is too short', { ...memory, ttl: 5 }, ['ttl = 5', 'from 100']],
    [
      'a ttl that is too short for the store',
      { ...etcd, ttl: '1500ms' },
      ['etcd at http://etcd-1:2379', 'at least 2000', 'ttl = 1500', 'Raise ttl'],
    ],
    ['an option of a store', { store: etcdStore({ endpoints: '' }) }, ['endpoints', "'http://etcd-1:2379'"]],
    ['a ttl that is text', { ...memory, ttl: 'x' }, ['ttl = "x"', 'number of milliseconds']],
    [
      'a ttl of text that looks like a number',
      { ...memory, ttl: '5000' },
      ['ttl = "5000"', 'no unit', '"5000ms"', 'Number()'],
    ],
    ['a ttl that is NaN', { ...memory, ttl: Number.NaN }, ['ttl = NaN', 'number of milliseconds']],
    ['a ttl without end', { ...memory, ttl: Infinity }, ['ttl = Infinity', '2147483647']],
    ['a ttl of null', { ...memory, ttl: null }, ['ttl = null', 'number of milliseconds']],
    [
      'too few renewals',
      { ...memory, ttl: 1000, renewEvery: 600 },
      ['ttl = 1000', 'renewEvery = 600', '1200'],
    ],
    ['too few renewals for the default ttl', { ...memory, renewEvery: 6000 }, ['renewEvery = 6000', '12000']],
    ['renewals without a pause', { ...memory, renewEvery: 0 }, ['renewEvery = 0', 'from 20']],
    ['a commandTimeout of 0', { ...memory, commandTimeout: 0 }, ['commandTimeout = 0', 'from 10']],
    ['a negative drainTimeout', { ...memory, drainTimeout: -1 }, ['drainTimeout = -1', 'from 0']],
    ['an empty prefix', { ...memory, prefix: '' }, ['prefix', '""', 'must not be empty']],
    ['a prefix with braces', { ...memory, prefix: '{app}' }, ['prefix', '"{app}"', 'braces']],
    ['a prefix with a line break', { ...memory, prefix: 'a\nb' }, ['prefix', String.raw`"a\nb"`, 'control']],
    ['a replica that is a number', { ...memory, replica: 3 }, ['replica', 'must be a string', '3']],
    ['a URL of another protocol', { redis: 'http://x' }, ['redis', 'http://', 'redis://']],
    ['a host and port without protocol', { redis: 'localhost:6379' }, ['redis', 'redis://', 'rediss://']],
    ['a database that is a word', { redis: 'redis://h/x' }, ['redis', '"x"', 'not a number', '/db']],
    ['a port out of range', { redis: 'redis://h:99999' }, ['redis', 'redis://', 'port']],
    [
      'an option in a URL that is neither true nor false',
      { redis: 'redis://h?enableReadyCheck=no' },
      ['redis', 'enableReadyCheck', 'neither true nor false'],
    ],
    [
      'a duration in a URL that is not a number',
      { redis: 'redis://h?connectTimeout=5s' },
      ['connectTimeout', 'number'],
    ],
    ['TLS in a URL that is switched off', { redis: 'redis://h?tls=false' }, ['tls', 'leave it out']],
    ['an empty URL', { redis: '' }, ['redis', 'redis://']],
    ['a redis that is a number', { redis: 42 }, ['redis = 42', 'URL', 'ioredis']],
    [
      'a URL among the options of ioredis',
      { redis: { url: 'redis://h' } },
      ['redis.url', 'localhost', 'URL'],
    ],
    ['options of another Redis package', { redis: { socket: { host: 'h' } } }, ['redis.socket', 'ioredis']],
    ['a cluster without nodes', { redis: { cluster: [] } }, ['redis.cluster', 'nodes', 'an array']],
    ['a cluster that is a host', { redis: { cluster: 'h' } }, ['redis.cluster', 'nodes', '"h"']],
    [
      'a client of another Redis package',
      { redis: { options: {}, duplicate: () => undefined } },
      ['redis', 'client of ioredis or node-redis', 'another package'],
    ],
    [
      'a client of node-redis whose URL has no value',
      { redis: createClient({ url: undefined }) },
      ['redis.url', 'localhost', 'Set it'],
    ],
    [
      'a cluster client of node-redis whose second URL has no value',
      { redis: createCluster({ rootNodes: [{ url: 'redis://h' }, { url: undefined }] }) },
      ['redis.rootNodes[1].url', 'no value'],
    ],
    [
      'a client of node-redis whose socket looks up names in its own way',
      { redis: createClient({ socket: { host: 'h', lookup } }) },
      ['socket.lookup', 'Leave that option out'],
    ],
    [
      'a client of node-redis whose TLS is spoken over a stream of its own',
      { redis: createClient({ socket: { tls: true, socket: new Duplex() } }) },
      ['socket.socket', 'client of ioredis'],
    ],
    [
      'a sentinel client of node-redis',
      { redis: createSentinel({ name: 'm', sentinelRootNodes: [{ host: 'h', port: 1 }] }) },
      ['redis', 'createSentinel()', '{ sentinels: [{ host, port }], name }'],
    ],
    [
      'a pool of node-redis',
      { redis: createClientPool() },
      ['redis', 'createClientPool()', '{ host, port }'],
    ],
    [
      'a cluster client of node-redis 4',
      { redis: createCluster4({ rootNodes: [{ url: 'redis://h' }] }) },
      ['redis', 'createCluster()', '{ cluster: [{ host, port }] }'],
    ],
    [
      'a client of node-redis whose credentials change',
      {
        redis: createClient({
          url: 'redis://h',
          credentialsProvider: {
            type: 'async-credentials-provider',
            credentials: async () => ({ password: 'p' }),
          },
        }),
      },
      ['redis', 'credentialsProvider', 'fixed', '{ host, port, username, password }'],
    ],
    ['a redis that is null', { redis: null }, ['redis = null', 'URL']],
    [
      'a store that does not exist',
      { store: 'mysql' },
      ['store = "mysql"', "'local'", "'memory'", 'LockStore'],
    ],
    ['a store that is a class', { store: Map }, ['store', 'a function', 'LockStore']],
    ['store: redis', { store: 'redis' }, ['store', '"redis"', "'local', 'memory' or a LockStore"]],
    ['redis with store: local', { redis: 'redis://h', store: 'local' }, ['redis', 'store', 'Leave one']],
    ['a folder with store: memory', { ...memory, folder: '/tmp/x' }, ['folder', "store: 'local'"]],
    ['a folder with redis', { redis: 'redis://h', folder: '/tmp/x' }, ['folder', "store: 'local'"]],
    ['a redis without a value', { redis: undefined }, ['redis = undefined', 'environment variable', 'leave']],
    ['a store without a value', { store: undefined }, ['store = undefined', 'environment variable']],
    ['neither of both', { redis: undefined, store: undefined }, ['redis = undefined']],
    ['a folder without a value', { store: 'local', folder: undefined }, ['folder = undefined', 'leave']],
    ['a folder without a value, alone', { folder: undefined }, ['folder = undefined']],
    [
      'a host without a value',
      { redis: { host: undefined, port: 1 } },
      ['redis.host', 'localhost', 'Set it'],
    ],
    ['a path without a value', { redis: { path: undefined } }, ['redis.path', 'localhost']],
    ['a cluster without a value', { redis: { cluster: undefined } }, ['redis.cluster', 'localhost']],
    [
      'a node without a host',
      { redis: { cluster: [{ host: '::1' }, { host: undefined }] } },
      ['redis.cluster[1].host'],
    ],
    ['a node without a value', { redis: { cluster: [undefined] } }, ['redis.cluster[0].host']],
    [
      'a sentinel without a host',
      { redis: { name: 'm', sentinels: [{ host: undefined, port: 1 }] } },
      ['redis.sentinels[0].host'],
    ],
    ['a folder that is a number', { store: 'local', folder: 42 }, ['folder', '42']],
  ])('%s', async (_what, options, told) => {
    for (const error of [await failure(options), await refusal(options)]) {
      expect(error).toMatchObject({ name: 'LockConfigurationError', code: 'LOCK_CONFIGURATION' });
      for (const part of told) expect((error as Error).message).toContain(part);
    }
  });

  it('options that are not an object', async () => {
    for (const wrong of ['redis://user:s3cret@h', 5, null]) {
      const attempt = (): unknown => ExclusiveLockModule.forRoot(wrong as never);
      expect(attempt).toThrow(LockConfigurationError);
      expect(attempt).toThrow('The options of ExclusiveLockModule must be an object');
      expect(attempt).not.toThrow('s3cret');
    }
  });

  it('an invalid REDIS_URL, which the error names', async () => {
    setEnvironment({ REDIS_URL: 'cache:6379' });
    await expect(failure({})).resolves.toMatchObject({
      code: 'LOCK_CONFIGURATION',
      message: expect.stringMatching(/^REDIS_URL is not a Redis URL/),
    });
  });
});

describe('an option without a value', () => {
  it('is refused if a factory returns it, for example from a variable that is not set', async () => {
    const locks = ExclusiveLockModule.forRootAsync({
      useFactory: () => ({ redis: process.env['REDIS_URL'] }) as ExclusiveLockModuleOptions,
    });
    await expect(startFailure({ locks: null, imports: [locks] })).resolves.toMatchObject({
      code: 'LOCK_CONFIGURATION',
      message: expect.stringMatching(/^redis has no value: redis = undefined\./),
    });
  });

  it('is accepted if another option says where locks live', async () => {
    for (const options of [
      { redis: undefined, store: 'memory' },
      { redis: testRedisUrl(), store: undefined, folder: undefined },
    ])
      await expect(startApp({ locks: options as ExclusiveLockModuleOptions })).resolves.toBeDefined();
  });

  it('is accepted if locks are off', async () => {
    const locks = { enabled: false, redis: undefined } as unknown as ExclusiveLockModuleOptions;
    await expect(startApp({ locks })).resolves.toBeDefined();
  });
});

describe('the password of an invalid Redis URL', () => {
  it.each([
    ['with another protocol', 'http://user:s3cret@host:6379'],
    ['without a protocol', 'user:s3cret@host:6379'],
    ['with a bad port', 'redis://user:s3cret@host:port'],
    ['with a bad database', 'redis://user:s3cret@host:6379/db'],
    ['in a password with a slash', 'redis://user:12/s3cret@host:6379'],
    ['in a user name with a slash', 'redis://user/s3cret@host:6379'],
    ['with blanks', 'redis://user:s3cret@ho st:6379'],
  ])('never appears in the error: %s', async (_how, url) => {
    for (const locks of [{ redis: url }, {}]) {
      setEnvironment({ REDIS_URL: url });
      const error = await failure(locks);
      expect(error).toMatchObject({ code: 'LOCK_CONFIGURATION' });
      const { message, stack, cause } = error;
      const texts = { message, stack, cause: String(cause), inspect: inspect(error, { depth: 9 }) };
      expect(Object.entries(texts).filter(([, text]) => text?.includes('s3cret'))).toHaveLength(0);
    }
  });
});
