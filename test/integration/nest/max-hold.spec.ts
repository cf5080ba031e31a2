import { Inject, Injectable } from '@nestjs/common';
import { Exclusive, ExclusiveLockService, type LockEvent } from 'nestjs-exclusive-lock';
import { eventually } from '../../support/eventually.js';
import { ownTime } from '../../support/own-time.js';
import { SHARED_STORES, type SharedStore } from '../../support/stores.js';
import { Gate } from './support/gate.js';
import { closeApps, startApp, type NestApp } from './support/nest-apps.js';

const TTL = 600;
const MAX_HOLD = 900;

@Injectable()
class Imports {
  @Inject() locks!: ExclusiveLockService;
  readonly gate = new Gate();
  readonly signals: AbortSignal[] = [];

  /** Hangs until the test lets it go on, whatever its signal says. */
  @Exclusive('import', { ttl: TTL, maxHold: MAX_HOLD })
  async hang(): Promise<string | undefined> {
    this.signals.push(ExclusiveLockService.current()!.signal);
    await this.gate.pass();
    return 'came back';
  }

  @Exclusive('heeds', { ttl: TTL, maxHold: MAX_HOLD })
  async heed(): Promise<void> {
    const { signal } = ExclusiveLockService.current()!;
    await new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
  }

  @Exclusive('blocks', { ttl: 10_000, maxHold: 200 })
  block(): unknown {
    const lease = ExclusiveLockService.current()!;
    const before = lease.held;
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 300);
    return [before, lease.held, lease.signal.aborted];
  }
}

describe.each(SHARED_STORES)('work that hangs under a lock with maxHold, on %s', (_name, makeStore) => {
  let store: SharedStore;
  let one: NestApp;
  let two: NestApp;

  beforeEach(async () => {
    store = makeStore();
    [one, two] = (await Promise.all(
      [1, 2].map(() => startApp({ locks: store.options, providers: [Imports] })),
    )) as [NestApp, NestApp];
  });

  afterEach(async () => {
    one.module.get(Imports).gate.open();
    two.module.get(Imports).gate.open();
    await closeApps();
    await store.remove();
  });

  it('does not keep another replica out for ever: the signal aborts, and then the other replica gets the lock', async () => {
    const [hanging, next] = [one.module.get(Imports), two.module.get(Imports)];
    const events: LockEvent[] = [];
    one.locks.events$.subscribe((event) => events.push(event));
    const running = hanging.hang();
    await hanging.gate.reached;
    const [begun, ownBegun] = [performance.now(), ownTime()];
    const [signal] = hanging.signals;

    let second: Promise<string | undefined> | undefined;
    await eventually(async () => {
      const attempt = next.hang();
      await Promise.race([attempt, next.gate.reached]);
      if (next.signals.length > 0) second = attempt;
      expect(second).toBeDefined();
    });

    // Both replicas are in this process: if its event loop was blocked, the signal aborts when that turns again.
    await eventually(() => expect(signal.aborted).toBe(true));
    expect(signal.reason).toMatchObject({ code: 'LOCK_LOST', reason: 'max-hold' });
    expect(performance.now() - begun).toBeGreaterThanOrEqual(MAX_HOLD - 5);
    expect(ownTime() - ownBegun).toBeLessThan(MAX_HOLD + TTL + 1000);
    // Nest has one logger for all applications of a process.
    const warnings = [one, two].flatMap(({ log }) => log.ours('warn'));
    expect(warnings).toEqual([expect.stringContaining('held for maxHold (900 ms)')]);

    // What it releases when it returns at last is not the other's lock.
    hanging.gate.open();
    await expect(running).resolves.toBe('came back');
    await expect(one.locks.inspect('import')).resolves.not.toBeNull();
    expect(next.signals[0].aborted).toBe(false);
    next.gate.open();
    await expect(second).resolves.toBe('came back');
    expect(events.map(({ type }) => type).filter((type) => type === 'lost')).toHaveLength(1);
  });

  it('frees the lock at once when it returns because its signal aborts', async () => {
    await expect(one.module.get(Imports).heed()).rejects.toMatchObject({
      code: 'LOCK_LOST',
      reason: 'max-hold',
    });
    await expect(two.locks.inspect('heeds')).resolves.toBeNull();
  });

  it('notices that in the same synchronous code, after a blocked event loop', async () => {
    await expect(one.module.get(Imports).block()).resolves.toEqual([true, false, true]);
  });
});
