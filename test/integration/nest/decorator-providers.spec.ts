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
  it('has an inherited method under a lock, named after the class of the object', async () => {
    const { derived, twice } = await start();
    await expect(derived.inherited()).resolves.toBe('Derived.inherited');
    await expect(twice.inherited()).resolves.toBe('DerivedTwice.inherited');
    await expect(twice.own()).resolves.toBe('DerivedTwice.own');
  });

  it('has no lock on a method that is overridden without the decorator', async () => {
    const { derived } = await start();
    await expect(derived.overridden()).resolves.toEqual(['derived', undefined]);
  });

  it('has the lock within the call of super', async () => {
    const { derived } = await start();
    await expect(derived.calledBySuper()).resolves.toEqual([
      'derived',
      undefined,
      ['base', 'Derived.calledBySuper'],
    ]);
  });

  it('runs a decorated method whose super is decorated too, under one lock', async () => {
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

describe('how the object was made', () => {
  it('excludes two instances from each other, and keeps their `this` apart', async () => {
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
  ])('works with %s', async (_how, provider) => {
    const { module } = await startApp({ providers: [provider] });
    const counter = module.get<Counter>(PROVIDED);
    await expect(counter.count()).resolves.toBe('x');
    expect(Object.keys(counter).toSorted()).toEqual(['id', 'runs']);
  });

  it('leaves values without decorators as they are, frozen ones and odd ones too', async () => {
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

  it('works with a transient provider', async () => {
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

  it('works with a request-scoped provider', async () => {
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

  it('rejects, and names the method, with an object made with `new` outside of Nest', async () => {
    await expect(new Counter().count()).rejects.toMatchObject({
      name: 'LockServiceMissingError',
      code: 'LOCK_SERVICE_MISSING',
      message: expect.stringMatching(/Counter\.count .*@Exclusive.*let Nest construct/),
    });
  });

  it('rejects also where the method was taken off its object', async () => {
    const { module } = await startApp({ providers: [{ provide: PROVIDED, useValue: new Counter() }] });
    // oxlint-disable-next-line typescript/unbound-method
    const { count } = module.get<Counter>(PROVIDED);
    await expect(count()).rejects.toMatchObject({ code: 'LOCK_SERVICE_MISSING' });
  });

  it('leaves a class that is decorated but not in the application alone', async () => {
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

  it('lets a test have a method skipped', async () => {
    const fake = { run: async () => ({ status: 'skipped', reason: 'busy' }) };
    const { module } = await startApp({
      providers: [Jobs],
      override: (builder) => builder.overrideProvider(ExclusiveLockService).useValue(fake),
    });
    await expect(module.get(Jobs).run()).resolves.toBeUndefined();
  });
});
