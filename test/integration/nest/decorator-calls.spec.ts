import { Injectable } from '@nestjs/common';
import { inspect } from 'node:util';
import { Exclusive, ExclusiveLockService } from 'nestjs-exclusive-lock';
import { Gate } from './support/gate.js';
import { closeApps, startApp } from './support/nest-apps.js';

afterEach(closeApps);

class OutOfStock extends Error {}

@Injectable()
class Orders {
  gate = new Gate();
  calls: unknown[][] = [];
  readonly city = 'Zürich';

  @Exclusive()
  async ship(...args: unknown[]): Promise<string | undefined> {
    this.calls.push(args);
    return `${this.city} ${args.length}`;
  }

  // @ts-expect-error JavaScript may, and the call returns a promise all the same
  @Exclusive('orders-count')
  count(): number {
    return 42;
  }

  @Exclusive()
  async failing(): Promise<void> {
    throw new OutOfStock('sold out');
  }

  // @ts-expect-error as above
  @Exclusive()
  throwing(): void {
    throw new OutOfStock('sold out');
  }

  @Exclusive('slow', { contents: { why: 'a test' }, ttl: 5000 })
  async slow(): Promise<string | undefined> {
    await this.gate.pass();
    return 'done';
  }

  @Exclusive('current')
  async current() {
    await Promise.resolve();
    return ExclusiveLockService.current();
  }

  @Exclusive('factorial')
  async factorial(n: number): Promise<number | undefined> {
    return n <= 1 ? 1 : n * ((await this.factorial(n - 1)) ?? NaN);
  }

  @Exclusive('outer')
  async nested(): Promise<(string | undefined)[] | undefined> {
    const outer = ExclusiveLockService.current()?.name;
    const inner = await this.current();
    return [outer, inner?.name, ExclusiveLockService.current()?.name];
  }
}

async function start() {
  const { module, locks, log } = await startApp({ providers: [Orders] });
  return { orders: module.get(Orders), locks, log };
}

describe('a method with @Exclusive that is called directly', () => {
  it('resolves to its value, with its own `this` and arguments', async () => {
    const { orders } = await start();
    await expect(orders.ship('a', undefined, { b: 1 })).resolves.toBe('Zürich 3');
    expect(orders.calls).toEqual([['a', undefined, { b: 1 }]]);
  });

  it('returns a promise even if the method is synchronous', async () => {
    const { orders } = await start();
    const promise: unknown = orders.count();
    expect(promise).toBeInstanceOf(Promise);
    await expect(promise).resolves.toBe(42);
  });

  it('rejects with the error of the method, thrown synchronously or not, and releases the lock', async () => {
    const { orders, locks } = await start();
    await expect(orders.failing()).rejects.toThrow(OutOfStock);
    const thrown: unknown = orders.throwing();
    await expect(thrown).rejects.toThrow(OutOfStock);
    await expect(locks.inspect('Orders.failing')).resolves.toBeNull();
    await expect(locks.inspect('Orders.throwing')).resolves.toBeNull();
  });

  it('holds the lock of its name while it runs, with the options of the decorator', async () => {
    const { orders, locks } = await start();
    const running = orders.slow();
    await orders.gate.reached;
    const state = await locks.inspect('slow');
    expect(state).toMatchObject({ name: 'slow', holder: { contents: { why: 'a test' }, pid: process.pid } });
    expect(state?.remaining).toBeGreaterThan(3000);
    expect(state?.remaining).toBeLessThanOrEqual(5000);
    orders.gate.open();
    await running;
    await expect(locks.inspect('slow')).resolves.toBeNull();
  });

  it('is skipped and resolves to undefined while another call runs, and runs again afterwards', async () => {
    const { orders, log } = await start();
    const first = orders.slow();
    await orders.gate.reached;
    await expect(orders.slow()).resolves.toBeUndefined();
    orders.gate.open();
    await expect(first).resolves.toBe('done');
    await expect(orders.slow()).resolves.toBe('done');
    expect(log.complaints).toEqual([]);
    expect(log.ours('debug')).toEqual([expect.stringMatching(/"slow" is skipped: busy/)]);
  });

  it('runs once if it is called a hundred times at the same moment', async () => {
    const { orders } = await start();
    const calls = Promise.all(Array.from({ length: 100 }, () => orders.slow()));
    await orders.gate.reached;
    setImmediate(() => orders.gate.open());
    expect((await calls).filter((value) => value === 'done')).toHaveLength(1);
  });

  it('joins its own lease when it calls itself', async () => {
    const { orders } = await start();
    await expect(orders.factorial(5)).resolves.toBe(120);
  });

  it.each([
    ['Orders.ship', 'ship'],
    ['orders-count', 'count'],
  ] as const)('uses the lock %s', async (name, method) => {
    const { orders, locks } = await start();
    const lease = await locks.acquire(name);
    await expect(Promise.resolve(orders[method]())).resolves.toBeUndefined();
    await lease?.release();
    await expect(Promise.resolve(orders[method]())).resolves.toBeDefined();
  });
});

describe('ExclusiveLockService.current()', () => {
  it('is the lease inside of a decorated method, also after an await', async () => {
    const { orders } = await start();
    const lease = await orders.current();
    expect(lease).toMatchObject({ name: 'current', tick: undefined, held: false });
    expect(lease?.fencingToken).toBeGreaterThan(0);
  });

  it('is the innermost lease, and the outer one again afterwards', async () => {
    const { orders } = await start();
    await expect(orders.nested()).resolves.toEqual(['outer', 'current', 'outer']);
  });

  it('is undefined outside, before, between and after', async () => {
    const { orders } = await start();
    expect(ExclusiveLockService.current()).toBeUndefined();
    const running = orders.slow();
    await orders.gate.reached;
    expect(ExclusiveLockService.current()).toBeUndefined();
    orders.gate.open();
    await running;
    expect(ExclusiveLockService.current()).toBeUndefined();
  });
});

describe('an object with decorated methods', () => {
  @Injectable()
  class Plain {
    readonly city = 'Zürich';
    readonly calls: string[] = [];

    @Exclusive()
    async run(): Promise<string | undefined> {
      return this.city;
    }
  }

  it('shows nothing of the library when it is listed, printed, copied or compared', async () => {
    const { module } = await startApp({ providers: [Plain] });
    const object = module.get(Plain);
    await expect(object.run()).resolves.toBe('Zürich');
    const same = { city: 'Zürich', calls: [] };
    expect(Object.keys(object)).toEqual(['city', 'calls']);
    expect(JSON.stringify(object)).toBe(JSON.stringify(same));
    expect(inspect(object, { depth: 9 })).toBe("Plain { city: 'Zürich', calls: [] }");
    expect(object).toEqual(same);
    expect(object).toStrictEqual(new Plain());
    expect(Reflect.ownKeys(Object.assign({}, object))).toEqual(['city', 'calls']);
    const enumerable: string[] = [];
    for (const key in object) enumerable.push(key);
    expect(enumerable).toEqual(['city', 'calls']);
  });
});
