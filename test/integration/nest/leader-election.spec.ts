import {
  applyDecorators,
  Inject,
  Injectable,
  Module,
  Scope,
  type DynamicModule,
  type OnApplicationBootstrap,
  type OnModuleDestroy,
  type Type,
} from '@nestjs/common';
import {
  Exclusive,
  ExclusiveLockService,
  LeaderElection,
  LockConfigurationError,
  type LeaderElectionOptions,
  type Lease,
  type LockEvent,
  type OnLeadershipAcquired,
  type OnLeadershipLost,
} from 'nestjs-exclusive-lock';
import { LockTestKit } from 'nestjs-exclusive-lock/testing';
import { MemoryLockStore } from '../../../lib/stores/memory/memory-lock-store.js';
import { eventually } from '../../support/eventually.js';
import { SHARED_STORES } from '../../support/stores.js';
import { Gate } from './support/gate.js';
import { loadError } from './support/load-error.js';
import { closeApps, compileApp, startApp, startFailure, type NestApp } from './support/nest-apps.js';

afterEach(closeApps);

/** What happened to the feeds of all replicas, in order. */
let history: string[] = [];
let store: MemoryLockStore;

beforeEach(() => {
  history = [];
  store = new MemoryLockStore();
});

/** Consumes while it leads; `name` is that of its replica. */
@Injectable()
@LeaderElection('feed')
class Feed implements OnLeadershipAcquired, OnLeadershipLost {
  readonly leases: Lease[] = [];

  constructor(@Inject('NAME') readonly name: string) {}

  onLeadershipAcquired(lease: Lease): void {
    this.leases.push(lease);
    history.push(`${this.name} leads ${ExclusiveLockService.current()?.name}`);
  }

  onLeadershipLost(lease: Lease): void {
    const { name, code } = lease.signal.reason as { name: string; code?: string };
    history.push(`${this.name} leads no more: ${typeof code === 'string' ? code : name}`);
  }
}

/** A replica whose feed does something else. */
function startFeed(
  name: string,
  methods: Partial<OnLeadershipAcquired & OnLeadershipLost>,
): Promise<NestApp> {
  const Other = Object.assign(class extends Feed {}, {});
  Object.assign(Other.prototype, methods);
  return startReplica(name, Other);
}

function startReplica(name: string, ...feeds: Type[]): Promise<NestApp> {
  const providers = [...(feeds.length > 0 ? feeds : [Feed]), { provide: 'NAME', useValue: name }];
  return startApp({ locks: { store, replica: name, ttl: 1500, drainTimeout: 2000 }, providers });
}

const happened = (...events: string[]) => eventually(() => expect(history).toEqual(events));

