import { Injectable, SetMetadata, applyDecorators } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import { Cron, Interval, ScheduleModule, Timeout } from '@nestjs/schedule';
import { Exclusive, LockConfigurationError } from 'nestjs-exclusive-lock';
import { Gate } from './support/gate.js';
import { loadError } from './support/load-error.js';
import { closeApps, startApp, startFailure } from './support/nest-apps.js';

afterEach(closeApps);

const NEVER = '0 0 0 1 1 *';

class NoTenant extends Error {}

const PerId = () =>
  applyDecorators(
    SetMetadata('team', 'search'),
    Exclusive((id: string) => `composed:${id}`),
  );

@Injectable()
class SearchIndex {
  readonly gates = new Map<string, Gate>();
  readonly built: string[] = [];
  name: unknown = 'given';

  @Exclusive((id: string) => `rebuild:${id}`)
  async rebuild(id: string, _force = false): Promise<string | undefined> {
    await this.gates.get(id)?.pass();
    this.built.push(id);
    return id;
  }

  @PerId()
  async composed(id: string): Promise<string> {
    return id;
  }

  @Exclusive((name: unknown) => name as string)
  async named(name: unknown): Promise<unknown> {
    this.built.push('named');
    return name;
  }

  @Exclusive(() => {
    throw new NoTenant('who are you?');
  })
  async throwing(): Promise<void> {
    this.built.push('throwing');
  }

  @Exclusive((id: string) => `gap:${id}`, { minGap: 60_000 })
  async rarely(id: string): Promise<string | undefined> {
    return id;
  }

  @Exclusive((...parts: (string | number)[]) => parts.join(':'))
  async variadic(first: string, second: number): Promise<string | undefined> {
    return `${first} ${second}`;
  }
}

async function start() {
  const { module, locks, log } = await startApp({ providers: [SearchIndex] });
  return { index: module.get(SearchIndex), module, locks, log };
}

describe('a name that is a function of the arguments', () => {
  it('excludes calls with the same name, and lets calls with other names run at the same time', async () => {
    const { index, locks } = await start();
    const gate = new Gate();
    index.gates.set('1', gate);
    const running = index.rebuild('1');
    await gate.reached;

    await expect(index.rebuild('1', true)).resolves.toBeUndefined();
    await expect(index.rebuild('2')).resolves.toBe('2');
    await expect(locks.inspect('rebuild:1')).resolves.toMatchObject({ name: 'rebuild:1' });
    gate.open();

    await expect(running).resolves.toBe('1');
    expect(index.built).toEqual(['2', '1']);
    await expect(locks.inspect('rebuild:1')).resolves.toBeNull();
  });

  it('gets all arguments of the call', async () => {
    const { index, locks } = await start();
    const lease = await locks.acquire('a:1');
    await expect(index.variadic('a', 1)).resolves.toBeUndefined();
    await expect(index.variadic('a', 2)).resolves.toBe('a 2');
    await lease?.release();
  });

  it('works within applyDecorators', async () => {
    const { index, module, locks } = await start();
    // oxlint-disable-next-line typescript/unbound-method
    expect(module.get(Reflector).get('team', SearchIndex.prototype.composed)).toBe('search');
    const lease = await locks.acquire('composed:1');
    await expect(index.composed('1')).resolves.toBeUndefined();
    await expect(index.composed('2')).resolves.toBe('2');
    await lease?.release();
  });

  it('applies minGap to each name separately', async () => {
    const { index } = await start();
    await expect(index.rarely('1')).resolves.toBe('1');
    await expect(index.rarely('1')).resolves.toBeUndefined();
    await expect(index.rarely('2')).resolves.toBe('2');
  });

  it.each<[what: string, name: unknown, told: string]>([
    ['nothing', undefined, 'must be a string; got undefined'],
    ['an empty name', '', 'must not be empty'],
    ['a line break', 'a\nb', 'control characters'],
    ['more than 512 bytes', 'a'.repeat(513), '512 bytes'],
    ['a number', 42, 'must be a string; got 42'],
    ['a promise', Promise.resolve('a'), 'must be a string; got an object'],
  ])(
    'rejects the call, names the method and does not run it if the function returns %s',
    async (_what, name, told) => {
      const { index } = await start();
      const error: unknown = await index.named(name).catch((thrown: unknown) => thrown);
      expect(error).toBeInstanceOf(LockConfigurationError);
      expect((error as Error).message).toContain('the function of @Exclusive on SearchIndex.named gave');
      expect((error as Error).message).toContain(told);
      expect(index.built).toEqual([]);
    },
  );

  it('rejects the call with the error that the function throws', async () => {
    const { index } = await start();
    await expect(index.throwing()).rejects.toThrow(NoTenant);
    expect(index.built).toEqual([]);
  });

  it.each<[kind: string, load: () => new () => object]>([
    [
      'a @Cron method',
      () => {
        class Jobs {
          @Cron(NEVER)
          @Exclusive((id: string) => id)
          async run(_id: string): Promise<void> {}
        }
        return Jobs;
      },
    ],
    [
      'an @Interval method',
      () => {
        class Jobs {
          @Exclusive(() => 'a')
          @Interval(60_000)
          async run(): Promise<void> {}
        }
        return Jobs;
      },
    ],
    [
      'a @Timeout method',
      () => {
        class Jobs {
          @Exclusive(() => 'a')
          @Timeout(60_000)
          async run(): Promise<void> {}
        }
        return Jobs;
      },
    ],
    [
      'a start hook (onModuleInit, onApplicationBootstrap)',
      () => {
        class Jobs {
          @Exclusive(() => 'a')
          async onModuleInit(): Promise<void> {}
        }
        return Jobs;
      },
    ],
  ])('is refused at start on %s, which has no arguments', async (kind, load) => {
    const failure = await startFailure({ imports: [ScheduleModule.forRoot()], providers: [load()] });
    expect(failure).toBeInstanceOf(LockConfigurationError);
    expect(failure.message).toMatch(/The name of @Exclusive on Jobs\.\w+ is a function of its arguments/);
    expect(failure.message).toContain(`this is ${kind}`);
  });

  it('is not confused with a class that was decorated without parentheses', () => {
    // @ts-expect-error it is a factory
    const error = loadError(() => Exclusive(SearchIndex));
    expect(error).toBeInstanceOf(LockConfigurationError);
    expect(error.message).toContain('The lock name of @Exclusive must be a string');
  });
});

