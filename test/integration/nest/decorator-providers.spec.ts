import { Inject, Injectable, Optional, Scope } from '@nestjs/common';
import { Exclusive, ExclusiveLockService } from 'nestjs-exclusive-lock';
import { closeApps, startApp } from './support/nest-apps.js';

afterEach(closeApps);

const currentName = (): string | undefined => ExclusiveLockService.current()?.name;

class Base {
  @Exclusive()
  async inherited() {
    return currentName();
  }

  @Exclusive('overridden')
  async overridden(): Promise<unknown> {
    return ['base', currentName()];
  }

  @Exclusive()
  async calledBySuper(): Promise<unknown> {
    return ['base', currentName()];
  }
}

@Injectable()
class Derived extends Base {
  override async overridden(): Promise<unknown> {
    return ['derived', currentName()];
  }

  override async calledBySuper(): Promise<unknown> {
    return ['derived', currentName(), await super.calledBySuper()];
  }

  @Exclusive()
  async own() {
    return currentName();
  }
}

@Injectable()
class DerivedTwice extends Derived {
  @Exclusive()
  override async calledBySuper(): Promise<unknown> {
    return ['twice', currentName(), await super.calledBySuper()];
  }
}

async function start() {
  const { module } = await startApp({ providers: [Derived, DerivedTwice] });
  return { derived: module.get(Derived), twice: module.get(DerivedTwice) };
}

describe('inheritance', () => {
  it('runs an inherited method under a lock that is named after the class of the object', async () => {
    const { derived, twice } = await start();
    await expect(derived.inherited()).resolves.toBe('Derived.inherited');
    await expect(twice.inherited()).resolves.toBe('DerivedTwice.inherited');
    await expect(twice.own()).resolves.toBe('DerivedTwice.own');
  });

  it('runs an override without the decorator without a lock', async () => {
    const { derived } = await start();
    await expect(derived.overridden()).resolves.toEqual(['derived', undefined]);
  });

  it('takes the lock for the call of super', async () => {
    const { derived } = await start();
    await expect(derived.calledBySuper()).resolves.toEqual([
      'derived',
      undefined,
      ['base', 'Derived.calledBySuper'],
    ]);
  });

  it('runs a decorated method whose super method is also decorated under one lock', async () => {
    const { twice } = await start();
    const name = 'DerivedTwice.calledBySuper';
    await expect(twice.calledBySuper()).resolves.toEqual(['twice', name, ['derived', name, ['base', name]]]);
  });
});

@Injectable()
class Counter {
  readonly runs: string[] = [];

  constructor(@Optional() readonly id = 'x') {}

  @Exclusive('counted')
  async count(): Promise<string | undefined> {
    this.runs.push(this.id);
    await new Promise(setImmediate);
    return this.id;
  }
}

const PROVIDED = 'PROVIDED_COUNTER';

describe('objects of every origin', () => {
  it('two instances exclude each other, and each has its own `this`', async () => {
    const make = (id: string) => ({ provide: id, useFactory: () => new Counter(id) });
    const { module } = await startApp({ providers: [make('a'), make('b')] });
    const [a, b] = [module.get<Counter>('a'), module.get<Counter>('b')];
    await expect(Promise.all([a.count(), b.count()])).resolves.toEqual(['a', undefined]);
    await expect(b.count()).resolves.toBe('b');
    expect([a.runs, b.runs]).toEqual([['a'], ['b']]);
  });

  it.each([
    ['useFactory', { provide: PROVIDED, useFactory: () => new Counter() }],
    ['an async useFactory', { provide: PROVIDED, useFactory: async () => new Counter() }],
    ['useValue', { provide: PROVIDED, useValue: new Counter() }],
    ['useClass', { provide: PROVIDED, useClass: Counter }],
  ])('the decorator works with %s', async (_how, provider) => {
    const { module } = await startApp({ providers: [provider] });
    const counter = module.get<Counter>(PROVIDED);
    await expect(counter.count()).resolves.toBe('x');
    expect(Object.keys(counter).toSorted()).toEqual(['id', 'runs']);
  });

  it('values without decorators stay unchanged, including frozen and odd ones', async () => {
    const odd = {
      frozen: Object.freeze({ a: 1 }),
      nothing: null,
      text: 'a',
      list: [1],
      bare: Object.create(null),
    };
    const providers = Object.entries(odd).map(([provide, useValue]) => ({
      provide,
      useValue: useValue as unknown,
    }));
    const { module } = await startApp({ providers });
    for (const [token, value] of Object.entries(odd)) expect(module.get(token)).toBe(value);
  });

  it('the decorator works with a transient provider', async () => {
    @Injectable({ scope: Scope.TRANSIENT })
    class Transient {
      @Exclusive('transient')
      async run() {
        return currentName();
      }
    }
    @Injectable()
    class User {
      constructor(readonly mine: Transient) {}
    }
    const { module } = await startApp({ providers: [Transient, User] });
    await expect(module.get(User).mine.run()).resolves.toBe('transient');
    await expect((await module.resolve(Transient)).run()).resolves.toBe('transient');
  });

  it('the decorator works with a request-scoped provider', async () => {
    @Injectable({ scope: Scope.REQUEST })
    class PerRequest {
      @Exclusive('per-request')
      async run() {
        return currentName();
      }
    }
    const { module } = await startApp({ providers: [PerRequest] });
    await expect((await module.resolve(PerRequest)).run()).resolves.toBe('per-request');
  });

  it('a call on an object made with `new` outside of Nest rejects and names the method', async () => {
    await expect(new Counter().count()).rejects.toMatchObject({
      name: 'LockServiceMissingError',
      code: 'LOCK_SERVICE_MISSING',
      message: expect.stringMatching(/Counter\.count .*@Exclusive.*let Nest construct/),
    });
  });

  it('a call of a method that was detached from its object rejects', async () => {
    const { module } = await startApp({ providers: [{ provide: PROVIDED, useValue: new Counter() }] });
    // oxlint-disable-next-line typescript/unbound-method
    const { count } = module.get<Counter>(PROVIDED);
    await expect(count()).rejects.toMatchObject({ code: 'LOCK_SERVICE_MISSING' });
  });

  it('a decorated class outside of the application stays unchanged', async () => {
    const { module } = await startApp();
    expect(() => module.get(Counter)).toThrow(/could not find Counter/);
  });
});

describe('overrideProvider(ExclusiveLockService)', () => {
  @Injectable()
  class Jobs {
    constructor(@Inject(ExclusiveLockService) readonly locks: ExclusiveLockService) {}

    @Exclusive()
    async run(): Promise<string | undefined> {
      return 'the method';
    }
  }

  it('reaches the decorator', async () => {
    const asked: string[] = [];
    const fake = {
      run: async (name: string) => (asked.push(name), { status: 'ran', value: 'the fake' }),
    };
    const { module } = await startApp({
      providers: [Jobs],
      override: (builder) => builder.overrideProvider(ExclusiveLockService).useValue(fake),
    });
    await expect(module.get(Jobs).run()).resolves.toBe('the fake');
    expect(asked).toEqual(['Jobs.run']);
    expect(module.get(Jobs).locks).toBe(fake);
  });

  it('lets a test make a method skip', async () => {
    const fake = { run: async () => ({ status: 'skipped', reason: 'busy' }) };
    const { module } = await startApp({
      providers: [Jobs],
      override: (builder) => builder.overrideProvider(ExclusiveLockService).useValue(fake),
    });
    await expect(module.get(Jobs).run()).resolves.toBeUndefined();
  });
});