describe('a provider with @LeaderElection', () => {
  it('leads in one replica, and in another when that is closed', async () => {
    const first = await startReplica('a');
    await happened('a leads feed');
    const second = await startReplica('b');
    const [a, b] = [first, second].map(({ locks }) => locks.elect('feed'));
    await expect(b.leader()).resolves.toMatchObject({ replica: 'a' });
    expect([a.isLeader, b.isLeader]).toEqual([true, false]);

    await first.module.close();

    await happened('a leads feed', 'a leads no more: LOCK_SHUTTING_DOWN', 'b leads feed');
    expect([a.isLeader, b.isLeader]).toEqual([false, true]);
    const [before, after] = [first, second].map(({ module }) => module.get(Feed).leases[0].fencingToken);
    expect(after).toBeGreaterThan(before);
    for (const { log } of [first, second]) expect(log.complaints).toEqual([]);
  });

  it('goes on leading when onLeadershipAcquired has returned, or its promise is fulfilled', async () => {
    const { locks } = await startFeed('a', { onLeadershipAcquired: async () => void history.push('begun') });
    await happened('begun');
    await new Promise((resolve) => setTimeout(resolve, 50));

    expect(locks.elect('feed').isLeader).toBe(true);
    expect(history).toEqual(['begun']);
  });

  it('steps down if onLeadershipAcquired fails, stands back, and is logged once', async () => {
    const app = await startFeed('a', {
      onLeadershipAcquired: () => {
        history.push('fails');
        throw new Error('no broker');
      },
    });
    const second = await startReplica('b');

    await happened('fails', 'a leads no more: AbortError', 'b leads feed');
    // Nest's logger is that of the last application.
    const errors = () => [app, second].flatMap(({ log }) => log.ours('error'));
    await eventually(() => expect(errors()).toEqual([expect.stringContaining('no broker')]));
  });

  it('can step down by hand, by its lease or by the service', async () => {
    const { module, locks } = await startReplica('a');
    await happened('a leads feed');
    await module.get(Feed).leases[0].release();
    await happened('a leads feed', 'a leads no more: AbortError', 'a leads feed');

    locks.elect('feed').stepDown();
    await eventually(() => expect(history).toHaveLength(5));
  });

  it('is followed by another only when both its methods have ended', async () => {
    const [acquired, lost] = [new Gate(), new Gate()];
    const first = await startFeed('a', {
      onLeadershipAcquired: () => acquired.pass(),
      onLeadershipLost: () => lost.pass(),
    });
    await acquired.reached;
    await startReplica('b');
    const closing = first.module.close();
    // Told at once, not when the first method has ended.
    await lost.reached;
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(history).toEqual([]);

    lost.open();
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(history).toEqual([]);
    acquired.open();

    await closing;
    await happened('b leads feed');
  });

  it('is told of a loss, and leads again', async () => {
    const { locks, log } = await startReplica('a');
    await happened('a leads feed');
    const { fencingToken } = (await locks.inspect('feed'))!;
    await locks.forceRelease('feed', { fencingToken: fencingToken! });

    await eventually(() => expect(history).toHaveLength(3));
    expect(history).toEqual(['a leads feed', 'a leads no more: LOCK_LOST', 'a leads feed']);
    expect(log.ours('error')).toEqual([]);
  });

  it('ends in good order though onLeadershipLost fails, which is logged', async () => {
    const { module, log } = await startFeed('a', {
      onLeadershipLost: () => Promise.reject(new Error('still connected')),
    });
    await happened('a leads feed');
    await module.close();

    expect(log.ours('error')).toEqual([expect.stringMatching(/onLeadershipLost of .*still connected/)]);
  });

  it('may be made by a factory', async () => {
    const feed = new Feed('made');
    await startApp({ providers: [{ provide: 'FEED', useFactory: () => feed }] });
    await happened('made leads feed');
  });

  it('may be decorated by applyDecorators', async () => {
    @applyDecorators(Injectable(), LeaderElection('feed'))
    class Both implements OnLeadershipAcquired {
      onLeadershipAcquired(): void {
        history.push('both');
      }
    }
    await startReplica('a', Both);
    await happened('both');
  });

  it('leads when the application has started, after all start hooks', async () => {
    const gate = new Gate();
    @Injectable()
    class Broker implements OnApplicationBootstrap {
      async onApplicationBootstrap(): Promise<void> {
        await gate.pass();
        history.push('broker ready');
      }
    }
    const starting = startReplica('a', Broker, Feed);
    await gate.reached;
    await new Promise((resolve) => setTimeout(resolve, 30));
    gate.open();
    await starting;

    await happened('broker ready', 'a leads feed');
  });

  it('ends before the first onModuleDestroy of the application', async () => {
    @Injectable()
    class Database implements OnModuleDestroy {
      onModuleDestroy(): void {
        history.push('database closed');
      }
    }
    const { module } = await startReplica('a', Database, Feed);
    await happened('a leads feed');
    await module.close();

    await happened('a leads feed', 'a leads no more: LOCK_SHUTTING_DOWN', 'database closed');
  });

  it('does not stand for election in a process with ticks: false', async () => {
    const { locks } = await startApp({
      locks: { store, ticks: false },
      providers: [Feed, { provide: 'NAME', useValue: 'command' }],
    });
    await new Promise((resolve) => setTimeout(resolve, 30));
    await expect(locks.elect('feed').leader()).resolves.toBeNull();
    expect(history).toEqual([]);
  });

  it('does not hold up the start while the store is down, and leads when it is back', async () => {
    const kit = new LockTestKit();
    kit.down();
    const { log } = await startApp({
      locks: { store: kit.store },
      providers: [Feed, { provide: 'NAME', useValue: 'a' }],
    });
    await kit.clock.advance(10_000);
    expect(history).toEqual([]);
    expect(log.complaints).toHaveLength(1);

    kit.up();
    await kit.clock.advance(250);
    await happened('a leads feed');
  });

  it('leads together with others that share its election', async () => {
    const two = [1, 2].map((number) => {
      @Injectable()
      @LeaderElection('feed', { shared: true, ttl: 5000 })
      class Part implements OnLeadershipAcquired {
        onLeadershipAcquired({ fencingToken }: Lease): void {
          history.push(`${number} ${fencingToken}`);
          if (number === 2 && history.length === 2) throw new Error('no broker');
        }

        onLeadershipLost(): void {
          history.push(`${number} no more`);
        }
      }
      return Part;
    });
    await startReplica('a', ...two);

    await eventually(() => expect(history.length).toBeGreaterThanOrEqual(6));
    const [token, next] = [history[0].slice(2), history[4].slice(2)];
    expect(history).toEqual([`1 ${token}`, `2 ${token}`, '1 no more', '2 no more', `1 ${next}`, `2 ${next}`]);
  });
});

