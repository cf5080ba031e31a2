import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { eventually } from '../../support/eventually.js';
import { noteChild } from '../../support/leftovers.js';
import { RedisServer } from '../../support/redis/redis-server.js';
import { startCluster } from '../redis/support/cluster.js';
import { closeEverything, openStore, wanted, WITHIN } from '../redis/support/redis-stores.js';
import { MASTER_NAME, startSentinel } from '../redis/support/sentinel.js';

const FAILURES: [where: string, provider: string][] = [
  [
    'a provider',
    `{ provide: 'x', inject: [ExclusiveLockService], useFactory: () => { throw new Error('x'); } }`,
  ],
  ['onModuleInit', `class { async onModuleInit() { throw new Error('x'); } }`],
  ['onApplicationBootstrap', `class { async onApplicationBootstrap() { throw new Error('x'); } }`],
];
/** Begins to listen for its turn first. */
const WAITER = `{ provide: 'x', inject: [ExclusiveLockService], useFactory: async (locks) => {
  await locks.acquire('busy', { wait: 500 }).catch(() => {});
  throw new Error('x');
} }`;

describe('a process whose application fails to start', () => {
  afterEach(closeEverything);

  it.each(FAILURES)(
    'because of %s ends by itself: its connection to Redis does not keep it alive',
    async (_, fails) => {
      const server = await RedisServer.start();
      await expectEnd(start({ redis: server.url }, fails));
    },
  );

  it.each(FAILURES)('because of %s ends by itself on the local store', async (_, fails) => {
    await expectEnd(start({ store: 'local' }, fails));
  });

  it('ends by itself while it tries to reach a Redis that is down', async () => {
    const server = await RedisServer.start();
    const fails = `{ provide: 'x', inject: [ExclusiveLockService], useFactory: async () => {
      process.kill(${server.pid}, 'SIGKILL');
      await new Promise((resolve) => setTimeout(resolve, 500));
      throw new Error('x');
    } }`;
    await expectEnd(start({ redis: server.url }, fails));
  });

  it('ends by itself although it has subscribed to hand-overs', async () => {
    const server = await RedisServer.start();
    await holdIn(server);
    await expectEnd(start({ redis: server.url, prefix: 'locks' }, WAITER));
  });

  it('ends by itself with connections to sentinels', async () => {
    const server = await RedisServer.start();
    const sentinel = await startSentinel(server.port);
    await holdIn(server);
    const redis = { sentinels: [{ host: '127.0.0.1', port: sentinel.port }], name: MASTER_NAME };
    await expectEnd(start({ redis, prefix: 'locks' }, WAITER));
    await sentinel.close();
  });

  it('ends by itself with connections to the nodes of a cluster', async () => {
    const cluster = await startCluster();
    const { store } = await openStore({ cluster: cluster.nodes });
    await store.acquire(wanted('busy'), WITHIN);
    await expectEnd(start({ redis: { cluster: cluster.nodes }, prefix: 'locks' }, WAITER));
  });
});

describe('a process that does nothing but wait', () => {
  afterEach(closeEverything);

  it('for a lock stays alive until it has the lock', async () => {
    const server = await RedisServer.start();
    const { store, request } = await holdIn(server);
    const child = start({ redis: server.url, prefix: 'locks' }, waitsWith('{ wait: true }'));
    await eventually(async () => (await store.inspect('busy', WITHIN))?.waiters === 1);
    await store.release({ ...request, end: 'unfinished' }, WITHIN);
    expect(await endOf(child)).toEqual({ code: 0, output: 'started\nhas it\n' });
  });

  it('for a reply of Redis stays alive until the reply has arrived', async () => {
    const server = await RedisServer.start();
    const child = start({ redis: server.url, commandTimeout: 60_000 }, waitsWith('{}', server.pid));
    await eventually(() => outputs.get(child) === 'started\n');
    server.resume();
    expect(await endOf(child)).toEqual({ code: 0, output: 'started\nhas it\n' });
  });
});

/** Where there is a server it stands still by then. */
const waitsWith = (options: string, pid?: number): string => `class {
  static inject = [ExclusiveLockService];
  constructor(locks) { this.locks = locks; }
  onApplicationBootstrap() {
    ${pid ? `process.kill(${pid}, 'SIGSTOP');` : ''}
    void this.locks.acquire('busy', ${options}).then(() => console.log('has it'));
  }
}`;

async function holdIn(server: RedisServer) {
  const { store } = await openStore(server.url);
  const request = wanted('busy');
  await store.acquire(request, WITHIN);
  return { store, request };
}

const outputs = new WeakMap<ChildProcess, string>();

/** On the built package, which a failed start leaves to itself: nobody has the application to close it. */
function start(options: object, provider: string): ChildProcess {
  const script = `
    await import('reflect-metadata');
    const { Inject, Module } = await import('@nestjs/common');
    const { NestFactory } = await import('@nestjs/core');
    const { ExclusiveLockModule, ExclusiveLockService } = await import('nestjs-exclusive-lock');
    const provider = ${provider};
    provider.inject?.forEach((token, i) => typeof provider === 'function' && Inject(token)(provider, undefined, i));
    class App {}
    Module({ imports: [ExclusiveLockModule.forRoot(${JSON.stringify(options)})], providers: [provider] })(App);
    await NestFactory.createApplicationContext(App, { logger: false, abortOnError: false }).then(
      () => console.log('started'),
      () => console.log('failed'),
    );`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  noteChild(child);
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (text: Buffer) => outputs.set(child, (outputs.get(child) ?? '') + String(text)));
  return child;
}

async function endOf(child: ChildProcess): Promise<{ code: number; output: string | undefined }> {
  const [code] = (await once(child, 'close')) as [number];
  return { code, output: outputs.get(child) };
}

async function expectEnd(child: ChildProcess): Promise<void> {
  expect(await endOf(child)).toEqual({ code: 0, output: 'failed\n' });
}