// Compiled by `npm run typecheck`, which demands that each expected error is one.
describe('the types of a name function', () => {
  it('fit the parameters of the method, or do not compile', () => {
    class Fitting {
      @Exclusive((id: string) => id)
      async same(_id: string): Promise<void> {}

      @Exclusive((id: string) => id)
      async fewer(_id: string, _more: number): Promise<void> {}

      @Exclusive((id: string | number) => `${id}`)
      async wider(_id: string): Promise<void> {}

      @Exclusive((id?: string) => `${id}`)
      async optional(_id: string): Promise<void> {}

      @Exclusive(() => 'a')
      none(_id: string): Promise<number | undefined> {
        return Promise.resolve(1);
      }

      @Exclusive((ids: readonly string[]) => ids.join())
      async list(_ids: string[]): Promise<void> {}

      @Exclusive((...ids: string[]) => ids.join())
      async rest(..._ids: string[]): Promise<void> {}
    }

    class Misfit {
      // @ts-expect-error a string is no number
      @Exclusive((id: number) => `${id}`)
      other(_id: string): void {}

      // @ts-expect-error the method has one parameter only
      @Exclusive((id: string, more: string) => id + more)
      more(_id: string): void {}

      // @ts-expect-error the argument may be missing
      @Exclusive((id: string) => id)
      optional(_id?: string): void {}

      // @ts-expect-error the function gives no string
      @Exclusive((id: string) => id.length)
      number(_id: string): void {}

      // @ts-expect-error the name must be known when the method is called
      @Exclusive(async (id: string) => id)
      promise(_id: string): void {}
    }

    expect([Fitting, Misfit]).toHaveLength(2);
  });

  it('allow composition with other decorators', () => {
    const composed = applyDecorators(
      Exclusive('a'),
      Exclusive(),
      Exclusive((id: string) => id),
      Exclusive.defaults({ ttl: 1000 }),
    );
    const decorator: MethodDecorator = Exclusive((id: string) => id);
    expect([typeof composed, typeof decorator]).toEqual(['function', 'function']);
  });

  it('reject unknown options and invalid values', () => {
    const misuse = [
      // @ts-expect-error no such option
      () => Exclusive('a', { lease: 5 }),
      // @ts-expect-error no such policy
      () => Exclusive('a', { whenBusy: 'queue' }),
      // @ts-expect-error no such policy
      () => Exclusive('a', { whenUnavailable: 'wait' }),
      // @ts-expect-error no unit
      () => Exclusive('a', { whenBusy: 'wait', wait: '5' }),
      // @ts-expect-error no such unit
      () => Exclusive('a', { maxHold: '30 bananas' }),
      // @ts-expect-error true or false
      () => Exclusive('a', { shared: 'yes' }),
      // @ts-expect-error no such option
      () => Exclusive.defaults({ name: 'a' }),
    ];
    for (const use of misuse) expect(loadError(use)).toBeInstanceOf(LockConfigurationError);
  });
});