/** Each time another class of one name. */
function decorated(options?: LeaderElectionOptions, scope?: Scope): Type {
  @Injectable(scope === undefined ? {} : { scope })
  @LeaderElection('feed', options)
  class Consumer implements OnLeadershipAcquired {
    onLeadershipAcquired(): void {}
  }
  return Consumer;
}

describe('an application does not start if a provider with @LeaderElection', () => {
  @Injectable()
  // @ts-expect-error the class has neither method
  @LeaderElection('feed')
  class Nothing {}

  @Injectable()
  class Method {
    @Exclusive('feed')
    async consume(): Promise<void> {}
  }

  it.each<[what: string, providers: Type[], message: RegExp]>([
    ['has neither of its methods', [Nothing], /Nothing \(in .*neither onLeadershipAcquired nor/],
    ['is request-scoped', [decorated({}, Scope.REQUEST)], /"feed"\), but the provider is request-scoped/],
    ['is transient', [decorated({}, Scope.TRANSIENT)], /"feed"\), but the provider is transient/],
    ['has the election of another', [decorated(), decorated()], /both have @LeaderElection\("feed"\)/],
    ['shares it alone', [decorated(), decorated({ shared: true })], /both have @LeaderElection\("feed"\)/],
    [
      'shares it with other options',
      [decorated({ shared: true }), decorated({ shared: true, ttl: 5000 })],
      /have different options/,
    ],
    [
      'has the lock name of a method',
      [decorated(), Method],
      /Method.consume \(in .*has a lock of the same name/,
    ],
  ])('%s', async (_, providers, message) => {
    const error = await startFailure({ providers });
    expect(error).toBeInstanceOf(LockConfigurationError);
    expect(error.message).toMatch(message);
  });

  it('has no lock module', async () => {
    await expect(compileApp({ locks: null, providers: [decorated()] })).rejects.toThrow(
      '@LeaderElection() need ExclusiveLockModule.forRoot()',
    );
  });

  it('is provided twice', async () => {
    const Provider = decorated();
    @Module({ providers: [Provider] })
    class Again {}
    const imports: (Type | DynamicModule)[] = [Again];
    const error = await startFailure({ imports, providers: [Provider] });
    expect(error.message).toMatch(/Consumer \(in .* and Consumer \(in .* both have/);
  });

  it('but does if one object has several tokens', async () => {
    await startReplica('a', Feed, { provide: 'ALIAS', useExisting: Feed } as never);
    await happened('a leads feed');
  });
});

describe('@LeaderElection refuses, when the class is loaded,', () => {
  it.each<[what: string, name: unknown, options: unknown, message: RegExp]>([
    ['an empty name', '', {}, /The name of @LeaderElection must not be empty/],
    [
      'an option that nobody reads',
      'feed',
      { wait: 1 },
      /wait is not an option of @LeaderElection\("feed"\)/,
    ],
    ['a short ttl', 'feed', { ttl: 10 }, /ttl must be/],
    ['renewEvery alone', 'feed', { renewEvery: 100 }, /renewEvery needs a ttl/],
    ['contents that are no JSON', 'feed', { contents: 1n }, /contents must be/],
    ['shared that is no boolean', 'feed', { shared: 'no' }, /shared must be true or false/],
  ])('%s', (_, name, options, message) => {
    const error = loadError(() => LeaderElection(name as string, options as LeaderElectionOptions));
    expect(error).toMatchObject({ code: 'LOCK_CONFIGURATION' });
    expect(error.message).toMatch(message);
  });

  it('a method, as TypeScript does', () => {
    const error = loadError(() => {
      class Jobs {
        // @ts-expect-error a decorator of classes
        @LeaderElection('feed')
        run(): void {}
      }
      return Jobs;
    });
    expect(error.message).toMatch(/must decorate a class; "run"/);
  });
});

describe('the changes$ of an election', () => {
  it('emit what happens to the leadership of this replica, and so do the events', async () => {
    const { locks } = await startReplica('a');
    await happened('a leads feed');
    const seen: unknown[] = [];
    locks.events$.subscribe((event: LockEvent) => seen.push(event.type));
    locks.elect('other').changes$.subscribe(() => seen.push('wrong'));
    locks.elect('feed').changes$.subscribe((change) => seen.push(change));
    locks.elect('feed').stepDown();

    await eventually(() => expect(seen.length).toBeGreaterThanOrEqual(8));
    expect(seen).toEqual([
      'termEnded',
      expect.objectContaining({ type: 'termEnded', name: 'feed', reason: 'stepped-down', error: undefined }),
      'released',
      'finished',
      'acquired',
      'started',
      'termBegan',
      expect.objectContaining({ type: 'termBegan', name: 'feed', fencingToken: expect.any(Number) }),
    ]);
    const { led } = seen[1] as { led: number };
    expect(Number.isInteger(led)).toBe(true);
  });

  it('have subscribers that may throw', async () => {
    const { locks, log } = await startReplica('a');
    await happened('a leads feed');
    const election = locks.elect('feed');
    election.changes$.subscribe(() => {
      throw new Error('no gauge');
    });
    election.stepDown();

    await eventually(() => election.isLeader);
    expect(log.ours('error')[0]).toContain('no gauge');
  });
});

describe.each(SHARED_STORES)('leadership on %s', (_, makeStore) => {
  it('is handed over in the order of the queue', async () => {
    const shared = makeStore();
    const apps: NestApp[] = [];
    const ended: (() => Promise<unknown>)[] = [];
    const leaders: string[] = [];
    for (const name of ['a', 'b', 'c']) {
      const app = await startApp({ locks: { ...shared.options, ttl: 30_000, replica: name } });
      apps.push(app);
      const stop = new AbortController();
      const over = app.locks.elect('feed').whileLeader(
        ({ signal }) => {
          leaders.push(name);
          return new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));
        },
        { signal: stop.signal },
      );
      ended.push(() => (stop.abort(), over));
      // Each stands in the queue before the next comes.
      await eventually(
        async () => (await app.locks.inspect('feed'))?.waiters === Math.max(0, apps.length - 1),
      );
    }
    await ended[0]();
    await eventually(() => leaders.length === 2);
    await ended[1]();
    await eventually(() => leaders.length === 3);

    expect(leaders).toEqual(['a', 'b', 'c']);
    await expect(apps[0].locks.elect('feed').leader()).resolves.toMatchObject({ replica: 'c' });
    await closeApps();
    await shared.remove();
  });
});
